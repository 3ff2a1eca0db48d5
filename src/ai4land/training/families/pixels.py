"""Pixels of a split, window by window: all that changed, and a share of the others, weighed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.grid import Window
from ai4land.models import PixelRows, PixelView
from ai4land.samples import Sampler, SampleSource, stack, step_inputs
from ai4land.training.transitions import transition_counts

__all__ = ["PixelBatch", "SplitWindows", "joined", "pixel_batches"]

SIDE = 128  # pixels of a window that are learned from; what they look at lies around
_WINDOWS = 1500  # read at most: with features, minutes of one core

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PixelBatch:
    """Pixels to learn from.

    Attributes:
        rows: What a learner is given.
        truth: ``(N,)`` class after the step.
        weight: ``(N,)`` float32, how many pixels of the windows read each stands for: 1 / the share
            of its kind that was drawn, times what its step length weighs.
    """

    rows: PixelRows
    truth: npt.NDArray[np.uint8]
    weight: npt.NDArray[np.float32]

    def taken(self, which: npt.NDArray[Any]) -> PixelBatch:
        """Some of the pixels, by number or mask."""
        return PixelBatch(self.rows.taken(which), self.truth[which], self.weight[which])


def pixel_batches(
    sampler: SampleSource, view: PixelView, pixels: int, rng: np.random.Generator, *, damaged: bool
) -> Iterator[PixelBatch]:
    """Pixels of all steps of a split, about so many in all, a window at a time.

    Pixels that change are taken first, up to half of those wanted; the others are drawn at random.
    Under the weights probabilities are those of the whole split. Steps of n ticks weigh
    ``n ** -stride_decay``, as often as networks are shown them. What never followed the class that
    is seen is left out: damaged priors show such steps, and no weight could make them likely.

    Args:
        sampler: Of the split.
        view: Makes rows of pixels.
        pixels: How many, in expectation.
        rng: Source of randomness.
        damaged: Whether priors are damaged as in training; else they are as validation shows them.
    """
    name = view.target.name
    windows = SplitWindows(sampler, SIDE)
    if not len(windows):
        return
    count = min(_WINDOWS, len(windows))
    read = np.sort(rng.choice(len(windows), count, replace=False))
    chance = _chances(sampler, name, pixels, count / len(windows))
    reach = view.neighbourhood.reach  # around the pixels that are learned from
    inner = (slice(reach, reach + SIDE),) * 2
    for part, times, middle in (windows[i] for i in read):
        window = middle.pad(reach)
        sample = part.read(times, window) if damaged else part.judged(times, window)
        if not sample.targets[name].valid[0][inner].any():
            continue
        sample = part.damaged(sample, rng) if damaged else sample
        target = sample.targets[name]
        valid = np.zeros(window.shape, dtype=bool)
        valid[inner] = target.valid[0][inner]
        kind = (target.before != target.targets[0]).astype(int)
        where = valid & (rng.random(window.shape) < chance[kind])
        if not where.any():
            continue
        inputs = step_inputs(
            stack([sample]), 0, part.assembler.codings, part.assembler.spec.history
        )
        chain = view.chain.predict(inputs)[name]
        decay = abs(times[1] - times[0]) ** -part.options.stride_decay
        batch = PixelBatch(
            view.rows(inputs, chain, where[None]),
            target.targets[0][where],
            (decay / chance[kind[where]]).astype(np.float32),
        )
        yield batch.taken(view.may_follow(batch.rows, batch.truth))


def joined(batches: Sequence[PixelBatch]) -> PixelBatch:
    """Batches as one."""
    rows = [(b.rows.features, b.rows.start, b.rows.prior, b.rows.backward) for b in batches]
    return PixelBatch(
        PixelRows(*(np.concatenate(parts) for parts in zip(*rows, strict=True))),
        np.concatenate([b.truth for b in batches]),
        np.concatenate([b.weight for b in batches]),
    )


class SplitWindows:
    """Each step of a split with each window that holds a pixel of it, side by side, by number.

    Args:
        sampler: Of the split, of one region or several.
        side: Height and width of the windows in pixels.
    """

    def __init__(self, sampler: SampleSource, side: int) -> None:
        self.side = side
        self._regions: list[tuple[Sampler, list[tuple[int, int]], list[tuple[int, int]]]] = []
        for part in sampler.parts:
            corners = [
                (row, col)
                for row in range(0, part.grid.height, side)
                for col in range(0, part.grid.width, side)
                if part.mask[row : row + side, col : col + side].any()
            ]
            pairs = sorted({pair for run in part.steps for pair in itertools.pairwise(run)})
            self._regions.append((part, pairs, corners))
        self._ends = np.cumsum([len(pairs) * len(corners) for _, pairs, corners in self._regions])

    def __len__(self) -> int:
        """How many there are."""
        return int(self._ends[-1])

    def __getitem__(self, number: int) -> tuple[Sampler, tuple[int, int], Window]:
        """The sampler of the region, times before and after, and the window."""
        region = int(np.searchsorted(self._ends, number, side="right"))
        part, pairs, corners = self._regions[region]
        begins = self._ends[region] - len(pairs) * len(corners)
        step, place = divmod(int(number - begins), len(corners))
        return part, pairs[step], Window(*corners[place], self.side, self.side)


def _chances(
    sampler: SampleSource, name: str, pixels: int, share: float
) -> npt.NDArray[np.float64]:
    """Chance of a pixel that stays, and of one that changes, to be drawn."""
    total = np.sum(list(transition_counts(sampler, name).values()), axis=0) * share
    stays = float(np.trace(total))
    changes = float(total.sum()) - stays
    change = min(1.0, 0.5 * pixels / max(changes, 1.0))
    stay = min(1.0, max(pixels - change * changes, 1.0) / max(stays, 1.0))
    return np.array([stay, change])
