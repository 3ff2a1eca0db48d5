"""Faithful closes areas, likely takes odds, sampled draws: each does what its name says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.allocation import CoarseCells, fit_flows, target_counts
from ai4land.errors import CheckpointError, ConfigError
from ai4land.grid import Grid, Mesh
from ai4land.rollout import (
    Asked,
    Decisions,
    Faithful,
    Likely,
    Sampled,
    Undecided,
    Wish,
    decision_data,
    decision_of,
)
from ai4land.vocabulary import Direction

QUICK = settings(derandomize=True, deadline=None, max_examples=25)
FINE = Grid.regular(0, 10, 0.1, 0.1, (20, 30))
MESH = Mesh(FINE, FINE.coarsen(10, 10))
GROUPS = [(1,), (2, 3), (4,)]  # 0 is sea, 5 is in no group
LAYERS, CELLS = 6, 6


def undecided(seed: int, sharp: float = 2.0, flows: bool = False) -> Undecided:
    """A random piece of six cells, its probabilities leaning to what is there."""
    rng = np.random.default_rng(seed)
    prior = rng.integers(1, LAYERS, FINE.shape).astype(np.uint8)
    logits = rng.normal(size=(LAYERS, *FINE.shape))
    logits[0] = -50.0
    logits += sharp * (prior == np.arange(LAYERS)[:, None, None])
    said = np.exp(logits - logits.max(axis=0))
    cells = CoarseCells.within(MESH, FINE.window)
    shares = rng.random((len(GROUPS), CELLS))
    gross = rng.random((len(GROUPS), len(GROUPS), CELLS)) + 3 * np.eye(3)[:, :, None]
    return Undecided(
        probabilities=(said / said.sum(axis=0)).astype(np.float32),
        prior=prior,
        domain=rng.random(FINE.shape) < 0.9,
        ticks=1,
        tick=2001,
        mesh=MESH,
        piece=FINE.window,
        asked=Asked(cells, GROUPS, shares / shares.sum(axis=0), gross if flows else None),
    )


def groups_of(positions: np.ndarray) -> np.ndarray:
    """Number of the group of each class, −1 none."""
    return np.array([-1, 0, 1, 1, 2, -1, -1])[np.minimum(positions, 6)]


def counts(piece: Undecided, positions: np.ndarray) -> np.ndarray:
    """Pixels of each group in each cell."""
    assert piece.asked is not None
    found = np.zeros((len(GROUPS), CELLS), int)
    group = groups_of(np.where(piece.domain, positions, 255))
    used = group >= 0
    np.add.at(found, (group[used], piece.asked.cells.index[used]), 1)
    return found


@given(seed=st.integers(0, 10**6), odds=st.sampled_from([0.1, 0.5, 1.0, 3.0]), bal=st.booleans())
@QUICK
def test_faithful_has_the_areas_to_one_pixel(seed: int, odds: float, bal: bool) -> None:
    piece = undecided(seed)
    assert piece.asked is not None
    found = counts(piece, Faithful(odds, odds, bal).decide(piece).positions)
    wanted = target_counts(piece.asked.shares, found.sum(axis=0))
    assert np.abs(found - wanted).max() <= 1  # rounding, where free classes took or gave pixels
    drawn = counts(piece, Sampled(seed=seed, balanced=bal).decide(piece).positions)
    wanted = target_counts(piece.asked.shares, drawn.sum(axis=0))
    assert np.abs(drawn - wanted).max() <= 1


def test_faithful_honours_gross_transitions() -> None:
    """Without free classes every number of the fitted matrix comes about."""
    piece = undecided(3, flows=True)
    said = piece.probabilities.copy()
    said[5] = 0.0
    prior = np.where(piece.prior == 5, 1, piece.prior).astype(np.uint8)
    said /= said.sum(axis=0)
    piece = Undecided(said, prior, piece.domain, 1, 2001, MESH, FINE.window, piece.asked)
    assert piece.asked is not None
    assert piece.asked.flows is not None
    found = Faithful().decide(piece).positions
    held = counts(piece, prior)
    wanted = fit_flows(piece.asked.flows, held, target_counts(piece.asked.shares, held.sum(axis=0)))
    table = np.zeros((3, 3, CELLS), int)
    used = piece.domain
    one, two = groups_of(prior)[used], groups_of(found)[used]
    np.add.at(table, (one, two, piece.asked.cells.index[used]), 1)
    np.testing.assert_array_equal(table, wanted)


@given(seed=st.integers(0, 10**6))
@QUICK
def test_lower_odds_change_more(seed: int) -> None:
    piece = undecided(seed)
    changed = [
        {
            name: np.count_nonzero(
                (made(o, o).decide(piece).positions != piece.prior)[piece.domain]
            )
            for name, made in (("likely", Likely), ("faithful", Faithful))
        }
        for o in (3.0, 1.0, 0.5, 0.2)
    ]
    for name in ("likely", "faithful"):
        rising = [row[name] for row in changed]
        assert rising == sorted(rising)
    most = Likely().decide(piece).positions
    np.testing.assert_array_equal(most, piece.probabilities.argmax(axis=0))


def test_what_cannot_be_is_taken_last() -> None:
    piece = undecided(5)
    said = piece.probabilities.copy()
    said[4, :10] = 0.0
    said /= said.sum(axis=0)
    piece = Undecided(
        said,
        np.where(piece.prior == 4, 1, piece.prior).astype(np.uint8),
        piece.domain,
        1,
        2001,
        MESH,
        FINE.window,
        None,
    )
    assert not (Likely(0.01, 0.01).decide(piece).positions[:10] == 4).any()
    assert not (Sampled(closed=False).decide(piece).positions[:10] == 4).any()


def test_draws_have_the_probabilities_as_frequencies() -> None:
    piece = undecided(7, sharp=0.5)
    for reach in (0.0, 1.5):
        members = 300
        total = np.zeros(piece.probabilities.shape)
        for seed in range(members):
            found = Sampled(seed=seed, reach=reach, closed=False).decide(piece).positions
            total += found == np.arange(LAYERS)[:, None, None]
        off = total / members - piece.probabilities
        spread = np.sqrt(piece.probabilities * (1 - piece.probabilities) / members)
        assert np.abs(off).max() < 5.5 * spread.max()
        assert np.abs(off.mean(axis=(1, 2))).max() < 0.01


def test_members_differ_and_come_again() -> None:
    piece = undecided(9)
    one, again, other = (Sampled(seed=s).decide(piece).positions for s in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).mean() > 0.05


def test_a_wish_is_granted_or_refused() -> None:
    assert Wish(odds=0.3, balanced=True).on(Likely()) == Likely(0.3, 0.3, balanced=True)
    assert Wish(seed=4).on(Sampled()) == Sampled(seed=4)
    with pytest.raises(ConfigError, match=r"(?s)sampled.*does not take changes by odds"):
        Wish(odds=0.5).on(Sampled())
    assert Faithful().with_odds(Direction.BACKWARD, 0.4) == Faithful(1.0, 0.4)


def test_a_card_keeps_constants_and_margins() -> None:
    said = Decisions("faithful", {"likely": {"forward": 0.7}}, {"likely": {"forward": 0.002}})
    again = Decisions.from_dict(said.to_dict())
    assert again.of() == Faithful()
    assert again.of("likely") == Likely(forward=0.7)
    assert (again.margin("likely", "forward"), again.margin("faithful", "backward")) == (0.002, 0.0)
    assert decision_of(decision_data(Sampled(3, 1.5))) == Sampled(3, 1.5)
    for damage in (
        {"default": "bold"},
        {"constants": {"likely": {"stay": 0.1}}},
        {"odds": 1.0},
    ):
        with pytest.raises(CheckpointError):
            Decisions.from_dict(damage)
