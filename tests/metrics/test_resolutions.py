"""Composite tables: against the equations written as loops, golden values, invariants."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from class_maps import NAMES, K, Maps, in_tiles, patchy, three_class_maps
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ai4land.errors import GridError, SampleError
from ai4land.metrics import (
    Composite,
    Resolutions,
    ceiling,
    composite,
    composite_table,
    resolutions,
    skill,
    squares,
    three_maps,
)
from ai4land.vocabulary import NO_DATA

QUICK = settings(derandomize=True, deadline=None, max_examples=40)
FACTORS = (1, 2, 4, 8)


def by_the_equations(
    q: NDArray[np.float64], r: NDArray[np.float64], s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Equations 1–7 of Pontius et al. (2011) for one cell of shares, one sum at a time."""
    k = len(q)
    e1, e2 = np.minimum(r, s), np.minimum(np.minimum(q, r), s)
    table = np.zeros((k, k, k))
    for j in range(k):
        table[j, j, j] = e2[j]
    for i, j in itertools.permutations(range(k), 2):
        left = sum(q[n] - e2[n] for n in range(k) if n != j)
        if e1[j] > e2[j]:
            table[i, j, j] = (e1[j] - e2[j]) * (q[i] - e2[i]) / left
    q2, r2, s2 = q - np.einsum("ijj->i", table), r - e1, s - e1
    pairs = [(j, m) for j in range(k) for m in range(k) if j != m]
    whole = sum(q2[i] * r2[j] * s2[m] for i in range(k) for j, m in pairs)
    if whole > 1e-15:
        for i in range(k):
            for j, m in pairs:
                table[i, j, m] += (1 - e1.sum()) * q2[i] * r2[j] * s2[m] / whole
    return table


def test_a_cell_against_the_equations() -> None:
    rng = np.random.default_rng(1)
    for n in range(60):
        q, r, s = (rng.dirichlet(np.full(K, 0.7)) for _ in range(3))
        if n % 4 == 0:
            s = r.copy()
        if n % 5 == 0:
            q = np.eye(K)[n % K]
        weight = 1 + 3 * rng.random()
        cell = [weight * share[np.newaxis] for share in (q, r, np.append(s, 0))]
        table = composite_table(cell[0], cell[1], cell[2], "area")
        np.testing.assert_allclose(
            table.counts[:, :, :K], weight * by_the_equations(q, r, s), atol=1e-12
        )
        assert table.null_disagreement == pytest.approx(0.5 * np.abs(q - r).sum())
        assert table.disagreement == pytest.approx(0.5 * np.abs(s - r).sum())


def test_a_square_by_hand() -> None:
    # Two by two: a became b in one corner, and was simulated to do so in another.
    initial = np.zeros((2, 2), np.uint8)
    reference, simulated = initial.copy(), initial.copy()
    reference[0, 0] = simulated[1, 1] = 1
    found = resolutions(initial, reference, simulated, 2, factors=(1, 2))
    assert found[1].figure_of_merit == 0
    assert found[1].disagreement == 0.5
    assert found[2].figure_of_merit == 1
    assert found[2].disagreement == 0
    assert found[2].null_disagreement == 0.25
    assert found.null_resolution == 2
    assert found.scores()["rows"][1] == {
        "factor": 2,
        "figure_of_merit": 1.0,
        "disagreement": 0.0,
        "null_disagreement": 0.25,
        "quantity": 0.0,
        "among": 0.0,
        "within": 0.5,
    }
    with pytest.raises(SampleError, match=r"expected: \(1, 2\)[\s\S]*found: 4"):
        found[4]


