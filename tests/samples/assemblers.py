"""Assemblers and samplers of tiny cubes, and one cube with two targets on two clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube, GroupSpec, VariableSpec
from ai4land.rollout import cube_assembler
from ai4land.samples import Assembler, CubeDrivers, Labels, SampleOptions, Sampler, input_spec
from ai4land.vocabulary import LAND_USE, Clock, Direction, Driver, Task, variable
from tiny_cubes import COARSE, FINE, LANDUSE8, LEAF_AREA, fractions, land_maps, write_cube

TWO_TARGETS = Task(
    "land_use_and_leaf_area",
    (*LAND_USE.targets, *LEAF_AREA.targets),
    frozenset(Direction),
)
TWO_YEARS = (1999, 2000, 2001, 2002)
TWO_MONTHS = Clock.MONTH.ticks(TWO_YEARS)


def assembler_of(
    cube: Cube,
    forcing: Sequence[str] = (),
    static: Sequence[str] = (),
    *,
    task: Task = LAND_USE,
    series: Sequence[Driver] = (),
    history: int = 0,
) -> Assembler:
    """The assembler of a model of some drivers of a cube."""
    drivers = CubeDrivers(cube, cube.grid(task.targets[0].name))
    lagged: Mapping[str, Driver] = {driver.name: driver for driver in series}
    spec = input_spec(cube, drivers, task, forcing, static, series=lagged, history=history)
    return cube_assembler(cube, task, spec)


def cube_of(assembler: Assembler) -> Cube:
    """The cube that an assembler reads."""
    assert isinstance(assembler.drivers, CubeDrivers)
    return assembler.drivers.cube


def sampler_of(
    assembler: Assembler,
    options: SampleOptions,
    span: tuple[int, int],
    mask: npt.NDArray[np.bool_] | None = None,
    known: tuple[int, int] | None = None,
) -> Sampler:
    """A sampler of the labels that an assembler's cube holds."""
    cube = cube_of(assembler)
    labels = {target.name: Labels(cube, target) for target in assembler.task.targets}
    where = np.ones(assembler.drivers.grid.shape, dtype=bool) if mask is None else mask
    return Sampler(assembler, labels, options, span, where, known)


def warmth(tick: int) -> float:
    """Temperature in K of a month in the cube of two targets, everywhere: it names its month."""
    return 200.0 + tick - TWO_MONTHS[0]


def leaf_area(tick: int, shape: tuple[int, int] = FINE.shape) -> npt.NDArray[np.float32]:
    """Leaf area of a month in the cube of two targets; missing at sea."""
    row, col = np.mgrid[0 : shape[0], 0 : shape[1]]
    values = 0.05 * (tick - TWO_MONTHS[0]) + 0.01 * row
    return np.where(col < 5, np.nan, values).astype(np.float32)


def write_two_target_cube(path: Path, leafy: tuple[int, ...] = TWO_MONTHS) -> Cube:
    """Annual classes and monthly leaf area on one grid, with annual shares and monthly warmth."""
    maps = land_maps(TWO_YEARS)
    shares = VariableSpec(variable("land_use_fractions"), LANDUSE8, "labels")
    groups = [
        GroupSpec(
            "fine_annual",
            FINE,
            Clock.YEAR,
            TWO_YEARS,
            (VariableSpec(variable("land_use"), LANDUSE8, "made up"),),
        ),
        GroupSpec(
            "fine_monthly",
            FINE,
            Clock.MONTH,
            leafy,
            (VariableSpec(variable("leaf_area_index"), None, "made up"),),
        ),
        GroupSpec("coarse_annual", COARSE, Clock.YEAR, TWO_YEARS, (shares,)),
        GroupSpec(
            "coarse_monthly",
            COARSE,
            Clock.MONTH,
            TWO_MONTHS,
            (VariableSpec(variable("air_temperature"), None, "made up"),),
        ),
    ]
    return write_cube(
        path,
        groups,
        {
            "land_use": maps,
            "leaf_area_index": {t: leaf_area(t) for t in leafy},
            "land_use_fractions": fractions(maps, FINE, COARSE),
            "air_temperature": {
                t: np.full(COARSE.shape, warmth(t), np.float32) for t in TWO_MONTHS
            },
        },
    )
