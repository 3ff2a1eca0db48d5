"""Slices as they are written on the command line: years and regions."""

from __future__ import annotations

from ai4land.errors import ConfigError

__all__ = ["REGION", "YEARS", "region_of", "years_of"]

YEARS = "Only these years of the recipe, FIRST:LAST or one year."
REGION = "Only this part of the recipe's region: WEST,SOUTH,EAST,NORTH in degrees."


def years_of(written: str | None) -> tuple[int, int] | None:
    """First and last year of ``1990:2000`` or ``1990``.

    Raises:
        ConfigError: If it is neither.
    """
    if written is None:
        return None
    try:
        numbers = [int(part) for part in written.split(":")]
    except ValueError:
        numbers = []
    if len(numbers) not in {1, 2}:
        raise ConfigError(
            "These are not years", where="--years", expected="1990:2000 or 1990", found=written
        )
    return numbers[0], numbers[-1]


def region_of(written: str | None) -> tuple[float, float, float, float] | None:
    """West, south, east and north of ``-10,35,5,45``.

    Raises:
        ConfigError: If it is not four numbers.
    """
    if written is None:
        return None
    try:
        numbers = [float(part) for part in written.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        raise ConfigError(
            "This is not a region",
            where="--region",
            expected="WEST,SOUTH,EAST,NORTH, such as -10,35,5,45",
            found=written,
        )
    west, south, east, north = numbers
    return west, south, east, north
