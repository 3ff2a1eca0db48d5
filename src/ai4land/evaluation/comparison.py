"""Comparison of reconstructions of the same years: paired differences, and ranks of the truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube
from ai4land.evaluation.details import Uncertainty, uncertainty
from ai4land.evaluation.evaluation import Evaluation
from ai4land.evaluation.held_out import forcing_used
from ai4land.metrics import (
    RankHistogram,
    cell_areas,
    coarse_cells,
    index_map,
    rank_histogram,
    squares,
)
from ai4land.samples import CubeDrivers, class_forcing
from ai4land.vocabulary import NO_DATA, Target

__all__ = ["Comparison", "comparable", "compare"]

_MEMBERS = 3  # from which on a rank says something
_SEED = 0

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Reconstructions of the same years from the same map.

    Attributes:
        evaluations: Name → scores; the first is the one that others are compared with.
        uncertainty: Figures of merit with intervals and the first's less the others', on the same
            draws; ``None`` with less than two blocks.
        ranks: Where the true area of each class stands among theirs, if they are three or more of
            one kind; over coarse cells and years.
    """

    evaluations: Mapping[str, Evaluation]
    uncertainty: Uncertainty | None
    ranks: RankHistogram | None

    @property
    def first(self) -> Evaluation:
        """The one that others are compared with."""
        return next(iter(self.evaluations.values()))

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, ready for JSON."""
        return {
            "reconstructions": list(self.evaluations),
            "uncertainty": None if self.uncertainty is None else self.uncertainty.to_dict(),
            "ranks": None if self.ranks is None else self.ranks.scores(self.first.legend.names),
        }


def comparable(evaluations: Mapping[str, Evaluation]) -> Iterator[dict[str, Evaluation]]:
    """Those that are scored on the same pixels of the same years, two or more together."""
    alike: dict[object, dict[str, Evaluation]] = {}
    for name, found in evaluations.items():
        key = (found.initial, found.ticks, found.legend.classes, found.scored, found.weighting)
        alike.setdefault(key, {})[name] = found
    yield from (group for group in alike.values() if len(group) > 1)


def compare(
    evaluations: Mapping[str, Evaluation], cubes: Mapping[str, Cube], truth: Cube, target: Target
) -> Comparison:
    """Compare reconstructions that ``comparable`` put together.

    Args:
        evaluations: Name → scores.
        cubes: Name → the reconstruction.
        truth: The cube with the labels.
        target: What was predicted.
    """
    rollouts = {name: e.details.rollouts[e.model] for name, e in evaluations.items()}
    name, first = next(iter(evaluations.items()))
    sure = first.details.uncertainty
    paired = None
    if sure is not None:
        paired = uncertainty(rollouts, name, sure.side, np.random.default_rng(_SEED))
    one_kind = len({cubes[name].attributes.get("stepper") for name in evaluations}) == 1
    ranks = None
    if one_kind and len(evaluations) >= _MEMBERS:
        ranks = _ranks([cubes[name] for name in evaluations], truth, target, first.ticks)
    return Comparison(evaluations, paired, ranks)


def _ranks(
    members: Sequence[Cube], truth: Cube, target: Target, ticks: Sequence[int]
) -> RankHistogram:
    """Rank true areas among the members', cell by cell and year by year."""
    grid = truth.grid(target.name)
    forcing = class_forcing(
        CubeDrivers(truth, grid),
        target,
        truth.variable(target.name).legend,
        forcing_used(members[0].attributes),
    )
    cells = coarse_cells(grid, truth.grid(forcing[0])) if forcing else squares(grid.shape, 16)
    areas = np.broadcast_to(grid.cell_areas(), grid.shape)
    total: RankHistogram | None = None
    for tick in ticks:
        real = _class_areas(truth, target, tick, cells, areas)
        said = np.stack([_class_areas(member, target, tick, cells, areas) for member in members])
        real[(real == 0) & (said == 0).all(axis=0)] = np.nan  # nobody speaks of the class there
        one = rank_histogram(real, said)
        total = one if total is None else total + one
    assert total is not None
    return total


def _class_areas(
    cube: Cube, target: Target, tick: int, cells: npt.NDArray[np.int32], areas: FloatArray
) -> FloatArray:
    """Area of each class in each cell in m², ``(class, cell)``."""
    legend = cube.variable(target.name).legend
    assert legend is not None
    codes = cube.read(target.name, tick)
    land = np.where(np.isin(codes, legend.sea), NO_DATA, codes)
    index, used = index_map(land.astype(np.uint8), legend), cells >= 0
    count = int(cells.max()) + 1
    return cell_areas(index[used], cells[used], count, len(legend), areas[used])[:, :-1].T