def test_plum_island_by_factor(golden: Path) -> None:
    expected = json.loads((golden / "plum_island_expected.json").read_text("utf-8"))
    with np.load(golden / "plum_island_1985_1991_1999.npz") as file:
        maps = {year: file[f"lu_{year}"] - np.uint8(1) for year in (1985, 1991, 1999)}
    found = resolutions(maps[1985], maps[1999], maps[1991], K)
    four_digits = {str(f): round(found[f].figure_of_merit, 4) for f in found.factors}
    assert four_digits == expected["figure_of_merit_by_aggregation_factor"]
    for table in found.composites:
        assert table.total == pytest.approx(113_563)
    # The whole map in one square leaves the difference of amounts: quantity disagreement.
    assert found[256].null_disagreement == pytest.approx(expected["two_map_1985_1999"]["Q"], 1e-5)
    assert found.null_resolution == 1


@QUICK
@given(three_class_maps(), st.booleans())
def test_pixels_are_the_finest_resolution(maps: Maps, weighted: bool) -> None:
    weights = 1.0 + np.arange(maps[0].shape[0])[:, np.newaxis] if weighted else None
    three = three_maps(*maps, K, weights)
    assume(three.total > 0)
    for table in (
        resolutions(*maps, K, weights, factors=(1,))[1],
        composite(*maps, K, np.arange(maps[0].size).reshape(maps[0].shape), weights),
    ):
        np.testing.assert_allclose(table.counts, three.counts, atol=1e-12)
        assert table.figure_of_merit == pytest.approx(three.figure_of_merit, nan_ok=True)
        assert table.weighting == three.weighting


@QUICK
@given(three_class_maps())
def test_tables_sum_to_what_is_scored_and_errors_fall(maps: Maps) -> None:
    found = resolutions(*maps, K, factors=FACTORS)
    total = float(((maps[0] != NO_DATA) & (maps[1] != NO_DATA)).sum())
    assume(total > 0)
    for table in found.composites:
        assert table.total == pytest.approx(total)
        assert table.counts.min() >= 0
        np.testing.assert_allclose(
            table.counts.sum(axis=(1, 2)), found[1].counts.sum(axis=(1, 2)), atol=1e-9
        )
        np.testing.assert_allclose(
            table.counts.sum(axis=(0, 1)), found[1].counts.sum(axis=(0, 1)), atol=1e-9
        )
    errors = [table.disagreement for table in found.composites]
    nulls = [table.null_disagreement for table in found.composites]
    for values in (errors, nulls):
        assert all(two <= one + 1e-12 for one, two in itertools.pairwise(values))
    assert errors[-1] >= found.scores()["rows"][0]["quantity"] - 1e-12


@QUICK
@given(three_class_maps())
def test_persistence_never_hits(maps: Maps) -> None:
    found = resolutions(maps[0], maps[1], maps[0], K, factors=FACTORS)
    for table in found.composites:
        assert table.three.hits == pytest.approx(0, abs=1e-12)
        assert table.disagreement == pytest.approx(table.null_disagreement, nan_ok=True)


@QUICK
@given(three_class_maps(multiple=4, most=12), st.permutations(range(K)))
def test_flips_and_renamed_classes_change_nothing(maps: Maps, order: list[int]) -> None:
    found = resolutions(*maps, K, factors=(1, 2, 4))
    flipped = resolutions(*(m[::-1, ::-1] for m in maps), K, factors=(1, 2, 4))
    new = np.array([*order, *[NO_DATA] * (256 - K)], np.uint8)
    renamed = resolutions(*(new[m] for m in maps), K, factors=(1, 2, 4))
    last = [*order, K]
    for factor in (1, 2, 4):
        expected = found[factor].counts
        np.testing.assert_allclose(flipped[factor].counts, expected, atol=1e-12)
        permuted = renamed[factor].counts[np.ix_(order, order, last)]
        np.testing.assert_allclose(permuted, expected, atol=1e-12)


