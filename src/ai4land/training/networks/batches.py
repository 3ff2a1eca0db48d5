"""Batches: the samples of each step, the same whatever draws them and however many processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from ai4land.errors import ConfigError
from ai4land.samples import Sample, SampleSource, stack
from ai4land.training.experiment import TrainingOptions

__all__ = ["Shares", "batches", "shares_of"]

FloatArray = npt.NDArray[np.float64]
Shares = Mapping[str, FloatArray]
"""Target → ``(n,)`` share of a batch in the valid pixels of a whole optimiser step."""

_AHEAD = 2  # steps drawn ahead by each thread


def batches(
    sampler: SampleSource,
    options: TrainingOptions,
    seed: int,
    steps: Sequence[int],
    place: tuple[int, int] = (0, 1),
) -> Generator[list[Sample]]:
    """The batches of each step that one process learns from, drawn ahead in threads.

    The samples of a step are numbered from 0 to ``batch × accumulate − 1``, and each depends on
    seed, step and number alone. A pass takes ``batch`` of them, of which every process takes an
    equal share. So neither a kill, nor the number of threads, nor that of processes changes what
    a step learns from.

    Args:
        sampler: Draws samples.
        options: Batch, passes, threads.
        seed: Of the samples.
        steps: The steps, in order.
        place: Which process this is, and of how many.

    Yields:
        One stacked sample a pass.

    Raises:
        ConfigError: If the processes cannot share a batch evenly.
    """
    rank, count = place
    if options.batch % count:
        raise ConfigError(
            "The processes cannot share a batch evenly",
            where="training.batch",
            expected=f"a multiple of {count}, the number of processes",
            found=options.batch,
        )
    own = options.batch // count

    def draw(step: int) -> list[Sample]:
        firsts = [turn * options.batch + rank * own for turn in range(options.accumulate)]
        progress = step / options.steps
        return [
            stack(
                [
                    sampler.draw(np.random.default_rng([seed, 2, step, n + k]), progress)
                    for k in range(own)
                ]
            )
            for n in firsts
        ]

    return _ahead(draw, steps, options.workers)


def _ahead(
    draw: Callable[[int], list[Sample]], steps: Sequence[int], workers: int
) -> Generator[list[Sample]]:
    """What ``draw`` gives for each step, in order."""
    if not workers:
        yield from map(draw, steps)
        return
    waiting: deque[Future[list[Sample]]] = deque()
    with ThreadPoolExecutor(workers, "samples") as pool:
        try:
            for step in steps:
                waiting.append(pool.submit(draw, step))
                if len(waiting) > _AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def shares_of(parts: Sequence[Sample], summed: Callable[[FloatArray], FloatArray]) -> list[Shares]:
    """The share of each batch of a step in the step's valid pixels, by target.

    Batches hold unlike numbers of valid pixels. A mean loss of each, weighted by these shares, is
    the mean over all pixels of the step, as if it were one batch.

    Args:
        parts: The batches of this process.
        summed: Sums an array over all processes.
    """
    names = list(parts[0].targets)
    counts = np.array([[_valid(part, name) for name in names] for part in parts])
    totals = summed(counts.sum(axis=0))
    shares = counts / np.maximum(totals, 1.0)
    return [dict(zip(names, share, strict=True)) for share in shares]


def _valid(sample: Sample, name: str) -> FloatArray:
    """Valid pixels of a target in each step of a batch, ``(n,)``."""
    target = sample.targets[name]
    used = target.valid & target.moves[..., None, None]
    found: FloatArray = used.sum(axis=(0, 2, 3)).astype(np.float64)
    return found
