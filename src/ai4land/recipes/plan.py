"""Plan: a recipe resolved against the files' headers, before any value is read."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from ai4land.cube import CubeSpec, GroupSpec, Status
from ai4land.errors import ConfigError, GridError, MissingFileError
from ai4land.grid import Grid
from ai4land.recipes.layer import LIBRARIES, Classes, Layer, describe, inside, touching
from ai4land.recipes.recipe import Recipe, VariableRecipe
from ai4land.recipes.schedule import Rule, make_schedule
from ai4land.sources import (
    LABELS,
    SOURCES,
    LabelForcing,
    LabelsOptions,
    Source,
    SourceField,
    check_method,
    coarse_grid,
    translation,
)
from ai4land.vocabulary import Clock, Kind, read_legend, variable

__all__ = ["Plan", "make_plan"]

_RHYTHMS: MappingProxyType[Clock, str] = MappingProxyType(
    {
        Clock.STATIC: "static",
        Clock.YEAR: "annual",
        Clock.MONTH: "monthly",
        Clock.TEN_DAYS: "10day",
        Clock.EIGHT_DAYS: "8day",
    }
)


@dataclass(frozen=True, eq=False)
class Plan:
    """What a build will do.

    Attributes:
        recipe: The recipe.
        layers: Variable name → layer, in the recipe's order.
    """

    recipe: Recipe
    layers: Mapping[str, Layer]

    @property
    def labels(self) -> Layer | None:
        """The labels; ``None`` if the recipe has none."""
        return self.layers.get(self.recipe.labels)

    def groups(self) -> tuple[GroupSpec, ...]:
        """One group per grid, clock and times, named after resolution and clock.

        The labels' grid is ``fine``; any other is ``deg`` and its cell size in degrees, such as
        ``deg0p25_annual`` or ``deg0p1_monthly``. A second group of the same
        name gets ``_2``, in the recipe's order.
        """
        labels = self.labels
        fine = None if labels is None else labels.grid
        members: dict[tuple[Grid, Clock, tuple[int, ...]], list[Layer]] = {}
        for layer in self.layers.values():
            members.setdefault((layer.grid, layer.offer.clock, layer.ticks), []).append(layer)
        groups: dict[str, GroupSpec] = {}
        for (grid, clock, ticks), layers in members.items():
            size = f"{float(grid.dx):.4g}".replace(".", "p").replace("-", "m")
            base = f"{'fine' if grid == fine else f'deg{size}'}_{_RHYTHMS[clock]}"
            names = itertools.chain([base], (f"{base}_{n}" for n in itertools.count(2)))
            name = next(n for n in names if n not in groups)
            specs = tuple(layer.spec for layer in layers)
            groups[name] = GroupSpec(name, grid, clock, ticks, specs)
        return tuple(groups.values())

    def spec(self, attributes: Mapping[str, Any]) -> CubeSpec:
        """The declaration of the cube."""
        return CubeSpec(self.groups(), attributes)

    def summary(self) -> dict[str, Any]:
        """What the cube's attributes say of the plan: the recipe, and what differs from it."""
        years = self.recipe.years.ticks
        out: dict[str, Any] = {
            "title": self.recipe.title,
            "recipe": self.recipe.resolved(),
            "variables": {name: describe(layer) for name, layer in self.layers.items()},
        }
        if self.labels is not None:
            have = set(self.labels.ticks)
            out["years_without_labels"] = [y for y in years if y not in have]
        return out


def make_plan(recipe: Recipe) -> Plan:
    """Open every source of a recipe and settle grids, years and legends.

    Raises:
        ConfigError: If the recipe asks for what the products do not cover.
        MissingFileError: If a file or a year in the middle of a series is missing.
        SourceError: If a file is not what its product promises.
    """
    opened: dict[str, Source] = {}
    layers: dict[str, Layer] = {}
    labels = recipe.labels
    order = sorted(recipe.variables, key=lambda name: name != labels)  # labels first
    for name in order:
        entry = recipe.variables[name]
        if entry.source == LABELS:
            continue
        layers[name] = _layer(recipe, name, _open(recipe, name, opened), layers.get(labels))
    for name in order:
        if recipe.variables[name].source == LABELS:
            layers |= _label_layers(recipe, name, layers[labels], layers)
    wanted = [n for n in recipe.variables if n in layers]
    return Plan(recipe, {n: layers[n] for n in [*wanted, *(n for n in layers if n not in wanted)]})


def _open(recipe: Recipe, name: str, opened: dict[str, Source]) -> Source:
    """Open a source once, however many variables come from it."""
    entry = recipe.variables[name]
    opener = SOURCES[entry.source]
    asked = recipe.read_name(name)
    key = json.dumps([entry.source, entry.path, entry.options, 0 if opener.variables else asked])
    if key not in opened:
        assert opener.open is not None
        assert entry.path is not None
        path = recipe.path(entry.path, ("variables", name, "path"))
        if not path.exists():
            raise MissingFileError(
                "There is no such file or folder",
                where=recipe.place.at(("variables", name, "path")),
                found=path,
            )
        with LIBRARIES:
            opened[key] = opener.open(path, recipe.options(name), asked)
    return opened[key]


