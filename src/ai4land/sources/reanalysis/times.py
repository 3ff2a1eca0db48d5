"""Times of a reanalysis: what a field stands for, and the stamps that fill a period of a clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from enum import StrEnum

import numpy as np

from ai4land.errors import SourceError
from ai4land.formats import Instants
from ai4land.vocabulary import Clock

__all__ = ["DAY", "Frequency", "Way", "frequency_of", "needed", "stamps"]

DAY = 86_400
_HOUR = 3_600
_COARSEST = 6 * _HOUR  # four times a day still see the course of the day
_MONTHLY_STREAMS, _BY_HOUR_STREAMS = {"moda", "edmo"}, {"mnth", "edmm"}


class Frequency(StrEnum):
    """What one field of a file stands for."""

    MONTH = "month"  #: the mean of a month; accumulations per day
    DAY = "day"  #: the mean of a day; accumulations are the day's total
    HOUR = "hour"  #: one moment, or what accumulated until then


class Way(StrEnum):
    """How an hourly value relates to the time before its stamp."""

    NOW = "now"  #: a state at the stamp, or the mean of the hour after it
    HOUR_BEFORE = "hour before"  #: accumulated over the hour that ends at the stamp (ERA5)
    SINCE_MIDNIGHT = "since midnight"  #: accumulated since 00 UTC, at 00 of 24 hours (ERA5-Land)


def frequency_of(
    times: Instants, stated: Frequency | None, streams: Collection[str], where: object
) -> tuple[Frequency, int]:
    """What the fields stand for, from their spacing, what the files say of it, and the recipe.

    Args:
        times: All times of a variable, any order.
        stated: What the recipe says.
        streams: ECMWF streams that the files name, such as ``moda``.
        where: For the error text.

    Returns:
        The frequency, and for hours the step between two of them in seconds.

    Raises:
        SourceError: If it cannot be told, or the times contradict it.
    """
    sorted_times = np.unique(times)
    step = int(np.diff(sorted_times).min()) if sorted_times.size > 1 else 0
    months = sorted_times.astype("datetime64[s]").astype("datetime64[M]")
    on_first = bool((sorted_times.astype("datetime64[s]").astype("datetime64[D]") == months).all())
    if set(streams) & _BY_HOUR_STREAMS or (
        on_first and 0 < step < DAY and np.unique(months).size > 1
    ):
        raise SourceError(
            "These are monthly means by hour of the day",
            where=where,
            expected="monthly means, or hours of all days",
            remedy="download `monthly_averaged_reanalysis`, not the one `by_hour_of_day`",
        )
    found = stated or _from_streams(streams)
    if found is None and on_first and step >= 28 * DAY:
        found = Frequency.MONTH
    elif found is None and 0 < step < DAY:
        found = Frequency.HOUR
    alone = step == 0
    fits = {
        Frequency.MONTH: on_first and (alone or step >= 28 * DAY),
        Frequency.DAY: alone or step >= DAY,
        Frequency.HOUR: True,
    }
    if found is None or not fits[found]:
        raise SourceError(
            "It cannot be told what one field stands for"
            if found is None
            else f"The times are not those of one field a {found.value}",
            where=where,
            expected="months stamped on their first day, or several hours a day",
            found=f"{sorted_times.size} times, {step / _HOUR:g} h apart",
            remedy="say `frequency: month` (means of months), `day` (means or sums of days) or "
            "`hour` (moments) in the options",
        )
    return found, (step or DAY)


def _from_streams(streams: Collection[str]) -> Frequency | None:
    if not streams:
        return None
    return Frequency.MONTH if set(streams) <= _MONTHLY_STREAMS else Frequency.HOUR


def stamps(times: Instants, frequency: Frequency) -> Instants:
    """Times as they are looked up: a month by its first midnight, a day by its midnight."""
    if frequency is Frequency.HOUR:
        return times
    unit = "datetime64[M]" if frequency is Frequency.MONTH else "datetime64[D]"
    return times.astype("datetime64[s]").astype(unit).astype("datetime64[s]").astype(np.int64)


def needed(clock: Clock, tick: int, frequency: Frequency, step: int, way: Way) -> Instants:
    """The stamps that together make one period; if one is missing, the period is incomplete.

    Args:
        clock: The clock.
        tick: The period.
        frequency: What one field stands for.
        step: Seconds between two hourly fields.
        way: How an hourly value relates to its stamp.
    """
    start, stop = _midnight(clock.date(tick)), _midnight(clock.date(tick + 1))
    if frequency is Frequency.MONTH:
        return np.array([start], dtype=np.int64)
    if frequency is Frequency.DAY:
        return np.arange(start, stop, DAY, dtype=np.int64)
    if way is Way.HOUR_BEFORE:
        return np.arange(start + _HOUR, stop + 1, _HOUR, dtype=np.int64)
    if way is Way.SINCE_MIDNIGHT:
        return np.arange(start + DAY, stop + 1, DAY, dtype=np.int64)
    if step > _COARSEST or DAY % step:
        raise SourceError(
            "Too few hours a day for a mean",
            expected=f"a field every {_COARSEST // _HOUR} hours or more often, in even steps",
            found=f"every {step / _HOUR:g} h",
            remedy="download more hours; if each field is the mean of its day, say "
            "`frequency: day` in the options",
        )
    return np.arange(start, stop, step, dtype=np.int64)


def _midnight(date: dt.date) -> int:
    return int(dt.datetime(date.year, date.month, date.day, tzinfo=dt.UTC).timestamp())
