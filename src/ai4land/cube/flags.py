"""Flags: which times of a cube's variables are not what their product says of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from ai4land.cube.schema import Status
from ai4land.cube.store import Cube
from ai4land.vocabulary import Clock

__all__ = ["flagged", "status_by_year", "years_behind"]

_GRAVITY = (Status.OBSERVED, Status.BACK_CAST, Status.PREDICTED, Status.HELD, Status.DROPPED)


def years_behind(clock: Clock, ticks: Iterable[int]) -> set[int]:
    """The years in which some ticks lie."""
    return {tick // clock.ticks_per_year for tick in ticks}


def status_by_year(cube: Cube, name: str) -> dict[int, Status]:
    """Year → status of a variable; of a year with several times, the gravest.

    Empty for a static variable.
    """
    clock = cube.group(name).clock
    found: dict[int, Status] = {}
    for tick, status in cube.status(name).items():
        year = tick // clock.ticks_per_year
        found[year] = max(found.get(year, Status.OBSERVED), status, key=_GRAVITY.index)
    return found


def flagged(
    cube: Cube,
    years: Collection[int],
    names: Iterable[str] | None = None,
    kinds: Collection[Status] = (Status.HELD, Status.DROPPED),
) -> dict[str, Mapping[str, list[str]]]:
    """Variable → status → the times in some years that have it, as stretches for people.

    Args:
        cube: The cube.
        years: The years that matter.
        names: Variables that matter; default: all that have a time.
        kinds: Statuses that matter.
    """
    found: dict[str, Mapping[str, list[str]]] = {}
    for name in cube.variables if names is None else names:
        clock = cube.group(name).clock
        if clock is Clock.STATIC:
            continue
        status = cube.status(name)
        ticks = [t for t in status if t // clock.ticks_per_year in years]
        said = {
            kind.name.lower(): clock.stretches([t for t in ticks if status[t] is kind])
            for kind in kinds
            if any(status[t] is kind for t in ticks)
        }
        if said:
            found[name] = said
    return found
