"""What a decision may expect to score on land without labels, from calibrated probabilities."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import State, View
from ai4land.grid import Mesh, Window
from ai4land.rollout.allocation_stepper import AllocationStepper
from ai4land.rollout.belief import Belief, standing
from ai4land.rollout.decisions import Faithful, Likely, Recurrence
from ai4land.rollout.predictor_stepper import PredictorStepper
from ai4land.rollout.stepper import Moved, Stepper, next_state
from ai4land.vocabulary import Direction

__all__ = ["ODDS", "Expected", "Outlook", "Progress", "choose_odds", "sample_pieces"]

ODDS = (1.0, 0.7, 0.5, 0.4, 0.3, 0.22, 0.16, 0.1, 0.06, 0.03, 0.01)
"""Candidates for the odds from which on a change is taken, from timid to bold."""

_TIMID = (1.5, 3.0, 20.0)  # tried where even odds of 1 expect too little
_PATIENCE = 2  # candidates after the best before the search ends
_MOST = 1 << 19  # pixels times steps that are looked at
_LEAST_PIXELS = 1 << 14

ByteArray = npt.NDArray[np.uint8]
HalfArray = npt.NDArray[np.float16]
Progress = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True, slots=True)
class Expected:
    """Expected scores of a map against the truth that the probabilities tell of.

    Attributes:
        hits: Pixels that changed, and to the class that the map says.
        false_alarms: Pixels that did not change although the map says so.
        changed: Pixels that changed.
        simulated: Pixels that the map changes.
        right: Pixels of the right class.
        total: All pixels.
    """

    hits: float
    false_alarms: float
    changed: float
    simulated: float
    right: float
    total: float

    @property
    def figure_of_merit(self) -> float:
        """Hits among all that changed or was said to."""
        union = self.changed + self.false_alarms
        return self.hits / union if union > 0.0 else 0.0

    @property
    def accuracy(self) -> float:
        """Share of pixels of the right class."""
        return self.right / self.total if self.total else 1.0

    @property
    def gain(self) -> float:
        """Accuracy above that of no change."""
        return self.accuracy - (self.total - self.changed) / self.total if self.total else 0.0


def sample_pieces(mesh: Mesh, steps: int, side: int) -> list[Window]:
    """Pieces spread evenly over a grid, few enough to be rolled forward several times.

    Which they are depends on the grid, the number of steps and the tiles alone, never on how a run
    cuts the grid.

    Args:
        mesh: The coarse cells; a piece holds one at the least.
        steps: Of the path.
        side: Of a piece in pixels, at most.
    """
    pieces = mesh.pieces(side**2)
    pixels = max(_MOST // max(steps, 1), _LEAST_PIXELS)
    size = sum(p.height * p.width for p in pieces) / len(pieces)
    count = min(max(int(pixels / size), 1), len(pieces))
    places = (np.arange(count) + 0.5) * len(pieces) / count
    return [pieces[place] for place in places.astype(int)]


def choose_odds(
    stepper: PredictorStepper,
    initial: State,
    ticks: Sequence[int],
    *,
    margin: float = 0.0,
    recurrence: Recurrence | None = None,
    progress: Progress | None = None,
) -> tuple[PredictorStepper, dict[float, Expected]]:
    """The odds of highest expected figure of merit at the end of a path, without labels.

    Args:
        stepper: With a decision that has odds; another comes back as it is.
        initial: Where the rollout starts.
        ticks: The times after it.
        margin: As of ``Outlook.choose``.
        recurrence: As of ``Outlook``.
        progress: As of ``Outlook.choose``.

    Returns:
        The stepper with the odds of its direction, and what each candidate looked at expects.
    """
    decision = stepper.decision
    if not isinstance(decision, Faithful | Likely):
        return stepper, {}
    timid = stepper.with_ahead(1)
    outlook = Outlook(timid, initial, ticks, balanced=decision.balanced, recurrence=recurrence)
    odds, found = outlook.choose(decision, margin, progress)
    return stepper.with_decision(decision.with_odds(outlook.direction, odds)), found


def _boldest(
    candidates: Sequence[float], allowed: Callable[[float], bool], merit: Callable[[float], float]
) -> float | None:
    """The candidate of highest merit among those allowed; none is tried long after the best."""
    best: float | None = None
    worse = 0
    for odds in candidates:
        if allowed(odds) and (best is None or merit(odds) > merit(best)):
            best, worse = odds, 0
        else:
            worse += 1
        if worse == _PATIENCE:
            break
    return best


class Outlook:
    """What a model expects along a path, on a sample of pieces, of itself and of others.

    What the model says of the initial map in every step, as if it had stood still, is put together
    to what it expects of the truth (``Belief``). Whatever is rolled along the path is judged
    against that.

    Args:
        stepper: The model.
        initial: Where the rollout starts.
        ticks: The times after it.
        balanced: Whether probabilities are first fitted to what the forcing asks for.
        mask: ``(y, x)`` pixels that count; default all.
        recurrence: How change strikes again in the truth, as labels told; default anew each time.
    """

    def __init__(
        self,
        stepper: PredictorStepper,
        initial: State,
        ticks: Sequence[int],
        *,
        balanced: bool = False,
        mask: npt.NDArray[np.bool_] | None = None,
        recurrence: Recurrence | None = None,
    ) -> None:
        self.stepper, self.balanced = stepper.remembering(initial), balanced
        self.initial, self.ticks = initial, ticks
        self.target = next(t for t in stepper.task.targets if t.categorical)
        self.coding = stepper.assembler.codings[self.target.name]
        self.pieces = sample_pieces(stepper.mesh, len(ticks), stepper.tiling.stride)
        codes = [initial[self.target.name].read(piece) for piece in self.pieces]
        self.before = [self.coding.positions(c) for c in codes]
        self.domain = [self.coding.domain(c) for c in codes]
        if mask is not None:
            grid = stepper.mesh.fine
            for piece, domain in zip(self.pieces, self.domain, strict=True):
                for cut in grid.pieces(piece):
                    domain[cut.target] &= mask[cut.source]
        self._rows = list(self._told())
        self._beliefs = list(self._believed(recurrence))
        self._tried: dict[tuple[str, float], list[Expected]] = {}

    def recurring(self, recurrence: Recurrence) -> Outlook:
        """The same outlook on a truth in which change strikes again in another way."""
        other = copy.copy(self)
        other._beliefs, other._tried = list(self._believed(recurrence)), {}
        other.__dict__.pop("_kernel", None)
        return other

    def changed(self, recurrence: Recurrence) -> list[float]:
        """Pixels that are expected to differ from the initial map after each step.

        Args:
            recurrence: How change strikes again.
        """
        return [self._judged(self.before, told).changed for told in self._believed(recurrence)]

    @property
    def direction(self) -> Direction:
        """Where the path leads."""
        return Direction.leading(self.initial.tick, self.ticks[0])

    def choose(
        self,
        decision: Faithful | Likely,
        margin: float = 0.0,
        progress: Progress | None = None,
    ) -> tuple[float, dict[float, Expected]]:
        """The odds of highest expected figure of merit at the end, among those that promise enough.

        No candidate may expect less accuracy in any year than no change (``likely``) or than the
        kernel baseline (``faithful``).

        Args:
            decision: Whose odds are chosen.
            margin: Accuracy that must be expected beyond that, as the validation split found it.
            progress: Called with what is done, what there is at most, and figures.

        Returns:
            The odds, and what each candidate looked at expects after the last step.
        """
        least = [bound + margin for bound in self._least_gains(decision)]
        found: dict[float, Expected] = {}

        def allowed(odds: float) -> bool:
            leads = self._expected_of(decision, odds)
            found[odds] = leads[-1]
            if progress is not None:
                figures = {"odds": odds, "expected_figure_of_merit": leads[-1].figure_of_merit}
                progress(len(found), len(ODDS), figures)
            return all(e.gain >= bound for e, bound in zip(leads, least, strict=True))

        chosen = _boldest(ODDS, allowed, lambda odds: found[odds].figure_of_merit)
        if chosen is None and isinstance(decision, Faithful):
            chosen = ODDS[0]  # exchanges nothing but what is likelier than no change
        elif chosen is None:
            chosen = next((odds for odds in _TIMID if allowed(odds)), _TIMID[-1])
        return chosen, found

    def _expected_of(self, decision: Faithful | Likely, odds: float) -> list[Expected]:
        """What a decision with some odds expects after each step; each is rolled once."""
        key = decision.name, odds
        if key not in self._tried:
            made = decision.with_odds(self.direction, odds)
            self._tried[key] = self.expected(self.stepper.with_decision(made))
        return self._tried[key]

    def _told(self) -> Iterator[list[HalfArray] | None]:
        """What the model says of each piece that has stood still, ``(K, y, x)``, step by step.

        ``None`` for a step in which the map does not move, such as that to another month.
        """
        name, task = self.target.name, self.stepper.task
        stepper = self.stepper.with_decision(Likely(balanced=self.balanced))
        near = [_around(stepper, piece) for piece in self.pieces]
        for state, tick in standing(stepper, self.initial, self.ticks):
            if self.target not in task.moving(state.tick, tick):
                yield None
                continue
            rows = []
            for one, piece in zip(near, self.pieces, strict=True):
                said = one.step_piece(state, tick, piece)[name].probabilities
                assert said is not None
                rows.append(said.astype(np.float16))
            yield rows

    def _believed(self, recurrence: Recurrence | None) -> Iterator[list[HalfArray]]:
        """After each step each class's chance in the truth, ``(K, y, x)`` a piece."""
        beliefs = [Belief(before, self.coding.layers, recurrence) for before in self.before]
        for rows in self._rows:
            for belief, row in zip(beliefs, rows or (), strict=rows is not None):
                belief.advance(row.astype(np.float32))
            yield [belief.values.astype(np.float16) for belief in beliefs]

    def _least_gains(self, decision: Faithful | Likely) -> list[float]:
        """Accuracy above no change that must be expected after each step."""
        if isinstance(decision, Likely) or self.stepper.demand is None:
            return [0.0] * len(self.ticks)
        return [min(e.gain, 0.0) for e in self._kernel]

    @functools.cached_property
    def _kernel(self) -> list[Expected]:
        assert self.stepper.demand is not None
        return self.expected(AllocationStepper("kernel", self.stepper.demand))

    def expected(self, stepper: Stepper) -> list[Expected]:
        """What a stepper's maps may expect to score after each step."""
        steps = zip(self._rolled(stepper), self._beliefs, strict=True)
        return [
            self._judged([self.coding.positions(part.values) for part in moved], beliefs)
            for moved, beliefs in steps
        ]

    def _judged(self, found: Sequence[ByteArray], beliefs: Sequence[HalfArray]) -> Expected:
        """What the maps of a step may expect to score."""
        pieces = zip(beliefs, self.before, found, self.domain, strict=True)
        parts = [_scored(*piece) for piece in pieces]
        return Expected(*(float(v) for v in np.sum(parts, axis=0)))

    def _rolled(self, stepper: Stepper) -> Iterator[list[Moved]]:
        """The pieces after each step; all around them stays as it was."""
        name, clock, own = self.target.name, self.stepper.task.clock, stepper.task.clock
        reached = clock.convert(self.initial.tick, own)
        past = self.initial.past if clock is own else ()
        state = stepper.begin(replace(self.initial, clock=own, tick=reached, past=past))
        last = [Moved(self.initial[name].read(piece)) for piece in self.pieces]
        near = [_around(stepper, piece) for piece in self.pieces]
        for tick in (clock.convert(t, own) for t in self.ticks):
            if tick != reached:
                pairs = zip(near, self.pieces, strict=True)
                moved = [one.step_piece(state, tick, piece) for one, piece in pairs]
                fields = dict(state.fields)
                for moving in moved[0]:
                    parts = [part[moving].values for part in moved]
                    view = _Patched(self.initial[moving].view, stepper.mesh, self.pieces, parts)
                    fields[moving] = replace(fields[moving], view=view, belief=None)
                state = next_state(stepper, state, tick, fields)
                last = [part[name] for part in moved] if name in moved[0] else last
                reached = tick
            yield last


