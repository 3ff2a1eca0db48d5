"""The confusion and three-map tables: counting, adding, refusing."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from ai4land.errors import GridError, SampleError, VocabularyError
from ai4land.metrics import Confusion, ThreeMaps, confusion, three_maps
from ai4land.metrics.tables import counting
from ai4land.vocabulary import NO_DATA

Map = NDArray[np.uint8]
Maps = tuple[Map, Map, Map]

QUICK = settings(derandomize=True, deadline=None, max_examples=40)
K = 4
INDEX = st.sampled_from([0, 1, 2, 3, NO_DATA])


@st.composite
def three(draw: st.DrawFn) -> Maps:
    shape = draw(npst.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=7))
    one = npst.arrays(np.uint8, shape, elements=INDEX)
    return draw(one), draw(one), draw(one)


def counted_one_by_one(maps: Maps) -> NDArray[np.int64]:
    table = np.zeros((K, K, K + 1), np.int64)
    for i, j, k in zip(*(m.ravel().tolist() for m in maps), strict=True):
        if i != NO_DATA and j != NO_DATA:
            table[i, j, min(k, K)] += 1
    return table


@QUICK
@given(three())
def test_tables_hold_what_a_plain_loop_counts(maps: Maps) -> None:
    initial, reference, simulated = maps
    expected = counted_one_by_one(maps)
    table = three_maps(*maps, K)
    assert table.counts.dtype == np.int64
    np.testing.assert_array_equal(table.counts, expected)
    two = confusion(reference, simulated, K, mask=initial != NO_DATA)
    np.testing.assert_array_equal(two.counts, expected.sum(axis=0))
    np.testing.assert_array_equal(table.reference_confusion.counts, two.counts)
    changed = confusion(reference, simulated, K, mask=(initial != NO_DATA) & (initial != reference))
    np.testing.assert_array_equal(table.changed.counts, changed.counts)
    still = three_maps(initial, reference, initial, K)
    np.testing.assert_array_equal(table.persistence.counts, still.counts)


@QUICK
@given(three(), st.integers(0, 7), st.integers(0, 7))
def test_tiles_add_up_to_the_whole(maps: Maps, row: int, column: int) -> None:
    tiles = [
        [m[..., rows, columns] for m in maps]
        for rows in (slice(None, row), slice(row, None))
        for columns in (slice(None, column), slice(column, None))
    ]
    table, pairs = ThreeMaps.zero(K), Confusion.zero(K)
    for i, j, k in tiles:
        table += three_maps(i, j, k, K)
        pairs += confusion(j, k, K)
    np.testing.assert_array_equal(table.counts, three_maps(*maps, K).counts)
    np.testing.assert_array_equal(pairs.counts, confusion(maps[1], maps[2], K).counts)


@QUICK
@given(three(), st.permutations(range(K)))
def test_renaming_classes_permutes_the_table(maps: Maps, order: list[int]) -> None:
    new = np.array([*order, *[NO_DATA] * (256 - K)], dtype=np.uint8)
    table = three_maps(*maps, K).counts
    renamed = three_maps(new[maps[0]], new[maps[1]], new[maps[2]], K).counts
    last = [*order, K]
    np.testing.assert_array_equal(renamed[np.ix_(order, order, last)], table)


@QUICK
@given(three())
def test_flipping_changes_nothing_with_areas_by_row(maps: Maps) -> None:
    areas = 1.0 + np.arange(maps[0].shape[-2])[:, np.newaxis]
    table = three_maps(*maps, K, areas)
    assert table.counts.dtype == np.float64
    i, j, k = (m[..., ::-1, ::-1] for m in maps)
    again = three_maps(i, j, k, K, areas[::-1])
    np.testing.assert_allclose(again.counts, table.counts, rtol=1e-12)
    assert table.total == pytest.approx(
        (areas * ((maps[0] != NO_DATA) & (maps[1] != NO_DATA))).sum(), rel=1e-12
    )


def test_maps_larger_than_a_block_count_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    i, j, k = rng.integers(0, 30, (3, 50, 40), dtype=np.uint8)
    areas, mask = rng.random((50, 1)), rng.random((50, 40)) < 0.7
    whole = three_maps(i, j, k, 30, mask=mask)
    weighted = three_maps(i, j, k, 30, areas, mask)
    monkeypatch.setattr(counting, "_BLOCK", 97)
    np.testing.assert_array_equal(three_maps(i, j, k, 30, mask=mask).counts, whole.counts)
    np.testing.assert_allclose(three_maps(i, j, k, 30, areas, mask).counts, weighted.counts)
    flat = three_maps(i.ravel(), j.ravel(), k.ravel(), 30, mask=mask.ravel())
    np.testing.assert_array_equal(flat.counts, whole.counts)
    assert whole.total == mask.sum()
    assert whole.weighting == "pixel"
    assert weighted.weighting == "area"


@pytest.mark.parametrize("n_classes", [1, 2, 15, 16, 40, 41, 254, 255])
def test_no_index_overflows_its_type(n_classes: int) -> None:
    top = np.array([n_classes - 1, n_classes - 1], np.uint8)
    table = confusion(top, np.array([n_classes - 1, NO_DATA], np.uint8), n_classes).counts
    assert table[-1].tolist() == [0] * (n_classes - 1) + [1, 1]
    assert table.sum() == 2


def test_codes_in_place_of_indices_are_refused() -> None:
    codes = np.array([[11, 22]], np.uint8)
    with pytest.raises(VocabularyError, match=r"truth[\s\S]*0…7[\s\S]*11, 22[\s\S]*index_map"):
        confusion(codes, codes, 8)
    with pytest.raises(VocabularyError, match=r"prediction[\s\S]*11, 22"):
        confusion(np.zeros_like(codes), codes, 8)
    with pytest.raises(VocabularyError, match=r"expected: uint8[\s\S]*int64"):
        confusion(cast(Map, codes.astype(np.int64)), codes, 8)


def test_maps_of_different_shape_are_refused() -> None:
    a, b = np.zeros((3, 4), np.uint8), np.zeros((4, 3), np.uint8)
    with pytest.raises(GridError, match=r"one shape[\s\S]*truth 0[\s\S]*\(4, 3\)"):
        confusion(b, a, 2)
    with pytest.raises(GridError, match="mask"):
        confusion(a, a, 2, mask=b == 0)
    with pytest.raises(GridError, match=r"do not fit[\s\S]*\(4, 3\)"):
        confusion(a, a, 2, weights=np.ones((4, 3)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_impossible_weights_are_refused(bad: float) -> None:
    a = np.zeros((2, 2), np.uint8)
    with pytest.raises(GridError, match="negative or not finite"):
        confusion(a, a, 1, weights=[[1.0], [bad]])


def test_what_does_not_belong_together_is_not_added() -> None:
    a = np.zeros((2, 2), np.uint8)
    pixels, areas = confusion(a, a, 2), confusion(a, a, 2, weights=2.0)
    with pytest.raises(SampleError, match="per pixel and scores by area"):
        pixels + areas
    with pytest.raises(SampleError, match="different legends"):
        pixels + Confusion.zero(3)
    assert (Confusion.zero(2) + areas).total == 8.0
    with pytest.raises(SampleError, match=r"K × \(K \+ 1\)"):
        Confusion(np.zeros((2, 2), np.int64))
    with pytest.raises(SampleError, match="int64 or float64"):
        ThreeMaps(cast(counting.Counts, np.zeros((2, 2, 3), np.float32)))
