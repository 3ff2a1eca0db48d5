"""Write a synthetic planet as the files of all the providers that readers are tested on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ai4land.testing import Planet, PlanetSpec, make_planet, write_planet
from ai4land.testing.planet.spec import FIRST_LABEL_YEAR
from ai4land.testing.write import check_years
from all_products.more_products import MoreProducts

__all__ = ["write_all_products"]


def write_all_products(
    planet: Planet | PlanetSpec,
    folder: str | Path,
    *,
    years: Iterable[int] | None = None,
    months: Iterable[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write what ``write_planet`` writes, and the other products of the planet.

    Those are population (ISIMIP3), soil (SoilGrids, WaterGAP texture), land parameters (PNNL), CO2
    (input4MIPs), the weather of months (ERA5-Land), land cover (ESA CCI) and leaf area (GIMMS
    LAI4g). Each product has the years that its provider has, as far as the planet does, and LUH2
    and CO2 all of them. Products coarser than the pixels come on cells of their providers' size.

    Args:
        planet: A planet, or the specification of one.
        folder: Folder to write into; created where it is missing, files are replaced.
        years: Years of all annual maps, those of scenarios, too, of which each product takes the
            ones that its provider has; by default all.
        months: Years whose months of weather and leaf area are written, of history; by default
            its last one.
        progress: Called after each simulated year with the years done and the years in all.

    Returns:
        The folder.

    Raises:
        ConfigError: If a year is asked for that the planet does not have.
    """
    if isinstance(planet, PlanetSpec):
        planet = make_planet(planet)
    spec, folder = planet.spec, Path(folder)
    known, history = range(spec.first_year, spec.last_year + 1), spec.history_years
    annual = set(known if years is None else years)
    monthly = {history[-1]} if months is None else set(months)
    check_years(annual, known, "land use")
    check_years(monthly, history, "months")
    more = MoreProducts(planet, folder, annual, monthly)
    more.write()
    labels = {year for year in annual if year in history and year >= FIRST_LABEL_YEAR}
    return write_planet(planet, folder, years=labels, progress=progress, see=more.see)
