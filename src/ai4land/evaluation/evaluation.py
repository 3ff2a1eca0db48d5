"""Evaluation of a saved reconstruction against labels, beside persistence, kernel and random."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from dask.system import CPU_COUNT

from ai4land.cube import Cube
from ai4land.errors import SampleError, VocabularyError
from ai4land.evaluation.details import Details, uncertainty
from ai4land.evaluation.held_out import forcing_used, held_out_blocks, knew_too_much, seen_elsewhere
from ai4land.evaluation.plan import MOST_PIXELS, ScoringPlan, WindowLand
from ai4land.evaluation.raster_files import no_region
from ai4land.evaluation.regions.files import open_regions
from ai4land.evaluation.stored import check_grids, path_of
from ai4land.evaluation.weighting import Weighting
from ai4land.evaluation.windows import SavedRollout, WindowSums, baselines, sum_window
from ai4land.formats import RasterGrid
from ai4land.grid import Window
from ai4land.metrics import RolloutScores, ScoredClasses, add_up, summarise, table_one
from ai4land.rollout import demand_of, observed_state, save_rollout
from ai4land.samples import CubeDrivers, Labels, class_forcing
from ai4land.vocabulary import LAND_USE, Legend, Target, crosswalk_names, single_task

__all__ = ["Evaluation", "evaluate"]

BoolArray = npt.NDArray[np.bool_]

_HELD_OUT = "Only the test blocks of the checkpoint's split"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of a reconstruction and of the baselines on the same pixels.

    Attributes:
        title: Title of the reconstruction.
        model: Name of what made it; one of the keys of ``scores``.
        legend: Legend of the maps.
        protocol: Which classes are scored.
        weighting: What a pixel counts.
        initial: Tick of the map it started from.
        scores: Name → scores on the pixels of the headline.
        scored: One sentence on which pixels those are.
        all_cells: Name → scores with incomplete coarse cells as well; empty if none were left out.
        ceiling: Net over gross change of the truth in coarse cells until the last time, the share
            of change that a model can know from the net; ``None`` without a forcing.
        notes: What a reader must know beside.
        details: How sure, how near, how faithful, where, and what came in time.
    """

    title: str
    model: str
    legend: Legend
    protocol: ScoredClasses
    weighting: Weighting
    initial: int
    scores: Mapping[str, RolloutScores]
    scored: str
    all_cells: Mapping[str, RolloutScores]
    ceiling: float | None
    notes: tuple[str, ...]
    details: Details

    @property
    def ticks(self) -> tuple[int, ...]:
        """The times scored, in the order of the rollout."""
        return tuple(step.time for step in self.scores[self.model].leads)

    @property
    def held_out(self) -> bool:
        """Whether only blocks are scored that were held out in space."""
        return _HELD_OUT in self.scored

    @property
    def direction(self) -> str:
        """``forward`` or ``backward``."""
        return "forward" if self.ticks[-1] > self.initial else "backward"

    def to_dict(self) -> dict[str, Any]:
        """All scores as plain data, ready for JSON."""
        names = self.legend.names

        def rows(scores: Mapping[str, RolloutScores]) -> dict[str, Any]:
            return {
                name: {**summarise(s.leads, names), "table_one": table_one(s.leads, names)}
                for name, s in scores.items()
            }

        return {
            "title": self.title,
            "model": self.model,
            "legend": self.legend.name,
            "classes": list(names),
            "protocol": self.protocol.value,
            "weighting": self.weighting.value,
            "initial": self.initial,
            "times": list(self.ticks),
            "direction": self.direction,
            "scored": self.scored,
            "scores": rows(self.scores),
            "all_cells": rows(self.all_cells) if self.all_cells else None,
            "net_over_gross_change": self.ceiling,
            "notes": list(self.notes),
            "details": self.details.to_dict(names),
        }


