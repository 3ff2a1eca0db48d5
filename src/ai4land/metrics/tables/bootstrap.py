"""How sure a score is: resampling blocks of space and years."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ai4land.errors import SampleError
from ai4land.metrics.tables.binned import Binned
from ai4land.metrics.tables.sums import Sums
from ai4land.metrics.tables.undefined import reported

__all__ = ["Interval", "Resampled", "bootstrap", "paired_difference"]

T = TypeVar("T", bound=Sums)
FloatArray = NDArray[np.float64]
Blocks = Binned[T] | Mapping[int, Binned[T]]

_TOGETHER = 256
"""Samples whose sums are held at once."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A score with its confidence interval.

    Attributes:
        value: The score of all blocks.
        low: Lower bound.
        high: Upper bound.
        level: Share of the samples between them.
        samples: Samples in which the score was defined.
    """

    value: float
    low: float
    high: float
    level: float
    samples: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0

    def scores(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "value": reported(self.value),
            "low": reported(self.low),
            "high": reported(self.high),
            "level": self.level,
            "samples": self.samples,
        }


@dataclass(frozen=True, eq=False)
class Resampled:
    """A score in all samples of a bootstrap.

    Attributes:
        value: The score of all blocks.
        samples: The score of each sample, ``(samples,)``; NaN where it is 0/0.
    """

    value: float
    samples: FloatArray

    def interval(self, level: float = 0.95) -> Interval:
        """The percentile interval.

        Raises:
            SampleError: If the level is no share, or the score was defined in no sample.
        """
        defined = self.samples[np.isfinite(self.samples)]
        if not 0 < level < 1 or not defined.size:
            raise SampleError(
                "No confidence interval",
                expected="a level between 0 and 1, and samples in which the score is defined",
                found=f"level {level}, {defined.size} samples",
            )
        low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
        return Interval(self.value, float(low), float(high), level, int(defined.size))


def bootstrap(
    blocks: Blocks[T],
    score: Callable[[T], float],
    rng: np.random.Generator,
    samples: int = 1000,
) -> Resampled:
    """Resample a score over blocks of space, and over years if they are given.

    Neighbouring pixels and years are alike, so what is drawn is whole blocks: each sample has as
    many blocks as there are, drawn with replacement, and as many years, drawn apart from them.
    Blocks should be larger than the reach of the correlation. Per sample nothing but the sums of
    the blocks is added again.

    Args:
        blocks: Statistics by block, from ``by(squares(…), …)`` say; or year → such, a block that
            lacks in a year counting nothing.
        score: What is made of a statistic, such as ``lambda t: t.figure_of_merit``.
        rng: Draws the samples.
        samples: Number of samples.

    Raises:
        SampleError: If there are less than two blocks.
    """
    years = _years(blocks)
    return Resampled(
        score(_total(years)),
        np.array([score(table) for (table,) in _drawn((years,), rng, samples)]),
    )


def paired_difference(
    first: Blocks[T],
    second: Blocks[T],
    score: Callable[[T], float],
    rng: np.random.Generator,
    samples: int = 1000,
) -> Resampled:
    """Resample the difference of a score between two models, ``first − second``.

    Both are scored on the same draws of blocks and years, so that what is hard for both cancels.

    Args:
        first: Statistics of one model, as for ``bootstrap``.
        second: Those of the other, on the same blocks and years.
        score: What is made of a statistic.
        rng: Draws the samples.
        samples: Number of samples.

    Raises:
        SampleError: If blocks or years differ, or there are less than two blocks.
    """
    one, two = _years(first), _years(second)
    if list(one) != list(two) or not np.array_equal(_labels(one), _labels(two)):
        raise SampleError(
            "Models are compared on the same blocks and years",
            expected=f"{len(_labels(one))} blocks, years {list(one)}",
            found=f"{len(_labels(two))} blocks, years {list(two)}",
        )
    pairs = _drawn((one, two), rng, samples)
    return Resampled(
        score(_total(one)) - score(_total(two)),
        np.array([score(mine) - score(theirs) for mine, theirs in pairs]),
    )


def _years(blocks: Blocks[T]) -> dict[int, Binned[T]]:
    """Year → statistics of the same blocks in each."""
    if isinstance(blocks, Binned):
        return {0: blocks}
    if not blocks:
        raise SampleError("There is no year to resample")
    everywhere = next(iter(blocks.values()))
    for one in blocks.values():
        everywhere = everywhere + one
    nothing = Binned(
        everywhere.labels, everywhere.kind, tuple(np.zeros_like(s) for s in everywhere.stacks)
    )
    return {year: nothing + blocks[year] for year in sorted(blocks)}


def _labels(years: Mapping[int, Binned[T]]) -> NDArray[np.int64]:
    return next(iter(years.values())).labels


def _total(years: Mapping[int, Binned[T]]) -> T:
    first, *others = (one.total() for one in years.values())
    return sum(others, start=first)


def _drawn(
    models: Sequence[Mapping[int, Binned[T]]], rng: np.random.Generator, samples: int
) -> Iterator[tuple[T, ...]]:
    """The sums of each sample, of all models from the same draw of blocks and years."""
    years, number = len(models[0]), len(_labels(models[0]))
    if number < 2:
        raise SampleError("A bootstrap needs two blocks or more", found=number)
    for start in range(0, samples, _TOGETHER):
        count = min(_TOGETHER, samples - start)
        weights = rng.multinomial(number, np.full(number, 1 / number), count).astype(np.float64)
        often = rng.multinomial(years, np.full(years, 1 / years), count)
        drawn = [_sums(model, weights, often) for model in models]
        yield from zip(*drawn, strict=True)


def _sums(
    years: Mapping[int, Binned[T]], weights: FloatArray, often: NDArray[np.int64]
) -> Iterator[T]:
    per_year = [one.weighted(weights * often[:, [n]]) for n, one in enumerate(years.values())]
    for first, *others in zip(*per_year, strict=True):
        yield sum(others, start=first)
