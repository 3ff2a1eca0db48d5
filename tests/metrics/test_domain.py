"""From codes to class indices, and where they are scored."""

from __future__ import annotations

import numpy as np
import pytest

from ai4land.errors import VocabularyError
from ai4land.metrics import ScoredClasses, index_map, valid_mask
from ai4land.vocabulary import Legend, LegendClass, legend

SEA_OUTSIDE = Legend(
    name="coast",
    title="Two classes, sea is none of them",
    classes=(LegendClass(20, "field", "#aaaaaa"), LegendClass(10, "wood", "#bbbbbb")),
    sea=(0,),
    missing=(99,),
)


def test_codes_become_positions_in_legend_order() -> None:
    codes = np.array([[20, 10, 0], [99, 255, 10]], np.uint8)
    indices = index_map(codes, SEA_OUTSIDE)
    assert indices.dtype == np.uint8
    assert indices.tolist() == [[0, 1, 255], [255, 255, 1]]
    assert index_map(codes.astype(np.int32), SEA_OUTSIDE).tolist() == indices.tolist()


def test_every_legend_survives_the_way_there() -> None:
    hilda = legend("hildaplus_v1_f")
    assert index_map(np.array(hilda.codes), hilda).tolist() == list(range(len(hilda)))


def test_a_code_the_legend_does_not_explain_is_refused() -> None:
    codes = np.array([[20, 21], [21, 22]], np.uint8)
    with pytest.raises(VocabularyError, match=r"'coast'[\s\S]*21 \(2 pixels\), 22 \(1 pixels\)"):
        index_map(codes, SEA_OUTSIDE)


def test_codes_no_byte_can_hold_are_refused() -> None:
    with pytest.raises(VocabularyError, match=r"out of range[\s\S]*-9999…20"):
        index_map(np.array([20, -9999], np.int16), SEA_OUTSIDE)
    with pytest.raises(VocabularyError, match=r"integers[\s\S]*float32"):
        index_map(np.array([20.0], np.float32), SEA_OUTSIDE)


def test_land_leaves_out_sea_and_missing_the_reference_only_missing() -> None:
    landuse8 = legend("landuse8")
    indices = index_map(np.array([0, 1, 7, 255], np.uint8), landuse8)
    assert valid_mask(indices, landuse8).tolist() == [False, True, True, False]
    reference = valid_mask(indices, landuse8, ScoredClasses.REFERENCE)
    assert reference.tolist() == [True, True, True, False]
    outside = index_map(np.array([0, 10], np.uint8), SEA_OUTSIDE)
    assert valid_mask(outside, SEA_OUTSIDE, ScoredClasses.REFERENCE).tolist() == [False, True]
    assert ScoredClasses("reference") is ScoredClasses.REFERENCE
