"""Hidden pixels and blocks of the prior (masking, as in He et al. 2022, CVPR)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ai4land.samples.corruption.transform import SharedTransform, Subject
from ai4land.samples.sample import Sample

__all__ = ["Hide"]

Side = Annotated[int, Field(ge=1)]


class Hide(SharedTransform):
    """Hides pixels or square blocks of the prior, and of the earlier maps at the same places.

    All targets are hidden at the same places, or one would tell the other.

    Attributes:
        share: Share of the blocks hidden (the reference system: 0.6 to 0.99 over training).
        block: Side of a block in pixels, or sides of which each sample draws one; 1 hides single
            pixels.
    """

    name: Literal["hide"] = "hide"
    block: Side | Annotated[tuple[Side, ...], Field(min_length=1)] = 8

    def apply(
        self, sample: Sample, subject: Subject, rng: np.random.Generator, progress: float
    ) -> Sample:
        """The sample with less to be seen; values stay."""
        share = self.drawn(rng, progress)
        side = self.block if isinstance(self.block, int) else int(rng.choice(self.block))
        hidden = _blocks(sample.cell.shape, share, side, rng)
        for name, target in sample.targets.items():
            sample = sample.with_target(
                name,
                visible=target.visible & ~hidden,
                # what is hidden was not seen before either
                history_visible=target.history_visible & ~hidden,
            )
        return sample


def _blocks(
    shape: tuple[int, ...], share: float, side: int, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """A share of the blocks of a window, to one block, ``(y, x)``."""
    grid: tuple[Any, ...] = tuple(-(-length // side) for length in shape)
    order = rng.permutation(int(np.prod(grid)))
    count = share * order.size
    whole = int(count) + int(rng.random() < count - int(count))  # unbiased
    hidden = (order < whole).reshape(grid)
    return np.kron(hidden, np.ones((side, side), dtype=bool))[: shape[0], : shape[1]]
