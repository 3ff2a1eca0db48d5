"""Matrices of flows are fitted to what cells have and want, in whole pixels, and can be placed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from ai4land.allocation import (
    CoarseCells,
    allocate_kernel,
    assign,
    balance,
    balance_flows,
    fit_flows,
    flow_rates,
    flow_targets,
    net_flows,
    refined,
)
from ai4land.errors import GridError

Array = npt.NDArray[Any]
GROUPS = ((0,), (1, 3), (2,))


def cases(seed: int, groups: int, cells: int, filled: float) -> tuple[Array, Array, Array]:
    """Flows with holes, counts held, and others wanted."""
    rng = np.random.default_rng(seed)
    flows = rng.gamma(0.5, size=(groups, groups, cells)) * (
        rng.random((groups, groups, cells)) < filled
    )
    flows[np.arange(groups), np.arange(groups)] += rng.choice([0.0, 1.0, 30.0], (groups, cells))
    pixels = rng.integers(0, 60, cells)
    held, wanted = (
        np.stack(
            [rng.multinomial(n, rng.dirichlet(np.full(groups, 0.4))) for n in pixels],
            axis=1,
        )
        for _ in range(2)
    )
    return flows, held, wanted


matrices = given(
    seed=st.integers(0, 10**6), groups=st.integers(1, 5), filled=st.sampled_from([0.0, 0.4, 1.0])
)


@matrices
@settings(max_examples=60, deadline=None)
def test_margins_are_exact_and_numbers_lie_next_to_their_fit(
    seed: int, groups: int, filled: float
) -> None:
    flows, held, wanted = cases(seed, groups, 12, filled)
    fitted, whole = balance_flows(flows, held, wanted), fit_flows(flows, held, wanted)
    np.testing.assert_array_equal(whole.sum(axis=1), held)
    np.testing.assert_array_equal(whole.sum(axis=0), wanted)
    assert (whole >= 0).all()
    np.testing.assert_allclose(fitted.sum(axis=1), held, atol=1e-9)
    reached = np.abs(fitted.sum(axis=0) - wanted).max(axis=0) < 1e-6
    assert reached.mean() > 0.8  # others lie on the border, where the fit is a limit
    assert (np.abs(whole - fitted)[..., reached] < 1.0).all()
    assert (whole[..., reached][fitted[..., reached] == 0.0] == 0).all()


@given(seed=st.integers(0, 10**6), groups=st.integers(2, 5))
@settings(max_examples=40, deadline=None)
def test_the_fit_is_the_one_of_classical_proportional_fitting(seed: int, groups: int) -> None:
    """The odds ratios of the given matrix are kept, where the classical rounds get to."""
    rng = np.random.default_rng(seed)
    flows = rng.uniform(0.5, 2.0, (groups, groups, 1))
    held, wanted = (rng.multinomial(90, np.full(groups, 1 / groups))[:, None] + 1 for _ in "ab")
    classical = flows[..., 0].copy()
    for _ in range(500):
        classical *= (held[:, 0] / classical.sum(axis=1))[:, None]
        classical *= wanted[:, 0] / classical.sum(axis=0)
    np.testing.assert_allclose(balance_flows(flows, held, wanted)[..., 0], classical, atol=1e-4)


def test_zero_stays_zero_where_the_margins_allow_it() -> None:
    """Forest may go to crops, crops to towns, but never forest to towns."""
    flows = np.array([[90.0, 5, 0], [0, 40, 2], [0, 0, 10]])[..., None]
    held = np.array([[90], [40], [10]])
    allowed = np.array([[80], [45], [15]])
    whole = fit_flows(flows, held, allowed)[..., 0]
    np.testing.assert_array_equal(whole, [[80, 10, 0], [0, 35, 5], [0, 0, 10]])
    impossible = np.array([[95], [40], [5]])  # towns never became anything in these flows
    whole = fit_flows(flows, held, impossible)[..., 0]
    np.testing.assert_array_equal(whole.sum(axis=0), impossible[:, 0])
    assert whole[2].tolist() == [5, 0, 5]


def test_the_rounding_is_the_optimum_of_a_plain_solver() -> None:
    """Against linear programming over the two whole numbers around every fit."""
    flows, held, wanted = cases(3, 4, 30, 1.0)
    fitted, whole = balance_flows(flows, held, wanted), fit_flows(flows, held, wanted)
    rows = np.kron(np.eye(4), np.ones(4))
    columns = np.kron(np.ones(4), np.eye(4))
    checked = 0
    for cell in range(30):
        fit = fitted[..., cell].ravel()
        if np.abs(fitted[..., cell].sum(axis=0) - wanted[:, cell]).max() > 1e-6:
            continue
        floor = np.floor(fit + 1e-6)
        near = np.maximum(fit, 0.01)
        price = ((floor + 1 - fit) ** 2 - (floor - fit) ** 2) / near
        best = optimize.linprog(
            price,
            A_eq=np.vstack([rows, columns]),
            b_eq=np.concatenate([held[:, cell], wanted[:, cell]])
            - np.vstack([rows, columns]) @ floor,
            bounds=[
                (0.0, float(np.ceil(f - 1e-6) - low)) for f, low in zip(fit, floor, strict=True)
            ],
        )
        assert best.success
        found = ((whole[..., cell].ravel() - fit) ** 2 - (floor - fit) ** 2) / near
        assert found.sum() == pytest.approx(best.fun, abs=1e-6)
        checked += 1
    assert checked > 20


def test_the_fewest_transitions() -> None:
    before, after = np.array([[6.0], [3], [1]]), np.array([[2.0], [5], [3]])
    np.testing.assert_allclose(net_flows(before, after)[..., 0], [[2, 2, 2], [0, 3, 0], [0, 0, 1]])
    np.testing.assert_allclose(net_flows(before, 0.5 * before).sum(axis=1), before)
    rates = flow_rates(net_flows(before, after))[..., 0]
    np.testing.assert_allclose(rates[0], 1 / 3)
    assert not flow_rates(np.zeros((2, 2, 1))).any()
    unknown = fit_flows(np.zeros((3, 3, 1)), before.astype(int), after.astype(int))
    np.testing.assert_array_equal(unknown[..., 0], net_flows(before, after)[..., 0])


def test_a_cell_has_its_flows_however_many_are_fitted_with_it() -> None:
    flows, held, wanted = cases(5, 4, 20, 0.5)
    every = fit_flows(flows, held, wanted)
    for part in (slice(0, 7), slice(7, 20)):
        alone = fit_flows(flows[..., part], held[:, part], wanted[:, part])
        np.testing.assert_array_equal(alone, every[..., part])


def _map(seed: int = 0) -> tuple[CoarseCells, Array, Array]:
    rng = np.random.default_rng(seed)
    index = np.repeat(np.repeat(np.arange(6).reshape(2, 3), 8, 0), 9, 1).astype(np.int32)
    index[0, 0] = -1
    prior = rng.integers(0, 5, index.shape).astype(np.uint8)
    prior[3, :4] = 255
    scores = rng.normal(size=(5, *index.shape)) + 2.0 * (prior == np.arange(5)[:, None, None])
    scores[4] = np.where(prior == 4, 9.0, -9.0)  # of no group: it stays as it is
    probability = np.exp(scores) / np.exp(scores).sum(axis=0)
    return CoarseCells(index, 6), prior, probability.astype(np.float32)


def _moved(cells: CoarseCells, before: Array, after: Array) -> Array:
    """Pixels by cell, group before and group after, ``(G, G, cells)``."""
    parts = refined(cells, before, GROUPS)
    by_class = parts.counts(after, 5)
    by_group = np.stack([by_class[list(g)].sum(axis=0) for g in GROUPS])
    return np.moveaxis(by_group.reshape(3, cells.count, 3), 2, 0)


def test_whatever_honours_cells_honours_flows_in_refined_cells() -> None:
    """Exact assignment, kernel and soft balance, each with the code that knows areas alone."""
    cells, prior, probability = _map()
    known = (prior != 255) & (prior != 4)
    held = np.stack([cells.counts(prior, 5)[list(g)].sum(axis=0) for g in GROUPS])
    rng = np.random.default_rng(1)
    flows = rng.uniform(0.1, 1.0, (3, 3, 6)) + 4.0 * np.eye(3)[..., None]
    wanted = np.roll(held, 1, axis=0) // 2
    wanted[0] += held.sum(axis=0) - wanted.sum(axis=0)
    whole = fit_flows(flows, held, wanted)
    parts, targets = refined(cells, prior, GROUPS), flow_targets(whole)
    assert parts.count == 18
    closed = assign(np.log(probability), parts, targets, GROUPS, known)
    placed = np.where(known, closed.map, prior)
    np.testing.assert_array_equal(closed.unplaced, 0)
    np.testing.assert_array_equal(_moved(cells, prior, placed), whole)
    change = targets - flow_targets(np.eye(3, dtype=np.int64)[..., None] * held[:, None])
    kernel = allocate_kernel(prior, parts, change, GROUPS, rng.random(prior.shape))
    np.testing.assert_array_equal(_moved(cells, prior, kernel.map), whole)
    soft = balance(
        probability, parts, flow_targets(balance_flows(flows, held, wanted)), GROUPS, known
    )
    for part in np.unique(parts.index[parts.index >= 0]):
        inside = (parts.index == part) & known
        sums = np.stack([soft[list(g)].sum(axis=0)[inside].sum() for g in GROUPS])
        share = targets[:, part] / targets[:, part].sum()
        np.testing.assert_allclose(sums / sums.sum(), share, atol=0.05)  # ten rounds


def test_flows_that_are_no_flows_are_refused() -> None:
    flows, held, wanted = cases(1, 3, 5, 1.0)
    with pytest.raises(GridError, match="same groups and cells"):
        fit_flows(flows[:2], held, wanted)
    with pytest.raises(GridError, match="another number of pixels"):
        fit_flows(flows, held + 1, wanted)
    with pytest.raises(GridError, match="negative"):
        fit_flows(-flows, held, wanted)
    with pytest.raises(GridError, match="negative or not a number"):
        fit_flows(np.where(flows > 1, np.nan, flows), held, wanted)
    cells, prior, _ = _map()
    with pytest.raises(GridError, match="does not fit"):
        refined(cells, prior[:4], GROUPS)