def test_tiles_cut_at_the_largest_square_add_up() -> None:
    maps, areas = patchy(3), np.linspace(1, 2, 64)[:, np.newaxis]
    whole = resolutions(*maps, K, areas, factors=FACTORS)
    total = Resolutions.zero(K, FACTORS, "area")
    for part in in_tiles((64, 96), 24):
        total += resolutions(*(m[part] for m in maps), K, areas[part[0]], factors=FACTORS)
    for one, two in zip(whole.parts(), total.parts(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-12)
    assert total.scores()["weighting"] == "area"
    with pytest.raises(SampleError, match="different factors"):
        total + Resolutions.zero(K, (1, 2), "area")
    with pytest.raises(SampleError, match="different weighting"):
        Composite.zero(K, "area") + Composite.zero(K)


def test_squares_are_one_choice_of_cells() -> None:
    maps = patchy(4)
    mask = np.random.default_rng(0).random(maps[0].shape) < 0.8
    by_cell = composite(*maps, K, squares((64, 96), 8), mask=mask)
    by_factor = resolutions(*maps, K, mask=mask, factors=(8,))[8]
    np.testing.assert_allclose(by_cell.counts, by_factor.counts, rtol=1e-12)
    np.testing.assert_allclose(by_cell.unchanged, by_factor.unchanged, rtol=1e-12)
    outside = np.where(mask, squares((64, 96), 8), -1)
    np.testing.assert_allclose(composite(*maps, K, outside).counts, by_cell.counts, rtol=1e-12)


def test_a_simulation_outside_the_classes_is_wrong_at_every_resolution() -> None:
    initial = np.array([[0, 0, 1, 1]] * 4, np.uint8)
    found = resolutions(initial, initial, np.full_like(initial, NO_DATA), 2, factors=(1, 2, 4))
    for table in found.composites:
        assert table.disagreement == 1
        assert table.three.hits == 0
        assert table.counts[:, :, -1].sum() == pytest.approx(16)


def test_ceiling_and_skill() -> None:
    maps = patchy(5)
    three = three_maps(*maps, K)
    cells = squares((64, 96), 16)
    top = ceiling(three, composite(*maps, K, cells))
    scored = (maps[0] != NO_DATA) & (maps[1] != NO_DATA)
    net = 0.0
    for cell in np.unique(cells):
        here = scored & (cells == cell)
        shares = [np.bincount(m[here], minlength=K) for m in maps[:2]]
        net += 0.5 * float(np.abs(shares[0] - shares[1]).sum())
    assert top == pytest.approx(net / three.observed_change)
    random = three_maps(maps[0], maps[1], patchy(6)[2], K)
    found = skill(three, random, top, kernel=three)
    merit, floor = three.figure_of_merit, random.figure_of_merit
    assert found.value == pytest.approx((merit - floor) / (top - floor))
    assert found.scores()["kernel_skill"] == found.scores()["skill"]
    assert skill(random, random, top).value == 0
    assert math.isnan(ceiling(three_maps(*[maps[0]] * 3, K), composite(*[maps[0]] * 3, K, cells)))


def test_no_pixel_has_no_scores() -> None:
    rows = Resolutions.zero(2, (1, 2)).scores()
    assert rows["null_resolution"] is None
    assert rows["rows"][1]["disagreement"] is None
    assert rows["rows"][1]["within"] is None


def test_what_cannot_be_compared_is_refused() -> None:
    maps = patchy(1)
    for factors in ((), (0, 1), (2, 2), (2, 3)):
        with pytest.raises(SampleError, match="multiple of the one before"):
            resolutions(*maps, K, factors=factors)
    with pytest.raises(SampleError, match="Squares need maps"):
        resolutions(*(m.ravel() for m in maps), K)
    with pytest.raises(GridError, match="cells"):
        composite(*maps, K, np.zeros((2, 2), np.int64))
    with pytest.raises(SampleError, match=r"0…1[\s\S]*\[2\]"):
        composite(*maps, 2, squares((64, 96), 8))
    one = np.ones((1, len(NAMES)))
    with pytest.raises(SampleError, match=r"fill them alike[\s\S]*simulated"):
        composite_table(one, one, np.ones((1, 4)), "pixel")
