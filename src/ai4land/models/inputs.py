"""What a model takes: named groups of fields in physical units, never an anonymous stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from ai4land.errors import CheckpointError, VocabularyError
from ai4land.vocabulary import Driver, Target

__all__ = ["InputSpec", "Inputs", "Seen", "blank_inputs", "join_inputs", "stack_inputs"]

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The fields a model was built for, by name and in order.

    Attributes:
        targets: What it predicts, with the classes it knows.
        forcing: Names ``variable/component`` of the coarse forcing channels.
        static: Names of the continuous static channels.
        zones: Name and number of codes of each categorical static field.
        series: Drivers that are told at lags before the target time, a channel a lag and component.
        series_channels: Their channels by name, ``variable/component −lag``.
        calendar: Names of the calendar's features, see ``Inputs.calendar``.
        bound: The target into whose classes the forcing translates; empty if into none.
        translation: ``(classes, forcing)`` matrix from forcing channels to shares of the bound
            target's classes (a crosswalk); empty where none is known.
        closed_loop: Whether the forcing is made of the bound target's own classes, so that the
            forcing at the prior time is the aggregate of the prior itself, observed or predicted.
        history: Number of maps before the prior that the model looks at, of each target.
        flows: Variable of gross transitions between the bound target's classes; empty if none.
        trust: How far they are believed, in (0, 1]; the rest goes by the net change alone.
    """

    targets: tuple[Target, ...]
    forcing: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    zones: tuple[tuple[str, int], ...] = ()
    series: tuple[Driver, ...] = ()
    series_channels: tuple[str, ...] = ()
    calendar: tuple[str, ...] = ("years",)
    bound: str = ""
    translation: tuple[tuple[float, ...], ...] = ()
    closed_loop: bool = False
    history: int = 0
    flows: str = ""
    trust: float = 1.0

    def target(self, name: str) -> Target:
        """A target by name."""
        return next(target for target in self.targets if target.name == name)

    @property
    def flow_layers(self) -> int:
        """Layers of ``Inputs.flows``: pairs of the bound target's classes, or none."""
        return self.target(self.bound).layers ** 2 if self.flows else 0

    @property
    def forcing_variables(self) -> tuple[str, ...]:
        """Names of the variables behind the forcing channels."""
        return tuple(dict.fromkeys(full.partition("/")[0] for full in self.forcing))

    @property
    def told_variables(self) -> tuple[str, ...]:
        """Names of the variables behind all that is told of a step: forcing, gross transitions."""
        return (*self.forcing_variables, self.flows) if self.flows else self.forcing_variables

    def to_dict(self) -> dict[str, Any]:
        """The specification as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> InputSpec:
        """The inverse of ``to_dict``.

        Raises:
            CheckpointError: If a part is missing or unknown.
        """
        known = {f.name for f in fields(cls)}
        try:
            if not known - {"flows", "trust"} <= set(data) <= known:  # older ones know no flows
                raise KeyError(*known ^ set(data))
            return TypeAdapter(cls).validate_python(dict(data))
        except (KeyError, TypeError, ValueError, VocabularyError) as error:
            raise CheckpointError(
                "The list of a model's inputs is damaged",
                expected=", ".join(f.name for f in fields(cls)),
                found=data,
            ) from error


class Seen(NamedTuple, Generic[A]):
    """What a model sees of one target; B batch, K layers, Y × X pixels.

    Attributes:
        prior: ``(B, K, Y, X)`` class probabilities, or ``(B, 1, Y, X)`` values in physical units,
            at the prior time.
        visible: ``(B, 1, Y, X)`` 1 where the prior may be seen, 0 where it is hidden or unknown.
        domain: ``(B, 1, Y, X)`` 1 where the target exists at all (not sea, not outside).
        history: ``(B, H, K, Y, X)`` as ``prior``, for the H maps before it, nearest first, one
            step length apart.
        history_visible: ``(B, H, Y, X)`` 1 where they may be seen.
    """

    prior: A
    visible: A
    domain: A
    history: A
    history_visible: A


class Inputs(NamedTuple, Generic[A]):
    """One batch of inputs; B batch, C channels, Y × X pixels. A single window has no batch axis.

    Attributes:
        targets: Target → what is seen of it.
        forcing_prior: ``(B, C, Y, X)`` coarse forcing at the prior time, physical units.
        forcing_target: ``(B, C, Y, X)`` coarse forcing at the target time, physical units.
        static: ``(B, S, Y, X)`` continuous static fields, physical units.
        zones: ``(B, Z, Y, X)`` integer codes of categorical static fields.
        series: ``(B, L, Y, X)`` drivers at lags before the target time, physical units.
        flows: ``(B, K·K, Y, X)`` chance in the pixel's coarse cell that class j of the bound target
            becomes class k in this step, at layer j·K + k; rows sum to 1, or are 0 where nothing is
            known of what becomes of a class. ``(B, 0, Y, X)`` without gross transitions.
        calendar: ``(B, F)`` signed length of the step in years (``years``; with several targets
            ``years/<target>``, 0 for one that does not move), and on clocks below the year
            cosine and sine of the season of the target time (``season_cos``, ``season_sin``).
    """

    targets: Mapping[str, Seen[A]]
    forcing_prior: A
    forcing_target: A
    static: A
    zones: A
    series: A
    flows: A
    calendar: A

    def map(self, function: Callable[[A], B]) -> Inputs[B]:
        """The same groups with a function applied to each array."""
        targets = {name: Seen(*map(function, seen)) for name, seen in self.targets.items()}
        return Inputs(targets, *(function(part) for part in self[1:]))


def blank_inputs(spec: InputSpec, window: int, batch: int = 1) -> Inputs[npt.NDArray[Any]]:
    """Inputs of square windows in which everything is 0, and all of it visible."""

    def blank(*channels: int) -> npt.NDArray[Any]:
        return np.zeros((batch, *channels, window, window), np.float32)

    def seen(layers: int) -> Seen[npt.NDArray[Any]]:
        history = blank(spec.history, layers)
        return Seen(blank(layers), blank(1) + 1, blank(1) + 1, history, blank(spec.history) + 1)

    return Inputs(
        targets={target.name: seen(target.layers) for target in spec.targets},
        forcing_prior=blank(len(spec.forcing)),
        forcing_target=blank(len(spec.forcing)),
        static=blank(len(spec.static)),
        zones=blank(len(spec.zones)).astype(np.int64),
        series=blank(len(spec.series_channels)),
        flows=blank(spec.flow_layers),
        calendar=np.ones((batch, len(spec.calendar)), np.float32),
    )


def stack_inputs(parts: Sequence[Inputs[npt.NDArray[Any]]]) -> Inputs[npt.NDArray[Any]]:
    """Windows of one shape as one batch; every array gains a leading batch axis."""
    return _combined(parts, np.stack)


def join_inputs(parts: Sequence[Inputs[npt.NDArray[Any]]]) -> Inputs[npt.NDArray[Any]]:
    """Batches of windows of one shape as one batch, one after the other."""
    return _combined(parts, np.concatenate)


def _combined(
    parts: Sequence[Inputs[npt.NDArray[Any]]],
    function: Callable[[tuple[npt.NDArray[Any], ...]], npt.NDArray[Any]],
) -> Inputs[npt.NDArray[Any]]:
    targets = {
        name: Seen(
            *(function(group) for group in zip(*(p.targets[name] for p in parts), strict=True))
        )
        for name in parts[0].targets
    }
    rest = (function(group) for group in zip(*(part[1:] for part in parts), strict=True))
    return Inputs(targets, *rest)
