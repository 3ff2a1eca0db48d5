"""Several reconstructions of the same years: which is better, and is the truth among them?"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube
from ai4land.metrics import (
    RankHistogram,
    cell_areas,
    coarse_cells,
    index_map,
    rank_histogram,
    squares,
    summarise,
)
from ai4land.report.detail_tables import uncertainty_table
from ai4land.report.details import Uncertainty, uncertainty
from ai4land.report.evaluation import Evaluation
from ai4land.report.provenance import forcing_used
from ai4land.report.tables import Table, percent, score
from ai4land.samples import class_forcing
from ai4land.vocabulary import NO_DATA, Task

__all__ = ["Comparison", "compare", "comparison_tables", "groups"]

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


def groups(evaluations: Mapping[str, Evaluation]) -> Iterator[dict[str, Evaluation]]:
    """Those that are scored on the same pixels of the same years, two or more together."""
    alike: dict[object, dict[str, Evaluation]] = {}
    for name, found in evaluations.items():
        key = (found.initial, found.ticks, found.legend.classes, found.scored, found.weighting)
        alike.setdefault(key, {})[name] = found
    yield from (group for group in alike.values() if len(group) > 1)


def compare(
    evaluations: Mapping[str, Evaluation], cubes: Mapping[str, Cube], truth: Cube, job: Task
) -> Comparison:
    """Compare reconstructions that one of ``groups`` put together.

    Args:
        evaluations: Name → scores.
        cubes: Name → the reconstruction.
        truth: The cube with the labels.
        job: What was predicted.
    """
    tallies = {name: e.details.tallies[e.model] for name, e in evaluations.items()}
    name, first = next(iter(evaluations.items()))
    sure = first.details.uncertainty
    paired = None
    if sure is not None:
        paired = uncertainty(tallies, name, sure.side, np.random.default_rng(_SEED))
    one_kind = len({cubes[name].attributes.get("stepper") for name in evaluations}) == 1
    ranks = None
    if one_kind and len(evaluations) >= _MEMBERS:
        ranks = _ranks([cubes[name] for name in evaluations], truth, job, first.ticks)
    return Comparison(evaluations, paired, ranks)


def comparison_tables(found: Comparison) -> list[Table]:
    """Scores beside the baselines, paired differences, and ranks."""
    return [_scores(found), *_differences(found), *_rank_table(found)]


def _ranks(members: Sequence[Cube], truth: Cube, job: Task, ticks: Sequence[int]) -> RankHistogram:
    """Rank true areas among the members', cell by cell and year by year."""
    grid = truth.grid(job.target)
    forcing = class_forcing(truth, job, forcing_used(members[0].attributes))
    cells = coarse_cells(grid, truth.grid(forcing[0])) if forcing else squares(grid.shape, 16)
    areas = np.broadcast_to(grid.cell_areas(), grid.shape)
    total: RankHistogram | None = None
    for tick in ticks:
        real = _class_areas(truth, job, tick, cells, areas)
        said = np.stack([_class_areas(member, job, tick, cells, areas) for member in members])
        real[(real == 0) & (said == 0).all(axis=0)] = np.nan  # nobody speaks of the class there
        one = rank_histogram(real, said)
        total = one if total is None else total + one
    assert total is not None
    return total


def _class_areas(
    cube: Cube, job: Task, tick: int, cells: npt.NDArray[np.int32], areas: FloatArray
) -> FloatArray:
    """Area of each class in each cell in m², ``(class, cell)``."""
    legend = cube.variable(job.target).legend
    assert legend is not None
    codes = cube.read(job.target, tick)
    land = np.where(np.isin(codes, legend.sea), NO_DATA, codes)
    index, used = index_map(land.astype(np.uint8), legend), cells >= 0
    count = int(cells.max()) + 1
    return cell_areas(index[used], cells[used], count, len(legend), areas[used])[:, :-1].T


def _scores(found: Comparison) -> Table:
    """First year, mean and last year of every reconstruction, their spread, and the baselines."""
    first, names = found.first, found.first.legend.names
    ticks = first.ticks
    ends = {"first": str(ticks[0])}
    if len(ticks) > 1:
        ends |= {"mean": "mean", "last": str(ticks[-1])}
    rows = {
        name: summarise(e.scores[e.model].leads, names) for name, e in found.evaluations.items()
    }
    baselines = {
        row: summarise(scores.leads, names)
        for row, scores in first.scores.items()
        if row != first.model and "shuffled" not in row
    }
    keys = [(span, key) for key in ("figure_of_merit", "accuracy", "mean_iou") for span in ends]
    columns = [[row[span][key] for row in rows.values()] for span, key in keys]
    cells = [
        *_cells(rows, keys),
        ("their mean", *(score(_over(column, statistics.mean)) for column in columns)),
        ("their deviation", *(score(_over(column, statistics.stdev)) for column in columns)),
        *_cells(baselines, keys),
    ]
    heads = [f"{what}\n{span}" for what in ("FoM", "acc.", "mIoU") for span in ends.values()]
    return Table(
        f"Side by side, {first.direction} from {first.initial}",
        ("", *heads),
        tuple(cells),
        "On the same pixels. The deviation is the standard deviation between the reconstructions "
        f"(n − 1). {first.scored}",
    )


def _cells(rows: Mapping[str, Any], keys: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    return [(name, *(score(row[span][key]) for span, key in keys)) for name, row in rows.items()]


def _over(values: list[float | None], what: Callable[[list[float]], float]) -> float | None:
    known = [value for value in values if value is not None]
    return what(known) if len(known) == len(values) else None


def _differences(found: Comparison) -> list[Table]:
    if found.uncertainty is None:
        return []
    name = next(iter(found.evaluations))
    return [uncertainty_table(found.uncertainty, found.first.ticks, name)]


def _rank_table(found: Comparison) -> list[Table]:
    if found.ranks is None:
        return []
    scores = found.ranks.scores(found.first.legend.names)
    members = scores["members"]
    cells = []
    for name, row in scores["classes"].items():
        cases = sum(row["ranks"])
        if cases:
            shares = (percent(count, cases) for count in row["ranks"])
            outside = percent(row["outside"], 1.0)
            cells.append((name, f"{cases:.0f}", *shares, outside, score(row["unevenness"])))
    heads = ["cases", *(f"{n} below\n%" for n in range(members + 1))]
    heads += ["outside\n%", "uneven-\nness"]
    return [
        Table(
            "Is the truth one of them? Ranks of true class areas",
            ("", *heads),
            tuple(cells),
            f"How many of the {members} reconstructions have less of the class than the truth, "
            "over coarse cells and years, by true area; cells where none has any are left out, "
            "ties are shared evenly. Members as good as the truth would give flat ranks "
            f"({percent(1.0, members + 1.0)} % each, {percent(scores['outside_if_perfect'], 1.0)} "
            "% outside); a U means that they agree too much (Hamill 2001).",
            detail=True,
        )
    ]
