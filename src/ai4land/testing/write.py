"""Write a synthetic planet as the files that its providers would publish."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from ai4land.errors import ConfigError
from ai4land.testing.netcdfs import StatesFile, write_gebco, write_static
from ai4land.testing.planet.planet import Planet, PlanetYear, make_planet
from ai4land.testing.planet.spec import FIRST_LABEL_YEAR, FORK_YEAR, PlanetSpec
from ai4land.testing.rasters import write_hilda, write_koeppen

__all__ = ["check_years", "write_planet"]


def write_planet(
    planet: Planet | PlanetSpec,
    folder: str | Path,
    *,
    years: Iterable[int] | None = None,
    future: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    see: Callable[[PlanetYear], None] | None = None,
) -> Path:
    """Write provider files of a planet.

    These are HILDA+, LUH2, GEBCO and Köppen-Geiger. Each product has the years that its provider
    has, as far as the planet does, and LUH2 all of them.

    Land use covers the region, the other products a coarse cell more on each side where the globe
    allows (Köppen-Geiger: whole cells of its own grid).

    Args:
        planet: A planet, or the specification of one.
        folder: Folder to write into; created where it is missing, files are replaced.
        years: Years of land use to write, at the most ``spec.history_years``; by default those
            from 1899 on, as HILDA+ has them.
        future: A scenario whose land use is written from 2016 on in place of history's, for the
            years asked for; no product has it, it is the truth of what a model is to foretell.
        progress: Called after each simulated year with the years done and the years in all.
        see: Called with each year of history, for whoever writes more of it.

    Returns:
        The folder.

    Raises:
        ConfigError: If a year or a scenario is asked for that the planet does not have.
    """
    if isinstance(planet, PlanetSpec):
        planet = make_planet(planet)
    spec, folder = planet.spec, Path(folder)
    history = spec.history_years
    if future is not None and future not in spec.scenarios:
        scenarios = ", ".join(spec.scenarios)
        raise ConfigError("The planet has no such scenario", expected=scenarios, found=future)
    known = history if future is None else range(history[0], spec.last_year + 1)
    wanted = set(known) - set(range(FIRST_LABEL_YEAR)) if years is None else set(years)
    check_years(wanted, known, "land use")
    later = wanted - set(range(FORK_YEAR + 1)) if future is not None else set()
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
    fork = _write_history(folder, planet, wanted - later, see, step)
    if fork is not None:
        for scenario in spec.scenarios:
            with StatesFile(folder, planet, scenario) as states:
                for now in planet.projection(scenario, fork):
                    states.append(now)
                    if scenario == future and now.year in later:
                        write_hilda(folder, spec, now.year, planet.labels(now))
                    step()
    return folder


def _write_history(
    folder: Path,
    planet: Planet,
    labels: Collection[int],
    see: Callable[[PlanetYear], None] | None,
    step: Callable[[], None],
) -> PlanetYear | None:
    """Simulate history and write what is seen of it; returns the year in which scenarios begin."""
    spec, fork = planet.spec, None
    with StatesFile(folder, planet, None) as states:
        for now in planet.history():
            if now.year in spec.forcing_years:
                states.append(now)
            if now.year in labels:
                write_hilda(folder, spec, now.year, planet.labels(now))
            if see is not None:
                see(now)
            if now.year == FORK_YEAR:
                fork = now
            step()
    return fork


def check_years(wanted: Collection[int], known: range, what: str) -> None:
    """Refuse years that the planet does not have.

    Args:
        wanted: Years that are asked for.
        known: Years that the planet has.
        what: What they are years of.

    Raises:
        ConfigError: If a year is not known.
    """
    if not set(wanted) <= set(known):
        raise ConfigError(
            f"The planet does not have these years of {what}",
            expected=f"{known[0]}…{known[-1]}",
            found=", ".join(map(str, sorted(set(wanted) - set(known)))),
        )
