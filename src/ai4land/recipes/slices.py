"""Slices: a recipe narrowed to fewer years or a smaller region, for a test or one job of many."""

from __future__ import annotations

from ai4land.errors import ConfigError
from ai4land.recipes.recipe import Recipe, Region, Years

__all__ = ["narrowed"]

Box = tuple[float, float, float, float]


def narrowed(
    recipe: Recipe, years: tuple[int, int] | None = None, region: Box | None = None
) -> Recipe:
    """The same recipe for some of its years and a part of its region.

    Args:
        recipe: The whole recipe.
        years: First and last year, both included; a recipe with a step keeps its own years.
        region: West, south, east, north in degrees.

    Raises:
        ConfigError: If the slice is not a part of the recipe.
    """
    changes: dict[str, object] = {}
    if years is not None:
        changes["years"] = _years(recipe, *years)
    if region is not None:
        changes["region"] = _region(recipe, region)
    made = recipe.model_copy(update=changes)
    made._place = recipe.place
    return made


def _years(recipe: Recipe, first: int, last: int) -> Years:
    asked = recipe.years
    kept = [y for y in asked.ticks if first <= y <= last]
    if first > last or first < asked.first or last > asked.last or not kept:
        raise ConfigError(
            "These years are not a part of the recipe's",
            where=recipe.place.at(("years",)),
            expected=f"first and last year within {asked.first}…{asked.last}"
            + (f" that hold one of every {asked.step}. year" if asked.step > 1 else ""),
            found=f"{first}…{last}",
        )
    return Years(first=kept[0], last=kept[-1], step=asked.step)


def _region(recipe: Recipe, box: Box) -> Region:
    west, south, east, north = box
    where = recipe.place.at(("region",))
    wide = (east - west) % 360 or 360.0
    if not (-90 <= south < north <= 90 and -360 <= west <= 360 and -360 <= east <= 360):
        raise ConfigError(
            "This is not a region",
            where=where,
            expected="west, south, east, north in degrees, south below north",
            found=",".join(f"{edge:g}" for edge in box),
        )
    whole = recipe.region
    if whole is not None:
        span = (whole.east - whole.west) % 360 or 360.0
        offset = (west - whole.west) % 360
        inside = span == 360.0 or offset + wide <= span + 1e-9
        if not inside or south < whole.south or north > whole.north:
            raise ConfigError(
                "This region is not a part of the recipe's",
                where=where,
                expected=f"inside {whole.west:g},{whole.south:g},{whole.east:g},{whole.north:g}",
                found=",".join(f"{edge:g}" for edge in box),
            )
    return Region(west=west, south=south, east=east, north=north)
