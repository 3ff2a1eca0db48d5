"""Neighbourhood features: what lies around a pixel, as named layers that any learner can use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, uniform_filter1d

from ai4land.errors import ConfigError
from ai4land.models.expectation import expected_classes, log_odds, translated
from ai4land.models.inputs import Inputs, InputSpec, Seen, blank_inputs

__all__ = ["RADII", "Neighbourhood", "densities", "distances"]

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]
Group = tuple[Sequence[str], FloatArray]

RADII = (1, 2, 4, 8)
"""Half sides of the squares, in pixels, in which densities are counted by default."""

_LEAST_SHARE = 0.02  # added to a density before its logarithm
MAX_REACH = 16  # pixels: half the overlap of the default tiles


def densities(seen: FloatArray, visible: FloatArray, radii: Sequence[int] = RADII) -> FloatArray:
    """Shares of each class among the visible pixels of the squares around each pixel.

    A square of radius r has 2 r + 1 pixels a side, its middle among them, and ends at the edge of
    the window (Verburg et al. 2004, A method to analyse neighbourhood characteristics of land use
    patterns, count enrichment in the same squares).

    Args:
        seen: ``(B, K, Y, X)`` the visible prior, 0 where hidden.
        visible: ``(B, 1, Y, X)``.
        radii: Half sides in pixels.

    Returns:
        ``(B, R · K, Y, X)``, radius after radius; 0 where a square holds no visible pixel.
    """
    every, found = np.concatenate([seen, visible], axis=1, dtype=np.float32), []
    for radius in radii:
        mean = every
        for axis in (-1, -2):
            mean = uniform_filter1d(mean, 2 * radius + 1, axis=axis, mode="constant")
        # a running mean leaves rounding where there is nothing
        known = np.maximum(mean[:, -1:], 0.5 / (2 * radius + 1) ** 2)
        found.append(np.clip(mean[:, :-1] / known, 0.0, 1.0))
    return np.concatenate(found, axis=1)


def distances(seen: FloatArray, cap: int = MAX_REACH) -> FloatArray:
    """Distance in pixels to the nearest visible pixel of each class, at most ``cap``.

    Args:
        seen: ``(B, K, Y, X)`` the visible prior, 0 where hidden; a probability of a half counts.
        cap: What is further away, or in no place of the window, is this far.
    """
    found = np.full(seen.shape, float(cap), np.float32)
    for out, there in zip(
        found.reshape(-1, *seen.shape[-2:]),
        (seen >= 0.5).reshape(-1, *seen.shape[-2:]),
        strict=True,
    ):
        if there.any():
            np.minimum(distance_transform_edt(~there), cap, out=out, casting="same_kind")
    return found


class Neighbourhood:
    """Makes the features of each pixel from a batch of inputs; hidden pixels reach none of them.

    Of the map of classes: its own class and whether it is hidden, densities within some radii,
    distances to each class, and the mean of earlier maps; of the forcing the classes' shares at
    both times and their change, the expectation under it, and channels that translate into no
    class; static fields, zones one by one, drivers at lags, and the calendar. Missing drivers stay
    missing (NaN).

    A feature looks ``reach`` pixels far. What a tile does not hold it cannot count, so tiles must
    overlap by twice as much, as they do by default (32 pixels).

    Args:
        spec: The inputs, with one map of classes among the targets.
        radii: Half sides in pixels of the squares in which densities are counted.
        reach: Distances in pixels are capped at this.
        logs: Whether densities and distances are given as logarithms too, for learners that only
            add: a first neighbour of a class counts more than the fifth.

    Attributes:
        names: Names of the features, in order.

    Raises:
        ConfigError: If a radius or the reach is impossible.
    """

    def __init__(
        self,
        spec: InputSpec,
        radii: Sequence[int] = RADII,
        reach: int = MAX_REACH,
        *,
        logs: bool = False,
    ) -> None:
        if not all(1 <= r <= MAX_REACH for r in (*radii, reach)) or len(set(radii)) < len(radii):
            raise ConfigError(
                "Impossible neighbourhood",
                where="model: radii, reach",
                expected=f"different radii and a reach of 1 to {MAX_REACH} pixels each",
                found=f"radii {list(radii)}, reach {reach}",
            )
        self.spec = spec
        self.target = next(target for target in spec.targets if target.categorical)
        self.radii = tuple(radii)
        self.reach = reach
        self.logs = logs
        self.names = tuple(n for names, _ in self._groups(blank_inputs(spec, 1)) for n in names)

    def layers(self, inputs: Inputs[Array]) -> FloatArray:
        """The features ``(B, F, Y, X)`` of a batch, in the order of ``names``."""
        return np.concatenate([values for _, values in self._groups(inputs)], axis=1)

    def _groups(self, inputs: Inputs[Array]) -> Iterator[Group]:
        """Names and layers ``(B, n, Y, X)`` of each group of features."""
        given = inputs.targets[self.target.name]
        seen = np.where(given.visible > 0, np.nan_to_num(given.prior), 0.0).astype(np.float32)
        visible = given.visible.astype(np.float32)
        classes = self.target.classes
        yield [f"is {c}" for c in classes], seen
        yield ["is hidden"], 1.0 - visible
        around = [f"{c} within {r}" for r in self.radii for c in classes]
        away = [f"distance to {c}" for c in classes]
        shares, far = densities(seen, visible, self.radii), distances(seen, self.reach)
        yield around, shares
        yield away, far
        if self.logs:
            yield [f"log of {name}" for name in around], np.log(shares + np.float32(_LEAST_SHARE))
            yield [f"log of {name}" for name in away], np.log1p(far)
        if self.spec.history:
            yield [*(f"was {c}" for c in classes), "is remembered"], _memory(given)
        yield from self._forcing(inputs, seen, visible)
        yield from self._rest(inputs)

    def _forcing(
        self, inputs: Inputs[Array], seen: FloatArray, visible: FloatArray
    ) -> Iterator[Group]:
        """Coarse shares and what they lead one to expect, then the channels that say no class."""
        spec, classes = self.spec, self.target.classes
        channels = list(range(len(spec.forcing)))
        if spec.bound == self.target.name:
            before, after = (
                translated(spec, part) for part in (inputs.forcing_prior, inputs.forcing_target)
            )
            yield [f"share of {c} before" for c in classes], before
            yield [f"share of {c} after" for c in classes], after
            yield [f"change of {c}" for c in classes], after - before
            expected = expected_classes(before, after, seen, visible)
            yield [f"{c} expected" for c in classes], log_odds(expected)
            channels = [i for i in channels if not any(row[i] for row in spec.translation)]
        if channels:
            told = inputs.forcing_target[:, channels].astype(np.float32)
            yield [f"{spec.forcing[i]} after" for i in channels], told
            change = told - inputs.forcing_prior[:, channels].astype(np.float32)
            yield [f"change of {spec.forcing[i]}" for i in channels], change

    def _rest(self, inputs: Inputs[Array]) -> Iterator[Group]:
        """Static fields, zones, drivers at lags and the calendar."""
        spec = self.spec
        if spec.static:
            yield spec.static, inputs.static.astype(np.float32)
        for place, (name, count) in enumerate(spec.zones):
            codes = inputs.zones[:, place]
            hot = [(codes == code).astype(np.float32) for code in range(count)]
            yield [f"{name} {code}" for code in range(count)], np.stack(hot, axis=1)
        if spec.series_channels:
            yield spec.series_channels, inputs.series.astype(np.float32)
        shape = inputs.static.shape[-2:]
        for name, values in zip(spec.calendar, inputs.calendar.T, strict=True):
            layer = np.broadcast_to(
                values.astype(np.float32)[:, None, None, None], (len(values), 1, *shape)
            )
            if name.startswith("years"):
                length = np.log(np.maximum(np.abs(layer), 1e-3))
                yield [name, f"log of {name}"], np.concatenate([layer, length], axis=1)
            else:
                yield [name], layer


def _memory(given: Seen[Array]) -> FloatArray:
    """Mean of the earlier maps that are seen, and where there is any, ``(B, K + 1, Y, X)``."""
    visible = given.history_visible[:, :, None]
    held = np.where(visible > 0, np.nan_to_num(given.history), 0.0)
    count = visible.sum(axis=1)
    mean = held.sum(axis=1) / np.maximum(count, 1.0)
    return np.concatenate([mean, count > 0], axis=1, dtype=np.float32)
