"""Damage to the prior: how much is hidden, and where noise comes from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.samples import Corruption, corrupt

SHAPE = (40, 52)


def scene(seed: int = 0) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Classes 0…3 where the prior may be seen, 9 where it may not."""
    rng = np.random.default_rng(seed)
    visible = rng.random(SHAPE) < 0.7
    prior = np.where(visible, rng.integers(0, 4, SHAPE), 9).astype(np.uint8)
    return prior, visible


@given(
    hide=st.floats(0, 1),
    share=st.floats(0, 1),
    block=st.integers(1, 12),
    noise=st.floats(0, 1),
    seed=st.integers(0, 50),
)
@settings(max_examples=60, deadline=None)
def test_only_what_may_be_seen_is_damaged(
    hide: float, share: float, block: int, noise: float, seed: int
) -> None:
    options = Corruption(hide_probability=hide, hide_share=share, block=block, noise=noise)
    prior, visible = scene(seed)
    kept = prior.copy(), visible.copy()
    damaged, seen = corrupt(prior, visible, options, np.random.default_rng(seed))
    assert (prior == kept[0]).all()
    assert (visible == kept[1]).all()
    assert not (seen & ~visible).any(), "corruption shows nothing"
    assert (damaged[~visible] == 9).all()
    # noise comes from pixels that may be seen: the 9 of the others never spreads
    assert set(np.unique(damaged[visible])) <= {0, 1, 2, 3}


def test_the_share_asked_for_is_hidden_in_blocks() -> None:
    prior, _ = scene()
    visible = np.ones(SHAPE, dtype=bool)
    options = Corruption(hide_probability=1.0, hide_share=0.75, block=4)
    shares = []
    for seed in range(60):
        damaged, seen = corrupt(prior, visible, options, np.random.default_rng(seed))
        assert (damaged == prior).all(), "hiding alone changes no value"
        blocks = seen.reshape(10, 4, 13, 4).swapaxes(1, 2).reshape(130, 16)
        assert np.isin(blocks.sum(axis=1), (0, 16)).all()
        shares.append(1.0 - seen.mean())
    assert np.mean(shares) == pytest.approx(0.75, abs=0.02)


def test_the_share_of_samples_with_hidden_parts() -> None:
    prior, visible = scene()
    options = Corruption(hide_probability=0.3, hide_share=0.5)
    hit = [
        (corrupt(prior, visible, options, np.random.default_rng(seed))[1] != visible).any()
        for seed in range(400)
    ]
    assert np.mean(hit) == pytest.approx(0.3, abs=0.07)


def test_the_share_of_noise() -> None:
    rng = np.random.default_rng(0)
    prior = rng.integers(0, 200, (100, 100)).astype(np.uint8)  # a donor is hardly ever the same
    visible = np.ones((100, 100), dtype=bool)
    damaged, seen = corrupt(prior, visible, Corruption(noise=0.1), rng)
    assert (damaged != prior).mean() == pytest.approx(0.1, abs=0.015)
    assert seen.all()


def test_no_corruption_is_a_copy() -> None:
    prior, visible = scene()
    damaged, seen = corrupt(prior, visible, Corruption(), np.random.default_rng(0))
    assert (damaged == prior).all()
    assert (seen == visible).all()
    damaged[0, 0], seen[0, 0] = 77, not seen[0, 0]
    assert (prior == scene()[0]).all()
    assert (visible == scene()[1]).all()


def test_nothing_visible_is_no_error() -> None:
    prior = np.full(SHAPE, 255, np.uint8)
    nothing = np.zeros(SHAPE, dtype=bool)
    options = Corruption(hide_probability=1.0, noise=1.0)
    damaged, seen = corrupt(prior, nothing, options, np.random.default_rng(0))
    assert (damaged == 255).all()
    assert not seen.any()


def test_numbers_are_exchanged_too() -> None:
    values = np.arange(100, dtype=np.float32).reshape(10, 10)
    visible = np.ones((10, 10), dtype=bool)
    damaged, _ = corrupt(values, visible, Corruption(noise=0.5), np.random.default_rng(1))
    assert damaged.dtype == np.float32
    assert set(damaged.ravel()) <= set(values.ravel())
    assert (damaged != values).sum() > 20
