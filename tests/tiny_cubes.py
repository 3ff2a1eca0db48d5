"""Tiny cubes for the tests of everything that reads one: written in a fraction of a second."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube, CubeSpec, CubeWriter, GroupSpec, Status, VariableSpec
from ai4land.grid import Grid, overlap, slope_aspect
from ai4land.regrid import class_areas, class_fractions
from ai4land.vocabulary import (
    LAND_USE,
    LUH2_STATES,
    NO_DATA,
    Clock,
    Direction,
    Legend,
    Target,
    Task,
    legend,
    variable,
)

Array = npt.NDArray[Any]
Values = Mapping[int, npt.NDArray[np.uint8]] | Mapping[int, npt.NDArray[np.float32]] | Array
Maps = Mapping[int, npt.NDArray[np.uint8]]

LANDUSE8 = legend("landuse8")
FINE = Grid.regular(10.0, 50.0, 0.05, 0.05, (40, 48))
COARSE = Grid.regular(10.0, 50.0, 0.4, 0.4, (5, 6))  # 8 × 8 pixels in a cell
YEARS = tuple(range(2000, 2012))
CROPLAND, PASTURE, FOREST, GRASS = 2, 3, 4, 5
PROVENANCE = (
    {"name": "labels.tif", "sha256": "0" * 64, "version": "1", "licence": "CC-BY-4.0"},
    {"name": "states.nc", "sha256": "1" * 64, "version": "v2h", "licence": "CC-BY-SA-4.0"},
)

LEAF_AREA = Task(
    "leaf_area_index",
    (Target("leaf_area_index", "softplus", Clock.MONTH),),
    frozenset({Direction.FORWARD}),
)
"""A continuous, monthly, driven task that recurses forward only; no registry knows it."""

LAND_AND_LEAF = Task(
    "land_and_leaf", (*LAND_USE.targets, *LEAF_AREA.targets), frozenset({Direction.FORWARD})
)
"""Classes that change once a year and leaf area that changes every month, learned together."""


def write_cube(
    path: Path,
    groups: Sequence[GroupSpec],
    values: Mapping[str, Values],
    attributes: Mapping[str, Any] | None = None,
) -> Cube:
    """Write declared groups: per variable an array, or tick → array."""
    said = attributes or {"title": "Tiny", "provenance": list(PROVENANCE)}
    writer = CubeWriter(path, CubeSpec(tuple(groups), said))
    for block in writer.pending():
        given = values[block.variable]
        if isinstance(given, np.ndarray):
            layers = given
        else:
            layers = np.stack([np.asarray(given[t]) for t in block.ticks])
        writer.write(
            block,
            layers[(..., *block.window.slices)],
            dict.fromkeys(block.ticks, Status.OBSERVED),
        )
    writer.finish()
    return Cube(path)


def fractions(maps: Maps, fine: Grid, coarse: Grid, classes: Legend = LANDUSE8) -> dict[int, Array]:
    """Land shares of each class in each coarse cell, as a recipe derives them from labels."""
    link = overlap(fine, coarse)
    lookup = np.full(256, NO_DATA, np.uint8)
    lookup[list(classes.codes)] = np.arange(len(classes))
    sea = [i for i, code in enumerate(classes.codes) if code in classes.sea]
    return {
        tick: class_fractions(lookup[codes], len(classes), link, ignore=sea).fractions.astype(
            np.float32
        )
        for tick, codes in maps.items()
    }


def gross_transitions(
    maps: Maps, fine: Grid, coarse: Grid, classes: Legend = LANDUSE8
) -> dict[int, Array]:
    """Land shares that go from each class to each other one until the next map; none for the last.

    What a recipe makes of labels, counted pixel by pixel.
    """
    link, codes, count = overlap(fine, coarse), list(classes.codes), len(classes)
    ticks, out = sorted(maps), {}
    for before, after in itertools.zip_longest(ticks, ticks[1:]):
        if after is None:
            out[before] = np.full((count * count, *coarse.shape), np.nan, np.float32)
            continue
        areas = np.zeros((count * count, *coarse.shape))
        for k, pair in enumerate(itertools.product(codes, codes)):
            if not set(pair) & set(classes.sea):
                here = (maps[before] == pair[0]) & (maps[after] == pair[1])
                areas[k] = class_areas(np.where(here, 0, NO_DATA).astype(np.uint8), 1, link)[0]
        total = areas.sum(axis=0)
        out[before] = (areas / np.where(total > 0, total, 1)).astype(np.float32)
    return out


def write_labels(
    path: Path,
    maps: Maps,
    fine: Grid,
    coarse: Grid,
    classes: Legend = LANDUSE8,
    *,
    transitions: bool = False,
) -> Cube:
    """A cube of class maps and the forcing made from them, with gross transitions if wanted."""
    ticks = tuple(sorted(maps))
    labels = VariableSpec(variable("land_use"), classes, "made up")
    shares = VariableSpec(variable("land_use_fractions"), classes, "labels")
    groups = [
        GroupSpec("fine_annual", fine, Clock.YEAR, ticks, (labels,)),
        GroupSpec("coarse_annual", coarse, Clock.YEAR, ticks, (shares,)),
    ]
    gross = VariableSpec(variable("land_use_gross_transitions"), classes, "labels")
    groups += [GroupSpec("gross", coarse, Clock.YEAR, ticks, (gross,))] if transitions else []
    values: dict[str, Any] = {
        "land_use": maps,
        "land_use_fractions": fractions(maps, fine, coarse, classes),
    }
    notes = {}
    if transitions:
        values[gross.name] = gross_transitions(maps, fine, coarse, classes)
        notes[gross.name] = {"evidence": "upper bound (made from the labels of the target year)"}
    said = {"title": "Tiny", "provenance": list(PROVENANCE), "notes": notes}
    return write_cube(path, groups, values, said)


def land_maps(
    years: Sequence[int] = YEARS, shape: tuple[int, int] = FINE.shape
) -> dict[int, npt.NDArray[np.uint8]]:
    """Class maps in which cropland eats forest from the south and pasture turns to grass.

    Sea in the west, a lake and a town, and a few missing pixels, the same in every year.
    """
    height, width = shape
    row, col = np.mgrid[0:height, 0:width]
    rough = np.random.default_rng(5).random(shape) * 6.0
    maps = {}
    for i, year in enumerate(years):
        codes = np.full(shape, FOREST, np.uint8)
        codes[row + rough > 0.8 * height - 1.1 * i] = CROPLAND
        codes[(col > 0.6 * width) & (row < 0.5 * height)] = PASTURE
        codes[(col + rough > width - 4 - 0.8 * i) & (row < 0.5 * height)] = GRASS
        codes[(np.abs(row - 12) < 2) & (np.abs(col - 20) < 3)] = 1
        codes[(np.abs(row - 22) < 2) & (np.abs(col - 30) < 2)] = 7
        codes[col < 5] = 0
        codes[3:5, 7:9] = NO_DATA
        maps[year] = codes
    return maps


def luh2_like(maps: Maps, fine: Grid, coarse: Grid) -> dict[int, Array]:
    """LUH2 states as share of the cell that agree with the maps up to a constant bias."""
    shares = fractions(maps, fine, coarse)
    out = {}
    for tick, share in shares.items():
        states = np.zeros((len(LUH2_STATES), *coarse.shape), np.float32)
        states[LUH2_STATES.index("secdf")] = share[4] * 0.9
        states[LUH2_STATES.index("secdn")] = share[5] + share[6] + share[4] * 0.1
        states[LUH2_STATES.index("urban")] = share[1]
        states[LUH2_STATES.index("c3ann")] = share[2]
        states[LUH2_STATES.index("pastr")] = share[3]
        out[tick] = states
    return out


def write_land_cube(path: Path, years: Sequence[int] = YEARS) -> Cube:
    """Labels, forcing from labels, LUH2 states, terrain and climate zones.

    Elevation is 20·row + 0.25·col metres, so that it names its pixel.
    """
    maps = land_maps(years)
    row, col = np.mgrid[0 : FINE.height, 0 : FINE.width]
    elevation = (20.0 * row + 0.25 * col).astype(np.float32)
    slope, north, east = slope_aspect(elevation, FINE)
    climate = np.where(row < 20, 15, 14).astype(np.uint8)
    zones = VariableSpec(variable("climate_zone"), legend("koeppen_geiger"), "made up")
    annual = (
        VariableSpec(variable("land_use_fractions"), LANDUSE8, "labels"),
        VariableSpec(variable("luh2_states"), None, "made up"),
    )
    labels = VariableSpec(variable("land_use"), LANDUSE8, "made up")
    terrain = ("elevation", "slope", "aspect_north", "aspect_east")
    ticks = tuple(years)
    groups = [
        GroupSpec("fine_annual", FINE, Clock.YEAR, ticks, (labels,)),
        GroupSpec("coarse_annual", COARSE, Clock.YEAR, ticks, annual),
        GroupSpec(
            "fine_static",
            FINE,
            Clock.STATIC,
            (),
            (*(VariableSpec(variable(name), None, "made up") for name in terrain), zones),
        ),
    ]
    values: dict[str, Any] = {
        "land_use": maps,
        "land_use_fractions": fractions(maps, FINE, COARSE),
        "luh2_states": luh2_like(maps, FINE, COARSE),
        "elevation": elevation,
        "slope": slope,
        "aspect_north": north,
        "aspect_east": east,
        "climate_zone": climate,
    }
    return write_cube(path, groups, values)


def write_leaf_cube(path: Path, months: Sequence[int], driver: Clock = Clock.YEAR) -> Cube:
    """Monthly leaf area on a fine grid, missing at sea, with a coarse driver on a clock."""
    fine = Grid.regular(0.0, 50.0, 0.05, 0.05, (24, 32))
    coarse = Grid.regular(0.0, 50.0, 0.4, 0.4, (3, 4))
    row, col = np.mgrid[0:24, 0:32]
    leaf = {}
    for tick in months:
        season = 2.0 + 1.5 * np.sin(2 * np.pi * (tick % 12 - 3) / 12)
        leaf[tick] = np.where(col < 4, np.nan, season + 0.02 * row).astype(np.float32)
    per_year = driver.ticks_per_year
    when = tuple(sorted({t * per_year // 12 for t in months}))
    people = {t: np.full(coarse.shape, float(t % 1000), np.float32) for t in when}
    groups = [
        GroupSpec(
            "fine_monthly",
            fine,
            Clock.MONTH,
            tuple(months),
            (VariableSpec(variable("leaf_area_index"), None, "made up"),),
        ),
        GroupSpec(
            "coarse_driver",
            coarse,
            driver,
            when,
            (VariableSpec(variable("population_density"), None, "made up"),),
        ),
    ]
    return write_cube(path, groups, {"leaf_area_index": leaf, "population_density": people})


def write_land_and_leaf_cube(path: Path, years: Sequence[int]) -> Cube:
    """Land use by year, its fractions, and leaf area by month that depends on it and on the season.

    Temperature by month lies on the coarse grid and begins a year earlier. Leaf area is missing
    where land use is sea or unknown.
    """
    maps, months = land_maps(years), Clock.MONTH.ticks(years)
    earlier = Clock.MONTH.ticks((years[0] - 1, *years))
    fullest = np.array([0.0, 0.5, 3.0, 2.0, 5.0, 2.5, 1.0, 0.1])  # by class
    north = np.linspace(0.0, 4.0, COARSE.height)[:, None] * np.ones(COARSE.width)
    summer = {t: 0.5 - 0.5 * np.cos(2 * np.pi * Clock.MONTH.season(t)) for t in earlier}
    leaf = {}
    for tick in months:
        codes = maps[tick // 12]
        known = (codes != 0) & (codes != NO_DATA)
        height = fullest[np.where(known, codes, 0)] * (0.3 + 0.7 * summer[tick])
        leaf[tick] = np.where(known, height, np.nan).astype(np.float32)
    warm = {t: (275.0 + 15.0 * summer[t] - north).astype(np.float32) for t in earlier}

    def group(name: str, grid: Grid, clock: Clock, ticks: Sequence[int], of: str) -> GroupSpec:
        classes = LANDUSE8 if of.startswith("land_use") else None
        made = VariableSpec(variable(of), classes, "made up")
        return GroupSpec(name, grid, clock, tuple(ticks), (made,))

    groups = [
        group("fine_annual", FINE, Clock.YEAR, years, "land_use"),
        group("coarse_annual", COARSE, Clock.YEAR, years, "land_use_fractions"),
        group("fine_monthly", FINE, Clock.MONTH, months, "leaf_area_index"),
        group("coarse_monthly", COARSE, Clock.MONTH, earlier, "air_temperature"),
    ]
    values: dict[str, Any] = {
        "land_use": maps,
        "land_use_fractions": fractions(maps, FINE, COARSE),
        "leaf_area_index": leaf,
        "air_temperature": warm,
    }
    return write_cube(path, groups, values)
