"""De-flicker: a series of class maps smoothed in time, beside the series as it is.

Annual class maps flicker: a pixel turns from A to B and back to A, without anything having changed
on the ground. ``Deflickered`` wraps any source of annual classes and offers one more variable,
``land_use_smoothed`` beside ``land_use`` (and ``land_cover_smoothed`` beside ``land_cover``). The
variable of the labels is never touched, so scores stay on raw labels and smoothed ones can stand
beside them; a recipe that wants to learn from smoothed labels names them. A variable of its own,
and not an option that changes ``land_use`` in place, because a cube then says by its names what it
holds, both are there to be compared, and nobody can score on filtered labels by accident.

Smoothing never looks across a cut. The series is cut where a year is missing and before each year
of ``breaks``: with a split of training until 2005 and testing from 2006, ``breaks: [2006]`` keeps
every value of a later year out of the smoothed labels up to 2005, and the other way round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from ai4land.errors import ConfigError
from ai4land.grid import Window
from ai4land.sources.class_series.flicker import (
    Codes,
    count_reversals,
    majority_of,
    runs_of,
    settle,
)
from ai4land.sources.reader import Strict
from ai4land.sources.source import (
    Array,
    Fields,
    Notes,
    Provenance,
    Source,
    SourceField,
    Ticks,
    checked,
)
from ai4land.vocabulary import NO_DATA, Clock, variable

__all__ = ["SMOOTHED", "Deflicker", "Deflickered", "unsmoothed"]

SMOOTHED: Mapping[str, str] = MappingProxyType(
    {"land_use": "land_use_smoothed", "land_cover": "land_cover_smoothed"}
)
"""Variable → its smoothed companion."""

_LONGEST = 5  # years away that are counted as a reversal, in the report
_SURVEY_PIXELS = 1 << 21
_STRIP_PIXELS = 1 << 18


class Deflicker(Strict):
    """How a series is smoothed.

    Attributes:
        method: ``majority``: the class that has more votes than any other in ``window`` years
            around the year; without a single winner the raw class stays. A pixel that alternates
            every year has no lasting majority and goes on alternating. ``reversal``: a change is
            taken for real unless the class before it comes back within ``window`` years counted
            with both ends (3: A→B→A; 5: up to three years away), read from the past to the
            future; what changes and stays away is not touched and not delayed.
        window: Number of years; odd for ``majority``.
        breaks: Years before which the series is cut.
    """

    method: Literal["majority", "reversal"]
    window: Annotated[int, Field(ge=3, le=15)] = 3
    breaks: tuple[Annotated[int, Field(ge=1, le=9999)], ...] = ()

    @model_validator(mode="after")
    def _odd(self) -> Deflicker:
        if self.method == "majority" and self.window % 2 == 0:
            raise ValueError("an odd window, so that the year stands in its middle")
        return self

    @property
    def away(self) -> int:
        """Longest absence, in years, that is undone."""
        return self.window // 2 if self.method == "majority" else self.window - 2


def unsmoothed(name: str, options: Deflicker | None) -> str:
    """The raw variable behind a name that a recipe asks a series for.

    Raises:
        ConfigError: If the smoothed variable is asked for and nothing says how to smooth.
    """
    for raw, smooth in SMOOTHED.items():
        if smooth == name:
            if options is None:
                raise ConfigError(
                    "A smoothed variable needs to know how it is smoothed",
                    where=f"variable {name!r}",
                    expected="the option `deflicker`, such as {method: reversal, window: 3}",
                    remedy=f"set it, or ask for {raw!r}, the labels as they are",
                )
            return raw
    return name


@dataclass(frozen=True)
class _Memory:
    """What the last read left behind, so that a series is read once and not window by window.

    Attributes:
        window: The window it is of.
        maps: Raw maps by tick.
        tick: Time up to which ``held`` is settled.
        held: Class of each pixel that is settled on, ``NO_DATA`` if none was seen yet.
    """

    window: Window
    maps: dict[int, Codes] = field(default_factory=dict)
    tick: int | None = None
    held: Codes | None = None


class Deflickered:
    """A source with one more variable: its annual classes, smoothed in time.

    A majority reads ``window`` maps around a year. A reversal reads from the last cut on, since
    what a pixel was settled on depends on all that was before; years that follow each other in the
    same window are read once.

    Args:
        source: The source; all its variables are passed on as they are.
        options: How to smooth.
        name: The annual categorical variable to smooth.

    Raises:
        ConfigError: If that is not an annual series of classes.
    """

    def __init__(self, source: Source, options: Deflicker, name: str = "land_use") -> None:
        entry = source.fields[name]
        if name not in SMOOTHED or entry.clock is not Clock.YEAR:
            raise ConfigError(
                "Only annual classes of land can be smoothed in time",
                where="option `deflicker`",
                expected=f"{' or '.join(SMOOTHED)}, every year",
                found=f"{name}, clock {entry.clock.value}",
            )
        self._source, self._options = source, options
        self._raw, self._smooth = name, SMOOTHED[name]
        self._runs = runs_of(entry.ticks, options.breaks)
        self._memory: _Memory | None = None
        offered = {**source.fields, self._smooth: replace(entry, variable=variable(self._smooth))}
        self.fields: Mapping[str, SourceField] = Fields(
            offered, getattr(source.fields, "absent", None)
        )

    def __getstate__(self) -> dict[str, Any]:
        """Everything but what was read last."""
        return {**self.__dict__, "_memory": None}

    def read(self, variable: str, tick: int | None, window: Window) -> Array:
        """Values of a window; of the smoothed variable as the options say; see ``Source.read``."""
        if variable != self._smooth:
            return self._source.read(variable, tick, window)
        checked(self.fields, variable, tick, window)
        assert tick is not None
        memory = self._memory
        if memory is None or memory.window != window:
            memory = _Memory(window)
        if self._options.method == "majority":
            values, self._memory = self._majority(tick, memory)
        else:
            values, self._memory = self._settled(tick, memory)
        return values

    def _maps(self, ticks: Sequence[int], memory: _Memory) -> dict[int, Codes]:
        """Raw maps of some ticks, those known already not read again."""
        return {
            t: memory.maps[t]
            if t in memory.maps
            else self._source.read(self._raw, t, memory.window)
            for t in ticks
        }

    def _majority(self, tick: int, memory: _Memory) -> tuple[Codes, _Memory]:
        half = self._options.window // 2
        near = [t for t in self._run(tick) if abs(t - tick) <= half]
        maps = self._maps(near, memory)
        return majority_of(list(maps.values()), near.index(tick)), replace(memory, maps=maps)

    def _settled(self, tick: int, memory: _Memory) -> tuple[Codes, _Memory]:
        """Follow each pixel from the cut to a year; see ``Deflicker``."""
        run, away = self._run(tick), self._options.away
        held, start = memory.held, run.index(tick)
        if held is None or memory.tick not in run[: start + 1]:
            held, first = np.full(memory.window.shape, NO_DATA, dtype=np.uint8), 0
        else:
            first = run.index(memory.tick) + 1
        maps = memory.maps
        for k in range(first, start + 1):
            maps = self._maps(run[k : k + away + 1], replace(memory, maps=maps))
            held = settle(held, [maps[t] for t in run[k : k + away + 1]])
        maps = self._maps([tick, *(t for t in maps if t > tick)], replace(memory, maps=maps))
        values = np.where(maps[tick] == NO_DATA, np.uint8(NO_DATA), held)
        return values, _Memory(memory.window, maps, tick, held)

    def _run(self, tick: int) -> tuple[int, ...]:
        return next(run for run in self._runs if tick in run)

    def inspect(self, variable: str, ticks: Ticks, window: Window) -> Notes:
        """What the source finds; of the smoothed variable also what smoothing does.

        Returns:
            ``deflicker``: method, window, breaks, and how many A→B→A there are before and after
            by years away, over all years between the first and last of ``ticks``, cuts of
            ``breaks`` included; ``changed_share`` of the pixel-years; ``rows_looked_at`` if the
            window is too large to be looked at as a whole.
        """
        if variable != self._smooth:
            return self._source.inspect(variable, ticks, window)
        entry = checked(self.fields, variable, ticks[0], window)
        notes = dict(self._source.inspect(self._raw, ticks, window))
        years = [t for t in entry.ticks if ticks[0] <= t <= ticks[-1]]
        strips = list(_strips(window))
        before: Counter[int] = Counter()
        after: Counter[int] = Counter()
        changed = total = 0
        for strip in strips:
            for run in runs_of(years, ()):
                one = [self._source.read(self._raw, t, strip) for t in run]
                two = [self.read(variable, t, strip) for t in run]
                before.update(count_reversals(one, _LONGEST))
                after.update(count_reversals(two, _LONGEST))
                changed += sum(int((a != b).sum()) for a, b in zip(one, two, strict=True))
                total += sum(int((a != NO_DATA).sum()) for a in one)
        notes["deflicker"] = {
            "method": self._options.method,
            "window": self._options.window,
            "breaks": list(self._options.breaks),
            "reversals_before": {str(k): n for k, n in sorted(before.items())},
            "reversals_after": {str(k): n for k, n in sorted(after.items())},
            "changed_share": round(changed / max(total, 1), 6),
        }
        rows = sum(s.height for s in strips)
        if rows < window.height:
            notes["deflicker"]["rows_looked_at"] = f"{rows} of {window.height}, evenly spaced"
        return notes

    def provenance(
        self, ticks: Collection[int] | None = None, variables: Collection[str] | None = None
    ) -> list[Provenance]:
        """The files behind some times, with those that smoothing looks at."""
        names = set(self.fields if variables is None else variables)
        raw = {self._raw if name == self._smooth else name for name in names}
        if ticks is None or self._smooth not in names:
            return self._source.provenance(ticks, raw)
        wanted: set[int] = set(ticks)
        for tick in ticks:
            for run in (r for r in self._runs if tick in r):
                i, h = run.index(tick), self._options.away
                settled = self._options.method == "reversal"
                wanted.update(run[0 if settled else max(i - h, 0) : i + h + 1])
        return self._source.provenance(wanted, raw)


def _strips(window: Window) -> Iterator[Window]:
    """Rows of a window, a few at a time; all of them, or evenly spaced ones of a large window."""
    tall = max(1, min(window.height, _STRIP_PIXELS // window.width))
    if window.height * window.width <= _SURVEY_PIXELS:
        yield from window.strips(tall)
        return
    count = max(1, _SURVEY_PIXELS // (tall * window.width))
    for i in range(count):
        row = (window.height - tall) * i // max(count - 1, 1)
        yield Window(window.row + row, window.col, tall, window.width)
