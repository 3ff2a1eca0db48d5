"""Codes of any type and range, by a table; what is in neither file nor legend is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.errors import SourceError
from ai4land.formats import class_codes, codes_in
from ai4land.vocabulary import NO_DATA, Legend

TYPES = ("uint8", "int8", "uint16", "int16", "int32", "float32", "float64")


def legend_of(codes: list[int], missing: tuple[int, ...] = ()) -> Legend:
    rows = [[code, f"class {code}", "#00ff00"] for code in codes]
    return Legend.from_dict({"name": "any", "classes": rows, "missing": list(missing)})


@given(st.sampled_from(TYPES), st.data())
@settings(max_examples=120, deadline=None)
def test_every_code_goes_where_the_legend_says(dtype: str, data: st.DataObject) -> None:
    info = np.iinfo(dtype) if dtype[0] in "ui" else np.iinfo(np.int16)
    whole = st.integers(max(int(info.min), -(1 << 15)), min(int(info.max), (1 << 16) - 1))
    codes = data.draw(st.lists(whole, min_size=2, max_size=8, unique=True))
    absent, known = codes[0], codes[1:]
    legend = legend_of(known, (absent,))
    raw = np.array(data.draw(st.lists(st.sampled_from(codes), min_size=1, max_size=20)), dtype)
    hidden = np.array(data.draw(st.lists(st.booleans(), min_size=raw.size, max_size=raw.size)))
    found = class_codes(raw, legend, None, "here", hidden)
    assert found.dtype == np.uint8
    names = dict(zip(legend.codes, legend.names, strict=True))
    for value, gone, code in zip(raw.tolist(), hidden.tolist(), found.tolist(), strict=True):
        assert code == NO_DATA if gone or value == absent else names[code] == f"class {int(value)}"
    shown = sorted({int(v) for v, gone in zip(raw.tolist(), hidden, strict=True) if not gone})
    assert codes_in(raw, hidden, "here") == tuple(shown)


def test_no_value_has_a_hidden_meaning() -> None:
    raw = np.array([[1, 255]], np.uint8)
    with pytest.raises(SourceError, match=r"(?s)does not know.*255 \(1 cells\).*missing"):
        class_codes(raw, legend_of([1, 2]), None, "here")
    for said in (
        class_codes(raw, legend_of([1, 2]), 255, "here"),  # by the file's tag
        class_codes(raw, legend_of([1, 2], (255,)), None, "here"),  # by the legend
        class_codes(raw, legend_of([1, 2]), None, "here", raw == 255),  # by a mask
    ):
        np.testing.assert_array_equal(said, [[1, NO_DATA]])
    np.testing.assert_array_equal(class_codes(raw, legend_of([1, 255]), None, "here"), [[1, 2]])


def test_a_class_wins_over_the_tag() -> None:
    raw = np.array([0, 1], np.uint8)
    np.testing.assert_array_equal(class_codes(raw, legend_of([0, 1]), 0, "here"), [0, 1])


@pytest.mark.parametrize("broken", [2.5, np.inf])
def test_numbers_are_no_classes(broken: float) -> None:
    raw = np.array([[1.0, broken, np.nan]])
    with pytest.raises(SourceError, match=r"fractions|does not know"):
        class_codes(raw, legend_of([1, 2]), None, "here")


def test_codes_beyond_two_bytes_are_told_with_the_remedy() -> None:
    with pytest.raises(SourceError, match=r"(?s)out of range.*-99999.*--nodata -99999"):
        codes_in(np.array([1, -99999], np.int32), None, "here")
