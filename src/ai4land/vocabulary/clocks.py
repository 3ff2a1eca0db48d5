"""Clocks: how a time axis is counted, so that one step is always ``tick + 1``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from enum import StrEnum

from ai4land.errors import VocabularyError

__all__ = ["Clock"]

_TICKS_PER_YEAR = {"year": 1, "month": 12, "10day": 36, "8day": 46}
_NOUNS = {
    "year": "years",
    "month": "months",
    "10day": "ten-day periods",
    "8day": "eight-day periods",
}


class Clock(StrEnum):
    """The rhythm of a variable; a time is an integer *tick* of its clock.

    The tick of a year is the year itself; of a month ``12·year + month − 1``; of a ten-day period
    ``36·year + period − 1`` (dekads, which start on the 1st, 11th and 21st of each month); of an
    eight-day period ``46·year + period − 1`` (MODIS composites, which restart on 1 January). A
    static variable has no tick.
    """

    STATIC = "static"
    YEAR = "year"
    MONTH = "month"
    TEN_DAYS = "10day"
    EIGHT_DAYS = "8day"

    @property
    def ticks_per_year(self) -> int:
        """Ticks in one year; raises for a static variable, which has no time."""
        if self is Clock.STATIC:
            raise VocabularyError(
                "A static variable has no time axis", remedy="ask only variables with a clock"
            )
        return _TICKS_PER_YEAR[self.value]

    def years(self, ticks: int) -> float:
        """Length of a number of ticks in years (12 months → 1.0)."""
        return ticks / self.ticks_per_year

    def tick(self, date: dt.date) -> int:
        """The tick that holds a date."""
        if self is Clock.EIGHT_DAYS:
            return date.year * 46 + (date.timetuple().tm_yday - 1) // 8
        part = 0 if self is Clock.YEAR else date.month - 1
        if self is Clock.TEN_DAYS:
            part = 3 * part + min((date.day - 1) // 10, 2)
        return date.year * self.ticks_per_year + part

    def date(self, tick: int) -> dt.date:
        """The first day of a tick."""
        year, part = divmod(tick, self.ticks_per_year)
        if self is Clock.EIGHT_DAYS:
            return dt.date(year, 1, 1) + dt.timedelta(days=8 * part)
        if self is Clock.TEN_DAYS:
            return dt.date(year, part // 3 + 1, 10 * (part % 3) + 1)
        return dt.date(year, part + 1 if self is Clock.MONTH else 1, 1)

    def convert(self, tick: int, other: Clock) -> int:
        """The tick of another clock in which a tick begins; 0 for what never changes."""
        if other is self or other is Clock.STATIC:
            return tick if other is self else 0
        return other.tick(self.date(tick))

    def season(self, tick: int) -> float:
        """Where the middle of a tick lies in its year, 0…1."""
        return (tick % self.ticks_per_year + 0.5) / self.ticks_per_year

    def label(self, tick: int) -> str:
        """A tick as people write it: ``1987``, ``1987-04`` or ``1987-04-07``."""
        if self is Clock.YEAR:
            return str(tick)
        text = self.date(tick).isoformat()
        return text[:7] if self is Clock.MONTH else text

    @property
    def noun(self) -> str:
        """What its times are called, in the plural; raises for a static variable."""
        if self is Clock.STATIC:
            raise VocabularyError("A static variable has no time axis")
        return _NOUNS[self.value]

    def ticks(self, years: Iterable[int]) -> tuple[int, ...]:
        """All ticks of some years, ascending if the years are."""
        count = self.ticks_per_year
        return tuple(year * count + part for year in years for part in range(count))

    def span(self, ticks: Sequence[int]) -> str:
        """First and last of some ticks as people write it: ``1987-04…1990-12``."""
        return f"{self.label(ticks[0])}…{self.label(ticks[-1])}"

    def stretches(self, ticks: Sequence[int]) -> list[str]:
        """Stretches of consecutive ticks as people write them: ``["1987-04…1990-12", "1993-01"]``.

        Args:
            ticks: Ascending.
        """
        found: list[list[int]] = []
        for tick in ticks:
            if found and found[-1][-1] == tick - 1:
                found[-1].append(tick)
            else:
                found.append([tick])
        return [self.span(part) if len(part) > 1 else self.label(part[0]) for part in found]
