"""Scores of a rollout: what "changed" means, adding tiles, summaries, Table 1."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import GridError, SampleError
from ai4land.metrics import LeadScores, RolloutScores, confusion, score_step, summarise, table_one
from ai4land.vocabulary import NO_DATA

NAMES = ("a", "b", "c", "d")
K = len(NAMES)

# One pixel a column.
INITIAL = np.array([[0, 0, 1, 1, 2, 2]], np.uint8)
TRUTH_1 = np.array([[0, 1, 1, 1, 2, 3]], np.uint8)
TRUTH_2 = np.array([[0, 1, 1, 2, 2, 2]], np.uint8)
SAID_1 = np.array([[0, 1, 2, 1, 2, 2]], np.uint8)
SAID_2 = np.array([[1, 1, 1, 2, 2, 2]], np.uint8)


def second_step(
    prior_truth: NDArray[np.uint8] = TRUTH_1,
    own_prior: NDArray[np.uint8] = SAID_1,
    prediction: NDArray[np.uint8] = SAID_2,
    weights: ArrayLike | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> LeadScores:
    return score_step(
        2,
        2002,
        initial=INITIAL,
        prior_truth=prior_truth,
        truth=TRUTH_2,
        own_prior=own_prior,
        prediction=prediction,
        n_classes=K,
        weights=weights,
        mask=mask,
    )


def first_step() -> LeadScores:
    return score_step(
        1,
        2001,
        initial=INITIAL,
        prior_truth=INITIAL,
        truth=TRUTH_1,
        own_prior=INITIAL,
        prediction=SAID_1,
        n_classes=K,
    )


def pairs(table: NDArray[Any]) -> list[tuple[int, int]]:
    return [(int(i), int(j)) for i, j in np.argwhere(table) for _ in range(int(table[i, j]))]


def test_the_three_ways_of_changed_by_hand() -> None:
    step = second_step()
    assert step.confusion.accuracy == pytest.approx(5 / 6)
    # truth stepped: pixels 3 (b→c) and 5 (d→c)
    assert pairs(step.changed_truth.counts) == [(2, 2), (2, 2)]
    # truth left the model's own prior: pixels 2 (c→b) and 3 (b→c)
    assert pairs(step.changed_prior.counts) == [(1, 1), (2, 2)]
    # truth left the initial map: pixels 1 (a→b) and 3 (b→c); pixel 5 went and came back
    assert pairs(step.changed_initial.counts) == [(1, 1), (2, 2)]
    assert step.three.false_alarms == 1
    assert step.three.hits == 2


def test_at_the_first_step_the_three_ways_are_one() -> None:
    step = first_step()
    assert step.changed_truth.counts.tolist() == step.changed_prior.counts.tolist()
    assert step.changed_truth.counts.tolist() == step.changed_initial.counts.tolist()
    np.testing.assert_array_equal(step.confusion.counts, confusion(TRUTH_1, SAID_1, K).counts)


def test_missing_truth_is_left_out_everywhere_and_missing_prediction_is_wrong() -> None:
    holes = np.array([[NO_DATA, 1, 1, 1, 2, 3]], np.uint8)
    blank = np.full_like(SAID_2, NO_DATA)
    step = second_step(prior_truth=holes, prediction=blank)
    assert step.confusion.total == step.three.total == 5
    assert step.confusion.accuracy == 0
    assert step.changed_prior.counts[:, -1].sum() == step.changed_prior.total == 2


def test_a_mask_and_areas_reach_every_table() -> None:
    mask = np.array([[True, True, True, True, False, False]])
    step = second_step(mask=mask, weights=np.array([[10.0]]))
    assert step.confusion.total == 40.0
    assert step.changed_truth.total == 10.0
    assert step.changed_prior.total == 20.0
    assert step.three.total == 40.0
    with pytest.raises(GridError, match="own_prior"):
        second_step(own_prior=SAID_1[:, :1])


def test_tiles_add_up_to_the_whole() -> None:
    whole = RolloutScores() + first_step() + second_step()
    parts = RolloutScores()
    for columns in (slice(0, 2), slice(2, 6)):
        tile = RolloutScores()
        # later lead first: the order of gathering does not matter
        tile += score_step(
            2,
            2002,
            initial=INITIAL[:, columns],
            prior_truth=TRUTH_1[:, columns],
            truth=TRUTH_2[:, columns],
            own_prior=SAID_1[:, columns],
            prediction=SAID_2[:, columns],
            n_classes=K,
        )
        tile += score_step(
            1,
            2001,
            initial=INITIAL[:, columns],
            prior_truth=INITIAL[:, columns],
            truth=TRUTH_1[:, columns],
            own_prior=INITIAL[:, columns],
            prediction=SAID_1[:, columns],
            n_classes=K,
        )
        parts += tile
    assert [step.lead for step in parts.leads] == [1, 2]
    assert summarise(parts.leads, NAMES) == summarise(whole.leads, NAMES)
    assert table_one(parts.leads, NAMES) == table_one(whole.leads, NAMES)


def test_summary_averages_yearly_scores_and_is_json() -> None:
    summary = summarise([second_step(), first_step()], NAMES)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert [row["time"] for row in summary["leads"]] == [2001, 2002]
    assert summary["first"]["accuracy"] == pytest.approx(4 / 6)
    assert summary["last"]["accuracy"] == pytest.approx(5 / 6)
    assert summary["mean"]["accuracy"] == pytest.approx(4.5 / 6)
    assert summary["first"]["persistence"]["accuracy"] == pytest.approx(4 / 6)
    assert summary["last"]["persistence"]["accuracy"] == pytest.approx(4 / 6)
    assert summary["mean"]["hits"] == 1.5
    assert summary["mean"]["figure_of_merit"] == pytest.approx((1 / 3 + 2 / 3) / 2)
    assert summary["mean"]["changed"]["truth"]["accuracy"] == pytest.approx((1 / 2 + 1) / 2)
    # class d is in the truth of the first year only: the mean rests on that year
    assert summary["last"]["per_class"]["d"]["recall"] is None
    assert summary["mean"]["per_class"]["d"]["recall"] == 0.0
    assert summary["n_leads"] == 2
    assert summary["weighting"] == "pixel"
    assert summary["classes"] == list(NAMES)


def test_a_year_without_change_has_null_scores_on_changed_pixels() -> None:
    still = second_step(prior_truth=TRUTH_2)
    summary = summarise([first_step(), still], NAMES)
    assert summary["last"]["changed"]["truth"]["accuracy"] is None
    assert summary["mean"]["changed"]["truth"]["accuracy"] == pytest.approx(1 / 2)


def test_table_one() -> None:
    table = table_one([first_step(), second_step()], NAMES)
    assert set(table["first"]) == {"all", "changed_truth", "changed_prior", "changed_initial"}
    assert table["first"]["all"]["accuracy"] == pytest.approx(4 / 6)
    # changed pixels of the first year: b said b (right), d said c (wrong)
    assert table["first"]["changed_truth"] == {
        "accuracy": 0.5,
        "macro_f1": pytest.approx((1 + 0) / 2),
        "weighted_f1": pytest.approx((1 + 0) / 2),
        "mean_iou": pytest.approx((1 + 0) / 2),
        "total": 2,
    }
    assert table["mean"]["changed_prior"]["accuracy"] == pytest.approx((0.5 + 1) / 2)
    assert table["n_leads"] == 2
    assert table["weighting"] == "pixel"


def test_scores_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(SampleError, match=r"lead 1, time 2001[\s\S]*lead 2, time 2002"):
        first_step() + second_step()
    with pytest.raises(SampleError, match=r"at least one step[\s\S]*\[\]"):
        summarise([], NAMES)
    with pytest.raises(SampleError, match=r"each step once[\s\S]*\[1, 1\]"):
        table_one([first_step(), first_step()], NAMES)
    with pytest.raises(SampleError, match="some by area"):
        summarise([first_step(), second_step(weights=1.0)], NAMES)
    with pytest.raises(SampleError, match="one name per class"):
        summarise([first_step()], NAMES[:2])
