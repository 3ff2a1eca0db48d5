"""What a model's chances of single steps say of the truth after many of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ai4land.cube import State
from ai4land.rollout.decisions import Recurrence
from ai4land.rollout.stepper import Stepper, begun, next_state

__all__ = ["Belief", "standing"]

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]


def standing(stepper: Stepper, initial: State, ticks: Sequence[int]) -> Iterator[tuple[State, int]]:
    """The initial land at each time, as if it had stood still until then.

    Nothing that the forcing asked for before is asked for again, so that what a model says of such
    a state is the chance of one step, and not of all that is outstanding.

    Args:
        stepper: Of whose steps the states are.
        initial: Where the path starts.
        ticks: The times after it, on the clock of the stepper's task.

    Yields:
        A state, and the time to be reached from it.
    """
    state = begun(stepper, initial)
    for tick in ticks:
        yield state, tick
        reference = state.reference
        if reference is not None and stepper.demand is not None:
            now = stepper.demand.tick_of(tick, stepper.task.clock)
            reference = replace(reference, tick=now)
        state = next_state(stepper, state, tick, dict(state.fields))
        state = replace(state, reference=reference)


class Belief:
    """The probability of each class in the truth along a path, from chances of single steps.

    What is still in its initial class goes on as the model says of land that has stood still, less
    and less often; of what has left some goes back.

    Args:
        before: Initial classes, ``(y, x)``.
        layers: Number of classes K.
        recurrence: How change strikes again.

    Attributes:
        values: ``(K, y, x)`` float32.
    """

    def __init__(
        self, before: ByteArray, layers: int, recurrence: Recurrence | None = None
    ) -> None:
        self._recurrence = recurrence or Recurrence()
        self._home = before == np.arange(layers, dtype=np.uint8)[:, None, None]
        self._steps = 0
        self.values = self._home.astype(np.float32)

    def advance(self, row: FloatArray) -> None:
        """Go one step on.

        Args:
            row: What becomes in it of the initial class, ``(K, y, x)``, see ``standing``.
        """
        self._steps += 1
        fade, back = self._recurrence.fade, np.float32(self._recurrence.back)
        moves = np.where(self._home, 0.0, row) * np.float32(self._steps**-fade)
        away = np.where(self._home, 0.0, self.values)
        home = self.values.sum(axis=0) - away.sum(axis=0)
        away = (1.0 - back) * away + home * moves
        total = self._home.any(axis=0) - away.sum(axis=0)
        self.values = np.asarray(np.where(self._home, total, away), np.float32)
