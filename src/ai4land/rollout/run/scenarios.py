"""Scenarios: until when several cubes tell a model the same, by values and not by names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ai4land.cube import Cube
from ai4land.errors import ConfigError
from ai4land.grid import Grid
from ai4land.rollout.run.manifest import fingerprint
from ai4land.vocabulary import Clock

__all__ = ["shared_until"]

_CELLS = 1 << 22  # compared at once


def shared_until(
    base: Cube, scenarios: Mapping[str, Cube], names: Sequence[str], known: int, last: int
) -> int:
    """The last year until which all cubes hold the same of what drives a model.

    Args:
        base: The cube with the labels.
        scenarios: Name → cube of a scenario.
        names: The variables that matter: drivers, statics, labels.
        known: The last year with labels.
        last: The year that is to be reached.

    Returns:
        A year from ``known`` to the one before ``last``: a scenario has at least one of its own.

    Raises:
        ConfigError: If the cubes differ before the last labelled year.
    """
    others = {name: cube for name, cube in scenarios.items() if cube.path != base.path}
    said = fingerprint(base, names) if others else {}
    differ = {
        name: [v for v, digest in fingerprint(cube, names).items() if digest != said[v]]
        for name, cube in others.items()
    }
    for scenario, cube in others.items():
        for name in differ[scenario]:
            group, theirs = base.group(name), cube.group(name)
            if group.grid != theirs.grid or group.clock is not theirs.clock:
                raise _unlike(scenario, name, "another grid or clock")
            both = [t for t in group.ticks if t in theirs.ticks and _year(group.clock, t) <= known]
            for tick in both if group.ticks else [None]:
                if not _alike([base, cube], name, tick, group.grid):
                    when = "" if tick is None else f" in {group.clock.label(tick)}"
                    raise _unlike(scenario, name, f"other values{when}")
    year = known
    while year + 1 < last and _same(base, others, differ, year + 1):
        year += 1
    return year


def _same(
    base: Cube, others: Mapping[str, Cube], differ: Mapping[str, Sequence[str]], year: int
) -> bool:
    """Whether all cubes hold the same in a year."""
    for scenario, cube in others.items():
        for name in differ[scenario]:
            clock = base.group(name).clock
            if clock is Clock.STATIC:
                continue
            ticks = [
                {t for t in held.group(name).ticks if _year(clock, t) == year}
                for held in (base, cube)
            ]
            if ticks[0] != ticks[1]:
                return False
            grid = base.grid(name)
            if not all(_alike([base, cube], name, tick, grid) for tick in sorted(ticks[0])):
                return False
    return True


def _year(clock: Clock, tick: int) -> int:
    return tick // clock.ticks_per_year


def _alike(cubes: Iterable[Cube], name: str, tick: int | None, grid: Grid) -> bool:
    """Whether two cubes hold the same values at one time."""
    rows = max(_CELLS // grid.width, 1)
    for row in range(0, grid.height, rows):
        one, two = (cube.read(name, tick, grid.band(row, rows)) for cube in cubes)
        if not np.array_equal(one, two, equal_nan=one.dtype.kind == "f"):
            return False
    return True


def _unlike(scenario: str, name: str, found: str) -> ConfigError:
    return ConfigError(
        "The cube of a scenario differs from the others where all must be alike",
        where=f"scenario {scenario!r}, {name}",
        expected="the same labels, static fields and forcing until the last labelled year",
        found=found,
        remedy="build all cubes from one recipe, with nothing but the scenario's files changed",
    )
