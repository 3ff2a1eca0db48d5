"""Flags: which times of a cube's variables are not what their product says of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ai4land.cube.schema import Status
from ai4land.cube.store import Cube
from ai4land.vocabulary import Clock

__all__ = ["evidence", "flagged", "status_by_year", "years_behind"]

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
    for tick, status in _statuses(cube, name).items():
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
        status = _statuses(cube, name)
        ticks = [t for t in status if t // clock.ticks_per_year in years]
        said = {
            kind.name.lower(): clock.stretches([t for t in ticks if status[t] is kind])
            for kind in kinds
            if any(status[t] is kind for t in ticks)
        }
        if said:
            found[name] = said
    return found


def evidence(cube: Cube, names: Iterable[str] | None = None) -> dict[str, str]:
    """Variable → what its source says that its values are worth, of those that it says it of.

    Args:
        cube: The cube.
        names: Variables that matter; default: all.
    """
    notes: Mapping[str, Any] = cube.attributes.get("notes") or {}
    asked = cube.variables if names is None else names
    said = {name: notes[name].get("evidence") for name in asked if name in notes}
    return {name: str(what) for name, what in said.items() if what}


def _statuses(cube: Cube, name: str) -> dict[int, Status]:
    """Statuses of a variable; transitions need none at its last time, which nothing follows."""
    found = dict(cube.status(name))
    if cube.variable(name).variable.pairs_of and found and found[max(found)] is Status.DROPPED:
        del found[max(found)]
    return found
