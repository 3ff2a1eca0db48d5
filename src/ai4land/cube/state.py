"""State: the land at one time, as named fields, before it is written or after it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube.schema import Status
from ai4land.errors import SampleError
from ai4land.grid import Grid
from ai4land.vocabulary import NO_DATA, Clock, Kind, Legend, Variable

__all__ = ["Field", "State"]


@dataclass(frozen=True, slots=True)
class Field:
    """One variable at one time.

    Attributes:
        variable: Its entry in the vocabulary.
        grid: The grid of the values.
        values: ``(y, x)``; class **codes** ``uint8`` with 255 missing for a categorical variable,
            else ``float32`` in the vocabulary's units with NaN missing. Vector variables:
            ``(component, y, x)``.
        legend: Meaning of the codes of a categorical variable.
        probabilities: For a categorical variable, optionally the share of belief in each class,
            ``(class, y, x)`` float32 summing to 1 in legend order; where it is given, ``values``
            is its most likely class unless a constraint decided otherwise.
    """

    variable: Variable
    grid: Grid
    values: npt.NDArray[Any]
    legend: Legend | None = None
    probabilities: npt.NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """Refuse values that do not lie on the grid or lack a legend."""
        where = f"field {self.variable.name!r}"
        if self.values.shape[-2:] != self.grid.shape:
            raise SampleError(
                "The values do not lie on the grid",
                where=where,
                expected=self.grid.shape,
                found=self.values.shape,
            )
        if self.variable.kind is Kind.CATEGORICAL:
            if self.legend is None or self.values.dtype != np.uint8:
                raise SampleError(
                    "Classes need a legend and uint8 codes", where=where, found=self.values.dtype
                )
            shape = (len(self.legend), *self.grid.shape)
            if self.probabilities is not None and self.probabilities.shape != shape:
                raise SampleError(
                    "One probability per class is needed",
                    where=where,
                    expected=shape,
                    found=self.probabilities.shape,
                )

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Where the values are not missing, ``(y, x)``."""
        if self.variable.kind is Kind.CATEGORICAL:
            return np.asarray(self.values != NO_DATA)
        finite = np.isfinite(self.values)
        return finite if finite.ndim == 2 else np.asarray(finite.all(axis=0))


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
    """

    clock: Clock
    tick: int
    fields: Mapping[str, Field]
    status: Status = Status.PREDICTED
    past: tuple[State, ...] = ()

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
