"""Confidence intervals from blocks of space and years."""

from __future__ import annotations

import math

import numpy as np
import pytest
from class_maps import K, patchy

from ai4land.errors import SampleError
from ai4land.metrics import (
    Binned,
    Confusion,
    Resampled,
    ThreeMaps,
    bootstrap,
    by,
    paired_difference,
    squares,
    three_maps,
)


def merit(table: ThreeMaps) -> float:
    return table.figure_of_merit


def blocks_of(seed: int, side: int = 16) -> Binned[ThreeMaps]:
    return by(squares((64, 96), side), three_maps, *patchy(seed), n_classes=K)


def flips(rights: list[int], wrongs: list[int]) -> Binned[Confusion]:
    """Blocks with so many pixels right and wrong."""
    tables = {
        n: Confusion(np.array([[right, wrong]]))
        for n, (right, wrong) in enumerate(zip(rights, wrongs, strict=True))
    }
    return Binned.of(tables)


def accuracy(table: Confusion) -> float:
    return table.accuracy


def test_equal_blocks_leave_no_doubt() -> None:
    found = bootstrap(flips([7] * 6, [3] * 6), accuracy, np.random.default_rng(0), 50)
    assert np.ptp(found.samples) == 0
    interval = found.interval()
    assert (interval.value, interval.low, interval.high) == (0.7, 0.7, 0.7)
    assert interval.excludes_zero
    assert interval.scores()["samples"] == 50


def test_the_spread_is_that_of_a_mean_of_blocks() -> None:
    rng = np.random.default_rng(1)
    rights = rng.integers(0, 100, 400)
    found = bootstrap(
        flips(rights.tolist(), (100 - rights).tolist()), accuracy, np.random.default_rng(2), 3000
    )
    error = rights.std() / 100 / math.sqrt(400)
    assert found.samples.std() == pytest.approx(error, rel=0.06)
    interval = found.interval(0.9)
    assert interval.value == pytest.approx(rights.mean() / 100)
    assert interval.low == pytest.approx(interval.value - 1.645 * error, abs=0.1 * error)
    assert interval.high == pytest.approx(interval.value + 1.645 * error, abs=0.1 * error)


def test_samples_are_sums_of_drawn_blocks() -> None:
    blocks = blocks_of(1)
    tables = dict(blocks.items())
    found = bootstrap(blocks, merit, np.random.default_rng(5), 20)
    weights = np.random.default_rng(5).multinomial(len(tables), np.full(24, 1 / 24), 20)
    for sample, often in zip(found.samples, weights, strict=True):
        drawn = [t for t, n in zip(tables.values(), often, strict=True) for _ in range(n)]
        assert sample == pytest.approx(merit(sum(drawn[1:], start=drawn[0])))
    assert found.value == pytest.approx(merit(three_maps(*patchy(1), K)))


def test_the_seed_decides() -> None:
    blocks = blocks_of(1)
    one, again, other = (
        bootstrap(blocks, merit, np.random.default_rng(seed), 300).samples for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_years_are_drawn_too() -> None:
    years = {2000: flips([9] * 4, [1] * 4), 2001: flips([1] * 4, [9] * 4)}
    found = bootstrap(years, accuracy, np.random.default_rng(0), 400)
    assert found.value == 0.5
    assert set(found.samples.round(9)) == {0.1, 0.5, 0.9}
    # half of the draws of two years take both
    assert (found.samples.round(9) == 0.5).mean() == pytest.approx(0.5, abs=0.08)


def test_a_block_that_lacks_in_a_year_counts_nothing_there() -> None:
    part = Binned.of({1: Confusion(np.array([[5, 5]]))})
    found = bootstrap({1: flips([9, 9], [1, 1]), 2: part}, accuracy, np.random.default_rng(0), 10)
    assert found.value == pytest.approx(23 / 30)


def test_pairs_cancel_what_is_hard_for_both() -> None:
    rng = np.random.default_rng(7)
    rights = rng.integers(10, 90, 60)
    better = flips((rights + 5).tolist(), (95 - rights).tolist())
    worse = flips(rights.tolist(), (100 - rights).tolist())
    alone = bootstrap(better, accuracy, np.random.default_rng(0), 400).interval()
    both = paired_difference(better, worse, accuracy, np.random.default_rng(0), 400).interval()
    assert both.value == pytest.approx(0.05)
    assert both.high - both.low < 1e-9
    assert both.excludes_zero
    assert alone.high - alone.low > 0.05
    itself = paired_difference(worse, worse, accuracy, np.random.default_rng(0), 50)
    assert not itself.samples.any()
    assert not itself.interval().excludes_zero
    back = paired_difference(worse, better, accuracy, np.random.default_rng(0), 50)
    assert back.value == pytest.approx(-0.05)


def test_models_on_different_blocks_are_not_compared() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(SampleError, match=r"same blocks[\s\S]*24 blocks[\s\S]*6 blocks"):
        paired_difference(blocks_of(1), blocks_of(2, 32), merit, rng)
    with pytest.raises(SampleError, match=r"years \[1\][\s\S]*years \[2\]"):
        paired_difference({1: blocks_of(1)}, {2: blocks_of(2)}, merit, rng)
    with pytest.raises(SampleError, match="two blocks"):
        bootstrap(flips([1], [1]), accuracy, rng)
    with pytest.raises(SampleError, match="no year"):
        bootstrap({}, accuracy, rng)


def test_samples_without_a_score_are_left_out() -> None:
    found = Resampled(0.5, np.array([0.1, np.nan, 0.9]))
    assert found.interval(0.5).samples == 2
    with pytest.raises(SampleError, match="0 samples"):
        Resampled(math.nan, np.full(3, np.nan)).interval()
    with pytest.raises(SampleError, match="level 95"):
        found.interval(95)
