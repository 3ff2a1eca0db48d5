"""Write a synthetic planet as the files that its providers would publish."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ai4land.errors import ConfigError
from ai4land.testing.netcdfs import StatesFile, write_gebco, write_static
from ai4land.testing.planet import Planet, PlanetYear, make_planet
from ai4land.testing.rasters import write_hilda, write_koeppen
from ai4land.testing.spec import FORK_YEAR, PlanetSpec

__all__ = ["write_planet"]

_FIRST_LABEL_YEAR = 1899  # of HILDA+ v1


def write_planet(
    planet: Planet | PlanetSpec,
    folder: str | Path,
    *,
    years: Iterable[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write provider files of a planet: HILDA+, LUH2, GEBCO and Köppen-Geiger.

    Land use covers the region, the other products a coarse cell more on each side where the globe
    allows (Köppen-Geiger: whole cells of its own grid).

    Args:
        planet: A planet, or the specification of one.
        folder: Folder to write into; created where it is missing, files are replaced.
        years: Years of land use to write, at the most ``spec.history_years``; by default those
            from 1899 on, as HILDA+ has them. Never years of a scenario.
        progress: Called after each simulated year with the years done and the years in all.

    Returns:
        The folder.

    Raises:
        ConfigError: If a year is asked for that history does not have.
    """
    if isinstance(planet, PlanetSpec):
        planet = make_planet(planet)
    spec, folder = planet.spec, Path(folder)
    history = spec.history_years
    wanted = set(history) - set(range(_FIRST_LABEL_YEAR)) if years is None else set(years)
    if not wanted <= set(history):
        raise ConfigError(
            "History does not have these years of land use",
            expected=f"{history[0]}…{history[-1]}",
            found=", ".join(map(str, sorted(wanted - set(history)))),
        )
    total = len(history) + len(spec.scenarios) * len(spec.scenario_years)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    write_gebco(folder, planet)
    write_koeppen(folder / "koeppen_geiger_tif", planet)
    write_static(folder, planet)
    fork: PlanetYear | None = None
    with StatesFile(folder, planet, None) as states:
        for now in planet.history():
            if now.year in spec.forcing_years:
                states.append(now)
            if now.year in wanted:
                write_hilda(folder, spec, now.year, planet.labels(now))
            if now.year == FORK_YEAR:
                fork = now
            step()
    if fork is None:
        return folder
    for scenario in spec.scenarios:
        with StatesFile(folder, planet, scenario) as states:
            for now in planet.projection(scenario, fork):
                states.append(now)
                step()
    return folder
