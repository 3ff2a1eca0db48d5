"""State: the land at one time, as named fields, before it is written or after it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube.schema import Status
from ai4land.cube.views import ArrayView, View
from ai4land.errors import SampleError
from ai4land.grid import Grid, Window
from ai4land.vocabulary import NO_DATA, Clock, Kind, Legend, Variable

__all__ = ["Field", "Reference", "State"]


@dataclass(frozen=True, slots=True)
class Field:
    """One variable at one time.

    Attributes:
        variable: Its entry in the vocabulary.
        grid: The grid of the values.
        view: Reads the values ``(y, x)``: class **codes** ``uint8`` with 255 missing for a
            categorical variable, else ``float32`` in the vocabulary's units with NaN missing.
            Vector variables: ``(component, y, x)``.
        legend: Meaning of the codes of a categorical variable.
        belief: Optionally reads the probability of each class of a categorical variable,
            ``(class, y, x)`` float32 summing to 1 in legend order.
        visible: Optionally reads where a model may look, ``(y, x)`` bool; the values stand
            everywhere, for what is no model's business, such as the land's extent.
    """

    variable: Variable
    grid: Grid
    view: View
    legend: Legend | None = None
    belief: View | None = None
    visible: View | None = None

    def __post_init__(self) -> None:
        """Refuse values that do not lie on the grid or lack a legend."""
        where = f"field {self.variable.name!r}"
        if self.view.shape[-2:] != self.grid.shape:
            raise SampleError(
                "The values do not lie on the grid",
                where=where,
                expected=self.grid.shape,
                found=self.view.shape,
            )
        if self.variable.kind is Kind.CATEGORICAL:
            if self.legend is None or self.view.dtype != np.uint8:
                raise SampleError(
                    "Classes need a legend and uint8 codes", where=where, found=self.view.dtype
                )
            shape = (len(self.legend), *self.grid.shape)
            if self.belief is not None and self.belief.shape != shape:
                raise SampleError(
                    "One probability per class is needed",
                    where=where,
                    expected=shape,
                    found=self.belief.shape,
                )

    @classmethod
    def of(
        cls,
        variable: Variable,
        grid: Grid,
        values: npt.NDArray[Any],
        legend: Legend | None = None,
        probabilities: npt.NDArray[np.float32] | None = None,
    ) -> Field:
        """A field of arrays in memory."""
        fill = fill_of(variable)
        belief = None if probabilities is None else ArrayView(probabilities, grid, 0.0)
        return cls(variable, grid, ArrayView(values, grid, fill), legend, belief)

    def replaced(
        self, values: npt.NDArray[Any], probabilities: npt.NDArray[np.float32] | None = None
    ) -> Field:
        """The same variable on the same grid with other values, in memory, visible everywhere."""
        return Field.of(self.variable, self.grid, values, self.legend, probabilities)

    def read(self, window: Window) -> npt.NDArray[Any]:
        """Values of a window; missing outside the grid."""
        return self.view.read(window)

    def seen(self, window: Window) -> npt.NDArray[np.bool_]:
        """Where a model may look in a window, ``(y, x)``."""
        if self.visible is None:
            return np.ones(window.shape, dtype=bool)
        return np.asarray(self.visible.read(window))

    @property
    def values(self) -> npt.NDArray[Any]:
        """All values at once; of a store they are read at every call."""
        return self.view.read(self.grid.window)

    @property
    def probabilities(self) -> npt.NDArray[np.float32] | None:
        """All probabilities at once, if there are any."""
        return None if self.belief is None else self.belief.read(self.grid.window)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Where the values are not missing, ``(y, x)``."""
        values = self.values
        if self.variable.kind is Kind.CATEGORICAL:
            return np.asarray(values != NO_DATA)
        finite = np.isfinite(values)
        return finite if finite.ndim == 2 else np.asarray(finite.all(axis=0))


def fill_of(variable: Variable) -> float:
    """What stands where a variable is missing: ``NO_DATA`` for codes, NaN for numbers."""
    return NO_DATA if variable.kind is Kind.CATEGORICAL else np.nan


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What a map held when a rollout began, from which every demand of the forcing is counted.

    Attributes:
        tick: When that was.
        counts: Pixels of each group of classes in each coarse cell, ``(groups, Y, X)``.
        pixels: Pixels that the forcing's fractions are shares of, ``(Y, X)``.
    """

    tick: int
    counts: npt.NDArray[np.float64]
    pixels: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class State:
    """Named fields at one time.

    Attributes:
        clock: The clock of ``tick``.
        tick: The time.
        fields: Variable name → field.
        status: Whether the values are observed, predicted and so on.
        past: States visited before this one, nearest first, as far back as a stepper looks; none
            of them carries a past of its own.
        reference: What the map held when the rollout began; ``None`` before it has, and for
            steppers that need no demand.
    """

    clock: Clock
    tick: int
    fields: Mapping[str, Field]
    status: Status = Status.PREDICTED
    past: tuple[State, ...] = ()
    reference: Reference | None = None

    def __getitem__(self, name: str) -> Field:
        """A field by variable name.

        Raises:
            SampleError: If the state does not hold it.
        """
        try:
            return self.fields[name]
        except KeyError:
            raise SampleError(
                "The state does not hold this variable",
                found=repr(name),
                expected=", ".join(self.fields),
            ) from None
