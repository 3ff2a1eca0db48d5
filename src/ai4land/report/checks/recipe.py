"""Check of a recipe: whether it can be built, found out without building it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ai4land.recipes import check_recipe, load_recipe
from ai4land.report.descriptions.inspection import recipe_table
from ai4land.report.tables.table import Table

__all__ = ["Check", "check_recipe_file"]


@dataclass(frozen=True, eq=False)
class Check:
    """What was found.

    Attributes:
        kind: ``recipe`` or ``experiment``.
        problems: What would stop it, each in full.
        warnings: What would not, but should be known.
        tables: What it would do.
    """

    kind: str
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    tables: tuple[Table, ...]


def check_recipe_file(
    path: Path,
    years: tuple[int, int] | None = None,
    region: tuple[float, float, float, float] | None = None,
) -> Check:
    """Check a recipe: keys, names, and the headers of all files.

    Args:
        path: The recipe.
        years: First and last year, a part of the recipe's.
        region: West, south, east, north in degrees, a part of the recipe's.

    Raises:
        MissingFileError: If there is no recipe.
        ConfigError: If a key or a value is impossible.
    """
    report = check_recipe(load_recipe(path), years, region)
    warnings = []
    for v in report.variables:
        clock = v.group.clock
        if v.coverage < 0.999:
            warnings.append(f"{v.name} covers {v.coverage:.0%} of the region.")
        for what, times in (("holds another year's values", v.held), ("is empty", v.dropped)):
            if times:
                warnings.append(
                    f"{v.name} {what} in {len(times)} {clock.noun}, {clock.span(times)}."
                )
        if v.gaps:
            found = ", ".join(clock.label(t) for t in sorted(v.gaps)[:3])
            more = f" and {len(v.gaps) - 3} more" if len(v.gaps) > 3 else ""
            warnings.append(f"{v.name}: the product lacks {found}{more}, outside what is asked.")
    tables = (recipe_table(report),) if report.variables else ()
    return Check("recipe", report.problems, tuple(warnings), tables)
