"""Samples: one window over consecutive steps, and how it becomes a model's inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.models import Inputs
from ai4land.samples.assembler import Given, Shown, see
from ai4land.samples.coding import Coding

__all__ = ["Sample", "TargetSample", "own_shares_of", "stack", "step_inputs"]

Array = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TargetSample:
    """One target in a window over n consecutive steps; stacked samples gain a batch axis.

    Attributes:
        prior: ``(y, x)`` class positions ``uint8``/255 or ``float32``/NaN at the first time,
            after corruption.
        visible: ``(y, x)`` where the prior may be seen.
        domain: ``(y, x)`` where the target exists at the first time.
        before: ``(y, x)`` truth at the first time, undamaged; for the loss alone.
        history: ``(H, y, x)`` maps before the first time, nearest first.
        history_visible: ``(H, y, x)`` where they may be seen.
        targets: ``(n, y, x)`` truth after each step.
        valid: ``(n, y, x)`` pixels that the loss may see.
        moves: ``(n,)`` whether the target's own time changes in a step; if not, it has no loss.
    """

    prior: Array
    visible: BoolArray
    domain: BoolArray
    before: Array
    history: Array
    history_visible: BoolArray
    targets: Array
    valid: BoolArray
    moves: BoolArray


@dataclass(frozen=True, slots=True)
class Sample:
    """One window over n consecutive steps, in physical units; stacked samples gain a batch axis.

    Attributes:
        targets: Target → its maps.
        forcing: ``(n + 1, C, y, x)`` coarse forcing at all times.
        wanted: ``(n, K, y, x)`` class shares that a product of other classes asks for after each
            step, counted from the first time; ``(n, 0, y, x)`` where the forcing says it itself.
        static: ``(n, S, y, x)`` continuous slow fields before each step.
        zones: ``(n, Z, y, x)`` codes of categorical ones.
        series: ``(n, L, y, x)`` drivers at lags before the time of each step.
        flows: ``(n, K·K, y, x)`` gross transitions of each step, as ``Inputs.flows``.
        calendar: ``(n, F)`` features of the calendar of each step.
        cell: ``(y, x)`` number of the coarse cell within the window; 0 without a closed loop.
        cell_share: ``(y, x)`` share of a pixel in the area of its cell's domain; 0 likewise.
        weight: ``()`` what the sample counts in the loss.
    """

    targets: Mapping[str, TargetSample]
    forcing: FloatArray
    wanted: FloatArray
    static: FloatArray
    zones: npt.NDArray[np.int64]
    series: FloatArray
    flows: FloatArray
    calendar: FloatArray
    cell: npt.NDArray[np.int64]
    cell_share: FloatArray
    weight: FloatArray = field(default_factory=lambda: np.ones((), np.float32))

    @property
    def steps(self) -> int:
        """Number of steps n."""
        return int(self.calendar.shape[-2])

    def target_forcing(self, step: int) -> FloatArray:
        """Coarse forcing after a step as a model is told it, ``([B,] C, y, x)``."""
        forcing, asked = self.forcing[..., step + 1, :, :, :], self.wanted[..., step, :, :, :]
        stored = forcing.shape[-3] - asked.shape[-3]  # the demand's channels are the last
        return np.concatenate([forcing[..., :stored, :, :], asked], axis=-3)

    def given(self, step: int) -> Given:
        """What the drivers say of a step."""
        return Given(
            self.forcing[..., step, :, :, :],
            self.target_forcing(step),
            self.static[..., step, :, :, :],
            self.zones[..., step, :, :, :],
            self.series[..., step, :, :, :],
            self.flows[..., step, :, :, :],
            self.calendar[..., step, :],
        )

    def map(self, function: Callable[[str, Array], Array]) -> Sample:
        """The same sample with a function of name and array applied to each array."""

        def applied(name: str, values: list[Array]) -> Array:
            return function(name, values[0])

        targets = {k: TargetSample(**_combined([v], applied)) for k, v in self.targets.items()}
        return Sample(targets, **_combined([self], applied))

    def with_target(self, name: str, **changes: Array) -> Sample:
        """The same sample with other arrays of one target."""
        changed = replace(self.targets[name], **changes)
        return replace(self, targets={**self.targets, name: changed})

    def filled_up(self, steps: int) -> Sample:
        """The same sample over more steps, the last one repeated: nothing moves, no loss."""
        more = steps - self.steps
        if more <= 0:
            return self

        def longer(name: str, values: Array) -> Array:
            if name not in _BY_STEP:
                return values
            last = np.zeros_like(values[-1:]) if name in {"valid", "moves"} else values[-1:]
            return np.concatenate([values, *[last] * more])

        return self.map(longer)


# arrays whose first axis counts steps
_BY_STEP = {"forcing", "wanted", "static", "zones", "series", "flows", "calendar"} | {
    *("targets", "valid", "moves")
}


def _combined(
    parts: Sequence[Sample] | Sequence[TargetSample], function: Callable[[str, list[Array]], Array]
) -> dict[str, Array]:
    """A function of the name and of what the parts hold, for each array but those of targets."""
    names = [f.name for f in fields(parts[0])]
    names = names[1:] if isinstance(parts[0], Sample) else names
    return {name: function(name, [getattr(part, name) for part in parts]) for name in names}


def stack(samples: Sequence[Sample]) -> Sample:
    """Samples of one shape as one batch; every array gains a leading batch axis."""

    def stacked(_: str, values: list[Array]) -> Array:
        return np.stack(values)

    targets = {
        name: TargetSample(**_combined([s.targets[name] for s in samples], stacked))
        for name in samples[0].targets
    }
    return Sample(targets, **_combined(samples, stacked))


def step_inputs(
    sample: Sample,
    step: int,
    codings: Mapping[str, Coding],
    history: int,
    own: Mapping[str, Sequence[FloatArray]] | None = None,
) -> Inputs[Array]:
    """One step of a batch of samples as a model's inputs.

    Args:
        sample: A batch (see ``stack``).
        step: Which step, from 0.
        codings: How each target's values are read.
        history: Earlier maps that the model looks at.
        own: Target → the model's own predictions ``(B, K, y, x)`` after each earlier step, oldest
            first. Where the target moved, the last is the prior, instead of the sample's, and is
            seen wherever the target is known; the others are its history. Sea stays as it was.
    """
    seen = {
        name: see(_maps(target, codings[name], (own or {}).get(name, ())), target.domain, history)
        for name, target in sample.targets.items()
    }
    return Inputs(seen, *sample.given(step))


def _maps(target: TargetSample, coding: Coding, own: Sequence[FloatArray]) -> list[Shown | None]:
    """What is shown of a target, the prior first, then earlier maps."""
    first = Shown(coding.encoded(target.prior), target.visible)
    known, exists = coding.known(target.before), target.domain[:, None]
    start = coding.encoded(target.before) if own else first.layers
    past = [
        Shown(coding.encoded(target.history[:, k]), target.history_visible[:, k])
        for k in range(target.history.shape[1])
    ]
    maps = [first, *past]
    for step, values in enumerate(own):
        later = [Shown(np.where(exists, values, start), known), *maps]
        maps = _chosen(target.moves[:, step], later, maps)
    return list(maps)


def _chosen(moved: BoolArray, later: list[Shown], maps: list[Shown]) -> list[Shown]:
    """Maps one further for the samples of a batch that moved, and as before for the others."""
    if moved.all():
        return later
    which = moved[:, None, None]
    return [
        Shown(
            np.where(which[:, None], new.layers, old.layers),
            np.where(which, new.visible, old.visible),
        )
        for new, old in zip(later, maps, strict=False)
    ]


def own_shares_of(
    forcing: FloatArray,
    sample: Sample,
    truth: FloatArray,
    own: FloatArray,
    seen: BoolArray,
    channels: slice,
) -> FloatArray:
    """Forcing at the prior time of a later step, as the model's own map makes it.

    The difference between own and true map is summed over the pixels of each coarse cell that the
    window holds and the loss may see, and added to the true forcing: exact for cells that lie
    wholly in the window, and no worse than the truth for the others.

    Args:
        forcing: ``(B, C, y, x)`` true forcing at that time.
        sample: The batch.
        truth: ``(B, K, y, x)`` the true map at that time.
        own: ``(B, K, y, x)`` the model's class probabilities.
        seen: ``(B, y, x)`` pixels that the loss may see.
        channels: The forcing channels made of the classes.
    """
    surplus = (own - truth) * (seen * sample.cell_share)[:, None]
    changed = forcing.copy()
    for cell, layers, out in zip(sample.cell, surplus, changed, strict=True):
        flat, count = cell.ravel(), int(cell.max()) + 1
        sums = np.stack([np.bincount(flat, layer.ravel(), count) for layer in layers])
        out[channels] += sums[:, cell]
    return changed
