"""Schedule: which time of a product fills which time of the cube, and where it is said so."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from typing import Literal

from ai4land.cube import Status
from ai4land.errors import ConfigError, MissingFileError
from ai4land.sources import SourceField
from ai4land.vocabulary import Clock

__all__ = ["Rule", "Schedule", "held_from", "make_schedule", "times"]

Rule = Literal["error", "hold", "drop", "skip"]
Schedule = Mapping[int, tuple[int | None, Status]]


def make_schedule(
    years: Sequence[int], offered: SourceField, rule: Rule, where: str, step: int = 1
) -> Schedule:
    """For each time of the cube, the time of the product to read and its status.

    Every tick of each year is scheduled. ``hold`` fills a tick that the product lacks with the
    **same part of another year** (a March with a March): of the last year before that has it, or
    of the first one after, if none before has.

    Args:
        years: The years asked for, ascending.
        offered: What the product has.
        rule: What happens to times outside the product's; ``skip`` leaves them out of the cube.
        where: Place in the recipe, for error texts.
        step: Years between two years asked for, for error texts.

    Returns:
        Empty for a static field.

    Raises:
        ConfigError: If times are outside and the rule is ``error``, or all are and it is ``skip``.
        MissingFileError: If a time inside the series cannot be read.
    """
    clock = offered.clock
    if clock is Clock.STATIC:
        return {}
    asked, have = clock.ticks(years), frozenset(offered.ticks)
    _refuse_gaps(asked, offered, where, years, step)
    outside = [t for t in asked if t not in have]
    covered = clock.span(offered.ticks)
    if outside and rule == "error":
        raise ConfigError(
            f"The product does not cover all {clock.noun}",
            where=where,
            expected=f"within {covered}",
            found=f"{len(outside)} {clock.noun} outside, {clock.span(outside)}",
            remedy="ask for fewer years, or say `outside: hold` or `outside: drop`",
        )
    same_part: dict[int, list[int]] = {}
    for tick in offered.ticks:
        same_part.setdefault(tick % clock.ticks_per_year, []).append(tick)
    schedule: dict[int, tuple[int | None, Status]] = {}
    for tick in asked:
        if tick in have:
            status = Status.BACK_CAST if tick in offered.back_cast else Status.OBSERVED
            schedule[tick] = (tick, status)
        elif rule == "drop":
            schedule[tick] = (None, Status.DROPPED)
        elif rule == "hold":
            known = same_part.get(tick % clock.ticks_per_year)
            if known is None:
                raise ConfigError(
                    "Nothing can be held: the product never has this part of the year",
                    where=where,
                    expected=f"something to take for {clock.label(tick)} within {covered}",
                    remedy="say `outside: drop`",
                )
            schedule[tick] = (known[max(bisect.bisect(known, tick) - 1, 0)], Status.HELD)
    if not schedule:
        raise ConfigError(
            "The labels have none of the years asked for",
            where=where,
            expected=f"some of {covered}",
            found=f"{years[0]}…{years[-1]} in steps of {step}",
        )
    return schedule


def _refuse_gaps(
    asked: Sequence[int], offered: SourceField, where: str, years: Sequence[int], step: int
) -> None:
    """A time missing inside the series is an error, whatever the rule."""
    clock = offered.clock
    gap = next((t for t in asked if t in offered.gaps), None)
    if gap is None:
        return
    one = "A year" if clock is Clock.YEAR else "A time"
    raise MissingFileError(
        f"{one} is missing in the middle of the series",
        where=where,
        expected=f"every {step}. year of {years[0]}…{years[-1]}"
        if step > 1
        else f"all {clock.noun} of {years[0]}…{years[-1]}",
        found=f"{clock.label(gap)}: {offered.gaps[gap]}",
        remedy="restore it, or ask for other years",
    )


def times(clock: Clock, ticks: Sequence[int]) -> list[int] | list[str]:
    """Times as attributes keep them: years as numbers, finer ones as stretches of dates."""
    return list(ticks) if clock is Clock.YEAR else clock.stretches(ticks)


def held_from(clock: Clock, schedule: Schedule) -> dict[str, list[str]]:
    """Year that is held → the times of the cube that it fills, in stretches."""
    found: dict[str, list[int]] = {}
    for tick, (origin, status) in schedule.items():
        if status is Status.HELD and origin is not None:
            found.setdefault(str(origin // clock.ticks_per_year), []).append(tick)
    return {year: clock.stretches(ticks) for year, ticks in found.items()}
