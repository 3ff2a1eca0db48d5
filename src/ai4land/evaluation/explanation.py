"""Explanation of one pixel in one step: what was asked, what the network said, what decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.allocation import CoarseCells
from ai4land.cube import Cube, State
from ai4land.errors import GridError
from ai4land.grid import Grid, Window
from ai4land.models import Predictor
from ai4land.rollout import (
    Faithful,
    Likely,
    PredictorStepper,
    Tiling,
    demand_of,
    open_model,
    rollout,
)
from ai4land.samples import Demand

__all__ = ["Explanation", "PixelStep", "explain"]

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Explanation:
    """What had a say in one pixel in one step.

    Attributes:
        data: All of it as plain data, ready for JSON.
        reasons: What decided, the weightiest first.
        step: All that was looked at; ``None`` where there is no land.
    """

    data: dict[str, Any]
    reasons: tuple[str, ...]
    step: PixelStep | None


@dataclass(frozen=True, eq=False)
class PixelStep:
    """One step at one pixel, classes by position.

    Attributes:
        names: Classes.
        groups: Groups of classes that the forcing tells apart.
        before: Class before the step.
        after: Class after it.
        asked: Pixels of each group that the coarse cell should gain.
        held: Pixels of each group in the cell.
        raw: Probabilities of the model.
        balanced: The same calibrated, and balanced on the forcing, as the decision takes them.
        odds: How many times likelier than no change a change must be for the decision.
        seen: Which class ever followed the pixel's in training.
        rank: Place of the pixel among those of its class in its cell, by the chance of each class.
    """

    names: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    before: int
    after: int
    asked: npt.NDArray[np.int32]
    held: npt.NDArray[np.int32]
    raw: FloatArray
    balanced: FloatArray
    odds: float
    seen: npt.NDArray[np.bool_]
    rank: npt.NDArray[np.int64]

    def group_of(self, position: int) -> int | None:
        """Number of the group of a class."""
        return next((n for n, group in enumerate(self.groups) if position in group), None)

    def group_name(self, number: int) -> str:
        """A group by its classes."""
        return " + ".join(self.names[k] for k in self.groups[number])


def explain(
    checkpoint: Path,
    cube: Cube,
    point: tuple[float, float],
    path: tuple[int, ...],
    *,
    tiling: Tiling | None = None,
    device: str = "cpu",
) -> Explanation:
    """Say why a pixel changed or did not in the last step of a rollout.

    Args:
        checkpoint: Folder of the checkpoint.
        cube: Holds initial map, forcing and static fields.
        point: Degrees north, degrees east.
        path: Times of the rollout, the initial one first; the step into the last is explained.
        tiling: How the domain is cut.
        device: Where the network computes.

    Raises:
        GridError: If the point lies outside the cube.
        CheckpointError: If the checkpoint is damaged, or the cube lacks what it needs.
        ConfigError: If the cube has no coarse fractions.
    """
    stepper, start, card = open_model(checkpoint, cube, path, tiling=tiling, device=device)
    target = next(t for t in card.targets if t.categorical)
    row, col = _pixel(cube.grid(target.name), point)
    demand = stepper.demand or demand_of(cube, target)
    before = replace(start, reference=demand.reference(start))
    for state in rollout(stepper, start, path[1:-1]):
        before = replace(state, reference=before.reference)
    where = {
        "latitude": point[0],
        "longitude": point[1],
        "row": row,
        "column": col,
        "from": before.tick,
        "to": path[-1],
    }
    if not demand.coding.domain(before[target.name].values)[row, col]:
        return Explanation({**where, "land": False, "reasons": [_NO_LAND]}, (_NO_LAND,), None)
    found = _looked_at(stepper, demand, before, path[-1], (row, col))
    reasons = _reasons(found)
    data = {**where, "land": True, **_plain(found), "reasons": list(reasons)}
    return Explanation(data, reasons, found)


_NO_LAND = "This pixel is sea or has no data in the map: it is never predicted."


def _pixel(grid: Grid, point: tuple[float, float]) -> tuple[int, int]:
    latitude, longitude = point
    row = int(np.floor((float(grid.north) - latitude) / float(grid.dy)))
    east = longitude - float(grid.west)
    col = int(np.floor((east % 360.0 if grid.is_global else east) / float(grid.dx)))
    if not (0 <= row < grid.height and 0 <= col < grid.width):
        raise GridError(
            "The point lies outside the cube",
            expected=grid.describe(),
            found=f"{latitude:g}° N, {longitude:g}° E",
        )
    return row, col


def _looked_at(
    stepper: PredictorStepper, demand: Demand, before: State, tick: int, pixel: tuple[int, int]
) -> PixelStep:
    """The last step on the coarse cell of a pixel, with the decision and without."""
    target, coding, reference = demand.target.name, demand.coding, before.reference
    assert reference is not None
    piece = demand.mesh.whole(Window(*pixel, 1, 1))
    plain = PredictorStepper(
        stepper.predictor,
        stepper.assembler,
        tiling=stepper.tiling,
        feedback=stepper.feedback,
        demand=demand,
    )
    raw = plain.step_piece(before, tick, piece)[target].probabilities
    after = stepper.step_piece(before, tick, piece)[target]
    if raw is None or after.probabilities is None:
        raise GridError("The network gave no probabilities", where=target)
    cells = CoarseCells.within(demand.mesh, piece)
    start = coding.positions(before[target].read(piece))
    row, col = (int(place[0]) for place in demand.mesh.places(piece, Window(*pixel, 1, 1)))
    cell = int(cells.index[row, col])
    same = (cells.index == cell) & (start == start[row, col])
    mine = after.probabilities[:, row, col]
    rank = 1 + (after.probabilities[:, same] > mine[:, None]).sum(axis=1)
    decision, when = stepper.decision, demand.tick_of(tick, stepper.task.clock)
    return PixelStep(
        names=demand.legend.names,
        groups=demand.groups,
        before=int(start[row, col]),
        after=int(coding.positions(after.values)[row, col]),
        asked=demand.change(reference, when, piece, start)[:, cell],
        held=demand.counts(start, cells)[:, cell],
        raw=np.asarray(raw[:, row, col]),
        balanced=np.asarray(mine),
        odds=decision.odds(tick - before.tick) if isinstance(decision, Faithful | Likely) else 1.0,
        seen=_seen(stepper.predictor, target, int(start[row, col]), tick < before.tick),
        rank=rank.astype(np.int64),
    )


def _seen(predictor: Predictor, target: str, before: int, backward: bool) -> npt.NDArray[np.bool_]:
    """Which classes may follow one, as the training has it."""
    followers = predictor.followers(target)
    if followers is None:
        return np.ones(predictor.spec.target(target).layers, dtype=bool)
    return np.asarray(followers[int(backward), before])


def _reasons(step: PixelStep) -> tuple[str, ...]:
    """What decided, in sentences."""
    names, old = step.names, step.before
    if step.after != old:
        chance = step.balanced[step.after]
        return (f"It did change: {names[old]} → {names[step.after]}, probability {chance:.2f}.",)
    said = [*_demand_reasons(step)]
    others = [k for k in range(len(names)) if k != old]
    best = max(others, key=lambda k: step.balanced[k])
    chance = step.balanced[best] / max(step.balanced[old], 1e-9)
    said.append(
        f"The model gives {names[old]} {step.balanced[old]:.2f} and the best other class, "
        f"{names[best]}, {step.balanced[best]:.2f}: {chance:.2f} times as much. The decision takes "
        f"a change from {step.odds:.2f} times on."
    )
    if chance > step.odds:
        said.append("It stayed all the same: the cell's areas were needed elsewhere.")
    growing = [k for n, g in enumerate(step.groups) if step.asked[n] > 0 for k in g]
    never = [names[k] for k in growing if not step.seen[k]]
    if never:
        said.append(f"In training {names[old]} was never followed by {', '.join(never)}.")
    gaining = [k for k in growing if step.seen[k] and k != old]
    if gaining:
        top = max(gaining, key=lambda k: step.balanced[k])
        group = step.group_of(top)
        wanted = 0 if group is None else int(step.asked[group])
        said.append(
            f"The cell is to gain {wanted} pixels of {step.group_name(group or 0)}; this one is "
            f"number {step.rank[top]} among its pixels of {names[old]} by the chance of "
            f"{names[top]}."
        )
    return tuple(said)


def _demand_reasons(step: PixelStep) -> list[str]:
    group = step.group_of(step.before)
    if group is None:
        return [f"The coarse forcing says nothing about {step.names[step.before]}."]
    if not step.asked.any():
        return ["The coarse forcing asks for no whole pixel of change in this cell."]
    if step.asked[group] >= 0:
        return [
            f"The coarse forcing asks this cell for no loss of {step.group_name(group)} "
            f"({step.asked[group]:+d} pixels of {step.held[group]})."
        ]
    return [
        f"The coarse forcing asks this cell to lose {-step.asked[group]} of its "
        f"{step.held[group]} pixels of {step.group_name(group)}."
    ]


def _plain(step: PixelStep) -> dict[str, Any]:
    return {
        "before": step.names[step.before],
        "after": step.names[step.after],
        "odds": float(step.odds),
        "cell": {
            step.group_name(n): {"pixels": int(step.held[n]), "asked": int(step.asked[n])}
            for n in range(len(step.groups))
        },
        "classes": {
            name: {
                "network": round(float(step.raw[k]), 6),
                "balanced": round(float(step.balanced[k]), 6),
                "seen_in_training": bool(step.seen[k]),
                "rank": int(step.rank[k]),
            }
            for k, name in enumerate(step.names)
        },
    }