@dataclass(frozen=True, eq=False)
class _Patched:
    """A map that is new in some pieces and as it was elsewhere."""

    base: View
    mesh: Mesh
    pieces: Sequence[Window]
    values: Sequence[npt.NDArray[Any]]

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return self.base.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.base.dtype

    def read(self, window: Window) -> npt.NDArray[Any]:
        """Values of a window."""
        out = self.base.read(window).copy()
        for piece, values in zip(self.pieces, self.values, strict=True):
            rows, cols = self.mesh.places(piece, window)
            down, across = rows >= 0, cols >= 0
            if down.any() and across.any():
                out[..., np.ix_(down, across)[0], np.ix_(down, across)[1]] = values[
                    ..., rows[down][:, None], cols[across]
                ]
        return out


def _around(stepper: Stepper, piece: Window) -> Stepper:
    """A stepper that sees a piece in one tile, if it is cut into tiles at all."""
    return stepper.around(piece) if isinstance(stepper, PredictorStepper) else stepper


def _scored(
    belief: HalfArray, start: ByteArray, found: ByteArray, domain: npt.NDArray[np.bool_]
) -> tuple[float, ...]:
    """The numbers of ``Expected`` of one piece."""
    used = domain & (start < len(belief)) & (found < len(belief))
    said = belief[:, used].astype(np.float32)
    one, two = start[used], found[used]
    places = np.arange(one.size)
    stayed, right = said[one, places].astype(np.float64), said[two, places].astype(np.float64)
    new = one != two
    return (
        float(right[new].sum()),
        float(stayed[new].sum()),
        float(one.size - stayed.sum()),
        float(np.count_nonzero(new)),
        float(right.sum()),
        float(one.size),
    )