def evaluate(
    prediction: Cube,
    truth: Cube,
    *,
    target: Target | None = None,
    protocol: ScoredClasses = ScoredClasses.LAND,
    weighting: Weighting = Weighting.PIXEL,
    seed: int = 0,
    regions: Sequence[Path] = (),
    region_name: str | None = None,
    most: int = MOST_PIXELS,
    workers: int | None = 1,
    progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Score a reconstruction against the labels of a cube, with the baselines beside it.

    Scored is every year of the reconstruction that has labels, up to the first without. If its
    checkpoint was trained with blocks held out in space, only those blocks are scored. If the
    forcing is made from the labels, the headline leaves out coarse cells less than half of which
    is known land: there the forcing nearly gives the labels away.

    A map of more than ``most`` pixels is scored in windows of whole coarse cells, one after the
    other, in bounded memory. All scores are those of the map in one piece: kernel and random are
    first rolled out into a store beside, because a later step looks beyond its window.

    Args:
        prediction: What ``ai4land reconstruct`` wrote.
        truth: The cube with labels, and with forcing for kernel and random.
        target: The map of classes that is judged; default land use.
        protocol: Land alone, or all classes as the reference system counts.
        weighting: Whether a pixel counts 1 or its area.
        seed: Of the baselines' ties.
        regions: Files of regions by which scores are told apart, see ``open_regions``.
        region_name: Property that names their polygons.
        most: Pixels that are scored in one piece.
        workers: Processes that score windows, if there are several; ``None`` is one per core.
        progress: Called with the name of each row before it is computed.

    Raises:
        CubeError: If the reconstruction has no observed initial map.
        GridError: If the two cubes do not lie on one grid, or a file of regions lies elsewhere.
        VocabularyError: If their legends differ.
        SampleError: If no year of the reconstruction has labels, or no pixel is left.
    """
    target = target or LAND_USE.targets[0]
    truth = _alike(truth, prediction, target)
    _check_pair(prediction, truth, target)
    initial, path, notes = _scorable(prediction, truth, target)
    labels = Labels(truth, target)
    grid, used = labels.grid, forcing_used(prediction.attributes)
    drivers = CubeDrivers(truth, grid)
    forcing = (*class_forcing(drivers, target, labels.legend, used), "")[0]
    files = tuple(open_regions(file, RasterGrid.of(grid), region_name) for file in regions)
    held_out, sentences = _held_out(prediction, labels)
    notes += seen_elsewhere(prediction.attributes, labels) + knew_too_much(prediction.attributes)
    plan = ScoringPlan(truth, target, initial, forcing, protocol, weighting, held_out, files, most)
    lands = {window: plan.land(window) for window in plan.windows}
    headline = _headline(lands.values(), sentences, notes)
    model = str(prediction.variable(target.name).source or "reconstruction")
    saved = SavedRollout(prediction, model, path, (initial, *path_of(prediction, target)[1]), seed)
    with tempfile.TemporaryDirectory(prefix="ai4land-") as folder:
        if len(plan.windows) > 1:
            found = _saved_baselines(plan, saved, Path(folder), progress or (lambda _: None))
            saved = replace(saved, baselines=found)
        total = _counted(plan, saved, lands, headline, workers, progress or (lambda _: None))
    notes += _more_notes(plan, total)
    return _evaluation(plan, saved, total, headline, " ".join(sentences), tuple(notes))


def _saved_baselines(
    plan: ScoringPlan, saved: SavedRollout, folder: Path, progress: Callable[[str], None]
) -> dict[str, Cube]:
    """Name → rollout of a baseline over the whole map, written piece by piece."""
    if not plan.forcing:
        return {}
    cube, target = plan.truth, plan.target
    demand = demand_of(cube, target, (plan.forcing,))
    start = observed_state(cube, single_task(target), plan.initial)
    found = {}
    for stepper in baselines(target, plan.grid, demand, saved.seed)[1:]:
        progress(f"rolling out {stepper.name}")
        path = folder / f"{stepper.name}.zarr"
        found[stepper.name] = save_rollout(
            stepper, start, saved.path, path, like=cube, attributes={}, books=False
        )
    return found


def _evaluation(
    plan: ScoringPlan,
    saved: SavedRollout,
    total: WindowSums,
    headline: bool,
    scored: str,
    notes: tuple[str, ...],
) -> Evaluation:
    """What was counted, as scores."""
    rollouts, initial = total.rollouts, plan.initial
    ceilings = {time: known.ceiling for time, known in total.ceilings.items()}
    ceiling = ceilings.get(saved.path[-1], np.nan)
    seam = min(initial, saved.path[0])
    return Evaluation(
        title=str(saved.cube.attributes.get("title", saved.cube.path.name)),
        model=saved.model,
        legend=plan.legend,
        protocol=plan.protocol,
        weighting=plan.weighting,
        initial=initial,
        scores={name: sums.zones[0] for name, sums in rollouts.items()},
        scored=scored,
        all_cells={n: s.zones[0] + s.zones[1] for n, s in rollouts.items()} if headline else {},
        ceiling=None if np.isnan(ceiling) else ceiling,
        notes=notes,
        details=Details(
            rollouts=rollouts,
            truth=total.truth,
            ceilings=ceilings,
            groups=total.groups,
            partitions=total.partitions,
            before=total.before,
            seams={} if total.before is None else {"labels to prediction": seam},
            uncertainty=uncertainty(
                rollouts, saved.model, plan.side, np.random.default_rng(saved.seed)
            ),
        ),
    )


def _counted(
    plan: ScoringPlan,
    saved: SavedRollout,
    lands: Mapping[Window, WindowLand],
    headline: bool,
    workers: int | None,
    progress: Callable[[str], None],
) -> WindowSums:
    """All windows together, without those that hold no label to be scored."""
    windows = [window for window, found in lands.items() if found.judged or len(lands) == 1]
    if not windows:
        raise _nothing(saved)
    count = functools.partial(sum_window, plan, saved, headline=headline)
    processes = 1 if len(windows) == 1 else min(len(windows), workers or CPU_COUNT)
    if processes > 1:
        progress(f"{len(windows)} windows in {processes} processes")
        items = [(window,) for window in windows]
        total = add_up(count, items, scheduler="processes", workers=processes)
    else:
        place = "" if len(windows) == 1 else " in window {} of {}"
        told = (
            (window, functools.partial(_tell, progress, place.format(n, len(windows))))
            for n, window in enumerate(windows, start=1)
        )
        total = add_up(count, told)
    if all(step.confusion.total == 0 for step in total.rollouts[saved.model].zones[0].leads):
        raise _nothing(saved)
    tables = total.rollouts[saved.model].regions
    for file, table in zip(plan.files, tables[len(tables) - len(plan.files) :], strict=True):
        if not len(table):
            raise no_region(file.path, "no scored pixel's centre lies in one")
    progress("confidence intervals")
    return total


def _nothing(saved: SavedRollout) -> SampleError:
    return SampleError(
        "No pixel is left to score",
        where=str(saved.cube.path),
        expected="land in the cube's labels",
        remedy="use --protocol reference, or check the legend's sea and missing codes",
    )


def _tell(progress: Callable[[str], None], place: str, row: str) -> None:
    progress(f"{row}{place}")


def _headline(lands: Collection[WindowLand], sentences: list[str], notes: list[str]) -> bool:
    """Whether coarse cells less than half land are told apart; says so."""
    counts = [found.kept for found in lands if found.kept is not None]
    if not counts:
        return False
    kept, land = sum(counts), sum(found.land for found in lands)
    if kept:
        sentences.append(
            f"Coarse cells at least half known land ({kept / land:.0%} of the land pixels), "
            "because the forcing is made from the labels."
        )
    else:
        notes.append(
            "The forcing is made from the labels and no coarse cell is half known land: the "
            "scores flatter every row that uses the forcing."
        )
    return kept > 0


def _more_notes(plan: ScoringPlan, total: WindowSums) -> list[str]:
    """What a reader must know of how it was counted."""
    said = []
    if not total.same_start:
        said.append(f"The reconstruction does not start from the labels of {plan.initial}.")
    if not plan.forcing:
        said.append("The cube has no forcing for this legend: no kernel and random rows.")
    return said


def _held_out(prediction: Cube, labels: Labels) -> tuple[BoolArray | None, list[str]]:
    """Pixels of the blocks that the checkpoint never saw, and a sentence on what is scored."""
    blocks = held_out_blocks(prediction.attributes, labels)
    if blocks is None:
        return None, ["All pixels with a class in the truth."]
    return blocks, [f"{_HELD_OUT} ({blocks.mean():.0%} of it)."]


def _alike(truth: Cube, prediction: Cube, target: Target) -> Cube:
    """The truth in the classes of a reconstruction, where a crosswalk leads to them."""
    mine, theirs = (cube.variable(target.name).legend for cube in (prediction, truth))
    if mine and theirs and f"{theirs.name}_to_{mine.name}" in crosswalk_names():
        return truth.in_legend(mine)
    return truth


def _check_pair(prediction: Cube, truth: Cube, target: Target) -> None:
    """Refuse two cubes that cannot be compared pixel by pixel."""
    check_grids(prediction, truth, target)
    mine, theirs = prediction.variable(target.name).legend, truth.variable(target.name).legend
    if mine is None or theirs is None or mine.classes != theirs.classes:
        raise VocabularyError(
            "Reconstruction and truth have different legends",
            expected=getattr(theirs, "name", None),
            found=getattr(mine, "name", None),
        )


def _scorable(
    prediction: Cube, truth: Cube, target: Target
) -> tuple[int, tuple[int, ...], list[str]]:
    """Initial time, the times that have labels, and a note on those that have none."""
    initial, path = path_of(prediction, target)
    labelled = set(truth.group(target.name).ticks)
    count = next((i for i, tick in enumerate(path) if tick not in labelled), len(path))
    if initial not in labelled or count == 0:
        raise SampleError(
            "No year of the reconstruction has labels to be judged by",
            where=str(truth.path),
            expected=f"labels of {initial} and {path[0]}",
            found=f"labels of {min(labelled)}…{max(labelled)}",
        )
    notes = []
    if count < len(path):
        notes.append(f"{len(path) - count} years without labels from {path[count]} on: not scored.")
    return initial, path[:count], notes
