"""Chances of many steps: change strikes where it struck, and what has left goes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai4land.rollout import Belief, Decisions, Recurrence

LAYERS = 3


def belief_after(rows: list[np.ndarray], recurrence: Recurrence | None = None) -> np.ndarray:
    before = np.zeros((1, rows[0].shape[-1]), np.uint8)
    belief = Belief(before, LAYERS, recurrence)
    for row in rows:
        belief.advance(row)
    return belief.values


def row(leave: float) -> np.ndarray:
    return np.array([1.0 - leave, 0.75 * leave, 0.25 * leave], np.float32).reshape(3, 1, 1)


def test_without_recurrence_every_step_strikes_anew() -> None:
    assert belief_after([row(0.1)] * 3)[0, 0, 0] == pytest.approx(0.9**3, abs=1e-6)


def test_one_step_is_what_the_model_says_whatever_recurs() -> None:
    found = belief_after([row(0.1)], Recurrence(fade=0.7, back=0.3))
    np.testing.assert_allclose(found, row(0.1), atol=1e-6)


def test_golden_values_of_fading_and_going_back() -> None:
    """By hand: stays 1 − .1 n^−1; each step a fifth of what is away goes back."""
    home, away = 1.0, 0.0
    for step in (1, 2, 3):
        left = home * 0.1 / step
        home, away = home - left + 0.2 * away, away - 0.2 * away + left
    found = belief_after([row(0.1)] * 3, Recurrence(fade=1.0, back=0.2))[:, 0, 0]
    assert found[0] == pytest.approx(home, abs=1e-6)
    assert found[1] / found[2] == pytest.approx(3.0, abs=1e-4)
    assert found[1] + found[2] == pytest.approx(away, abs=1e-6)


@given(
    leave=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6),
    fade=st.floats(0.0, 3.0),
    back=st.floats(0.0, 1.0),
)
def test_beliefs_are_probabilities_and_recurrence_never_adds_change(
    leave: list[float], fade: float, back: float
) -> None:
    rows = [row(one) for one in leave]
    found = belief_after(rows, Recurrence(fade, back))
    assert (found >= -1e-6).all()
    np.testing.assert_allclose(found.sum(axis=0), 1.0, atol=1e-5)
    assert found[0, 0, 0] >= belief_after(rows)[0, 0, 0] - 1e-5


def test_a_card_keeps_how_change_recurs_by_direction() -> None:
    said = Decisions(recurrences={"forward": {"fade": 0.4, "back": 0.1}})
    again = Decisions.from_dict(said.to_dict())
    assert again.recurrence("forward") == Recurrence(0.4, 0.1)
    assert again.recurrence("backward") == Recurrence()