def _layer(recipe: Recipe, name: str, source: Source, labels: Layer | None) -> Layer:
    """Crop, translate and schedule one variable."""
    entry, offered = recipe.variables[name], source.fields[recipe.read_name(name)]
    where = recipe.place.at(("variables", name))
    check_method(entry.resample, offered, where)
    classes = _classes(recipe, entry, offered, where)
    try:
        if name == recipe.labels:
            window = offered.grid.window
            if recipe.region is not None:
                west, south, east, north = (Fraction(str(e)) for e in recipe.region.box)
                window = inside(offered.grid, (west, south, east, north))
        elif labels is not None:
            window = touching(offered.grid, labels.grid)
        elif recipe.region is not None:
            window = offered.grid.window_of(*recipe.region.box)
        else:
            window = offered.grid.window
    except GridError as error:
        raise ConfigError(
            "The product does not reach the region", where=where, found=error
        ) from error
    grid = _turned(offered.grid.crop(window), labels)
    if entry.resample is not None:
        grid = _grid_wanted(entry, (grid, offered.grid), labels, where)
    rule: Rule = "skip" if recipe.are_labels(name) else entry.outside
    schedule = make_schedule(recipe.years.ticks, offered, rule, where, recipe.years.step)
    return Layer(offered, source, entry.source, grid, window, schedule, classes, entry.resample)


def _grid_wanted(
    entry: VariableRecipe, own: tuple[Grid, Grid], labels: Layer | None, where: str
) -> Grid:
    """The grid that a recipe asks to resample to.

    Args:
        entry: The recipe's entry.
        own: The product's grid, cropped to the region and whole.
        labels: The labels, if the recipe has any.
        where: For error texts.
    """
    if entry.degrees is not None:
        around = own[0] if labels is None else labels.grid
        grid = coarse_grid(around, LabelsOptions(degrees=entry.degrees))
    elif labels is not None:
        grid = labels.grid
    else:
        raise ConfigError(
            "Without labels there is no grid to resample to",
            where=where,
            remedy="give the side of a cell as `degrees`",
        )
    if entry.resample == "bilinear":
        rows, cols = own[1].nearest(grid)
        if (rows < 0).any() or (cols < 0).any():
            raise ConfigError(
                "Interpolation would leave the product",
                where=where,
                expected=f"inside {own[1].describe()}",
                found=grid.describe(),
                remedy="choose a smaller region, or another method",
            )
    return grid


def _turned(grid: Grid, labels: Layer | None) -> Grid:
    """The same grid, by whole turns as close to the labels as it gets."""
    if labels is None:
        return grid
    middle = labels.grid.west + labels.grid.dx * labels.grid.width / 2
    turns = round((middle - (grid.west + grid.dx * grid.width / 2)) / 360)
    return replace(grid, west=grid.west + 360 * turns)


def _classes(recipe: Recipe, entry: VariableRecipe, offered: SourceField, where: str) -> Classes:
    """The legend in the cube, and the table that leads to it."""
    if offered.variable.kind is not Kind.CATEGORICAL:
        if entry.legend is not None or entry.crosswalk is not None:
            raise ConfigError("Only classes have a legend", where=where, found=entry.legend)
        return Classes(offered.legend)
    assert offered.legend is not None
    if entry.legend is None:
        return Classes(offered.legend)
    legend = read_legend(recipe.file_name(entry.legend))
    if legend == offered.legend:
        return Classes(legend)
    return Classes(legend, translation(offered.legend, legend, entry.crosswalk))


def _label_layers(
    recipe: Recipe, name: str, labels: Layer, known: Mapping[str, Layer]
) -> dict[str, Layer]:
    """Forcing made from the labels; fractions bring the land share along."""
    options = recipe.options(name)
    assert isinstance(options, LabelsOptions)
    if labels.classes.legend is None:
        raise ConfigError(
            "Forcing from labels needs classes", where=recipe.place.at(("variables",))
        )
    field = replace(labels.offer, grid=labels.grid, legend=labels.classes.legend)
    coarse = coarse_grid(labels.grid, options)
    source = LabelForcing(
        field, labels.classes.legend, labels.read_source, coarse, labels.source_ticks
    )
    schedule = dict(labels.schedule)
    if variable(name).pairs_of and source.fields[name].ticks:  # nothing is known to follow the last
        schedule[labels.ticks[-1]] = None, Status.DROPPED
    names = [name]
    if name == f"{recipe.labels}_fractions" and "land_share" not in recipe.variables:
        names.append("land_share")
    return {
        n: Layer(
            source.fields[n],
            source,
            LABELS,
            coarse,
            coarse.window,
            schedule,
            Classes(source.fields[n].legend),
        )
        for n in names
        if n not in known
    }
