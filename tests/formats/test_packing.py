"""What is missing in a NetCDF variable, for every type and every fill; golden values by hand."""

from __future__ import annotations

import math
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai4land.errors import SourceError
from ai4land.formats import Packing, opened_netcdf

TYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")
INTEGERS = {"i1": (-128, 127), "u1": (0, 255), "i2": (-32768, 32767), "u2": (0, 65535)}
INTEGERS |= {"i4": (-(2**31), 2**31 - 1), "u4": (0, 2**32 - 1)}
INTEGERS |= {"i8": (-(2**63), 2**63 - 1), "u8": (0, 2**64 - 1)}
LIBRARY = {"i2": -32767, "u2": 65535, "i4": -2147483647, "u4": 4294967295}  # NetCDF's netcdf.h
LIBRARY |= {"i8": -9223372036854775806, "u8": 18446744073709551614}
LIBRARY |= {"f4": 9.969209968386869e36, "f8": 9.969209968386869e36}
FILLS = (0, 1, 5, -1, -9999, 255, 65535, -32768, 0.5, 1e20, -1e34, 1e-300, 1e300)
FILLS += (math.nan, math.inf)
tidy = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def held(kind: str, fill: float) -> bool:
    """Whether numbers of a type can be such a fill, thought out apart from the code."""
    if kind in INTEGERS:
        low, high = INTEGERS[kind]
        return math.isfinite(fill) and fill == int(fill) and low <= int(fill) <= high
    if not math.isfinite(fill):
        return False
    return not (kind == "f4" and fill in {1e300, 1e-300})


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("form", ["scalar", "vector", "text"])
def test_fill_that_type_holds_masks_itself_and_no_other_masks_anything(
    kind: str, fill: float, form: str
) -> None:
    words = {"scalar": np.float64(fill), "vector": np.array([fill, fill]), "text": str(fill)}
    packing = Packing.of_attributes(np.dtype(kind), {"missing_value": words[form]}, "x")
    stored = np.array([0, 1, 5, 100], dtype=kind)
    own = np.float32(fill) if kind == "f4" and held(kind, fill) else fill
    for number, missing in zip(stored.tolist(), packing.missing(stored).tolist(), strict=True):
        assert missing == (held(kind, fill) and number == own)
    if held(kind, fill):
        assert packing.missing(np.array([own], dtype=kind)).all()


@given(
    kind=st.sampled_from(TYPES),
    attribute=st.sampled_from(TYPES),
    numbers=st.lists(st.integers(-(2**63), 2**64 - 1), min_size=1, max_size=6),
    data=st.data(),
)
@tidy
def test_whole_numbers_are_missing_exactly_if_equal(
    kind: str, attribute: str, numbers: list[int], data: st.DataObject
) -> None:
    def fits(number: int, of: str) -> bool:
        return of not in INTEGERS or INTEGERS[of][0] <= number <= INTEGERS[of][1]

    small = [n for n in numbers if fits(n, kind) and (kind in INTEGERS or abs(n) < 2**24)] or [1]
    fill = data.draw(st.sampled_from([*[n for n in numbers if abs(n) < 2**24], *small, 0]))
    if not fits(fill, attribute) or (attribute == "f4" and abs(fill) >= 2**24):
        return
    if attribute == "f8" and abs(fill) >= 2**53:
        return
    packing = Packing.of_attributes(
        np.dtype(kind), {"missing_value": np.array(fill, dtype=attribute)[()]}, "x"
    )
    found = packing.missing(np.array(small, dtype=kind)).tolist()
    assert found == [n == fill for n in small]


def test_float_fill_is_compared_as_the_type_writes_it() -> None:
    single = Packing.of_attributes(np.dtype("f4"), {"missing_value": np.float64(1e20)}, "x")
    assert single.missing(np.array([1e20, 1.1e20], dtype="f4")).tolist() == [True, False]
    double = Packing.of_attributes(np.dtype("f8"), {"missing_value": np.float32(1e20)}, "x")
    written = [1e20, 100000002004087734272.0, 1.0001e20]  # the digits; the single number; another
    assert double.missing(np.array(written)).tolist() == [True, True, False]


def test_byte_255_is_a_value_if_nothing_says_otherwise(tmp_path: Path) -> None:
    for kind, number in (("u1", 255), ("i1", -127)):
        with netCDF4.Dataset(tmp_path / f"{kind}.nc", "w") as file:
            file.createDimension("x", 1)
            file.createVariable("v", kind, ("x",))[:] = number
        with opened_netcdf(tmp_path / f"{kind}.nc") as file:
            assert Packing.of(file["v"]).floats(file["v"][:]).tolist() == [float(number)]


@pytest.mark.parametrize("kind", LIBRARY)
def test_what_was_never_written_is_missing(tmp_path: Path, kind: str) -> None:
    with netCDF4.Dataset(tmp_path / "x.nc", "w") as file:
        file.createDimension("x", 3)
        file.createVariable("v", kind, ("x",))[1:2] = 7
    with opened_netcdf(tmp_path / "x.nc") as file:
        raw = file["v"][:]
        assert raw[0] == np.array(LIBRARY[kind], dtype=kind)
        np.testing.assert_array_equal(Packing.of(file["v"]).floats(raw), [np.nan, 7, np.nan])


def test_signed_bytes_that_mean_unsigned() -> None:
    raw = np.array([0, 1, 127, -128, -56, -36, -1], dtype=np.int8)
    attributes = {"_Unsigned": "true", "_FillValue": np.int8(-1)}
    attributes["valid_range"] = np.array([1, -36], dtype=np.int8)  # 1…220
    packing = Packing.of_attributes(np.dtype("i1"), attributes, "x")
    expected = [np.nan, 1, 127, 128, 200, 220, np.nan]
    np.testing.assert_array_equal(packing.values(raw), expected)
    np.testing.assert_array_equal(packing.floats(raw), np.array(expected, dtype="f4"))
    wide = Packing.of_attributes(
        np.dtype("i1"), {"_Unsigned": "true", "_FillValue": np.int16(255)}, "x"
    )
    assert wide.missing(raw).tolist() == [False] * 6 + [True]


@pytest.mark.parametrize(
    ("attributes", "missing"),
    [
        ({"valid_min": 2}, [True, False, False, False]),
        ({"valid_max": np.int16(300)}, [False, False, False, False]),
        ({"valid_range": np.array([2, 5], "u1")}, [True, False, False, True]),
        ({"valid_range": np.array([2.0, 5.0], "f8")}, [True, False, False, True]),
        ({"valid_range": "2, 5"}, [True, False, False, True]),
        ({"valid_range": np.array([5, 2], "u1")}, [False] * 4),  # upside down: limits nothing
        ({"valid_min": math.nan, "valid_max": math.inf}, [False] * 4),
        (
            {"valid_max": 5, "missing_value": np.array([2, 900, -3], "i4")},
            [False, True, False, True],
        ),
    ],
)
def test_numbers_beyond_their_range_are_missing(attributes: dict, missing: list[bool]) -> None:
    packing = Packing.of_attributes(np.dtype("u1"), attributes, "x")
    assert packing.missing(np.array([1, 2, 5, 6], dtype="u1")).tolist() == missing


def test_range_of_single_numbers_is_rounded_as_they_are() -> None:
    packing = Packing.of_attributes(np.dtype("f4"), {"valid_max": np.float64(0.1)}, "x")
    assert packing.missing(np.array([0.1, 0.10001], dtype="f4")).tolist() == [False, True]


def test_range_of_packed_numbers_is_of_stored_ones_unless_written_as_floats() -> None:
    base = {"scale_factor": 0.01, "add_offset": 1.0}
    stored = Packing.of_attributes(np.dtype("i2"), base | {"valid_max": np.int16(100)}, "x")
    meant = Packing.of_attributes(np.dtype("i2"), base | {"valid_max": np.float32(2.0)}, "x")
    turned = Packing.of_attributes(
        np.dtype("i2"), {"scale_factor": -0.5, "valid_min": 0.0, "valid_max": 10.0}, "x"
    )
    raw = np.array([0, 100, 101], dtype="i2")
    np.testing.assert_array_equal(stored.values(raw), [1.0, 2.0, np.nan])
    np.testing.assert_array_equal(meant.values(raw), [1.0, 2.0, np.nan])
    np.testing.assert_array_equal(turned.values(np.array([-20, 0, 1], "i2")), [10, 0, np.nan])


@given(
    scale=st.floats(1e-3, 1e3),
    offset=st.floats(-1e3, 1e3),
    stored=st.lists(st.integers(-32767, 32767), min_size=1, max_size=8),
)
@tidy
def test_unpacked_as_the_conventions_say(scale: float, offset: float, stored: list[int]) -> None:
    attributes = {"scale_factor": scale, "add_offset": offset, "_FillValue": np.int16(-32768)}
    packing = Packing.of_attributes(np.dtype("i2"), attributes, "x")
    got = packing.values(np.array([*stored, -32768], dtype="i2"))
    assert got[:-1].tolist() == [n * scale + offset for n in stored]
    assert math.isnan(got[-1])


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({"scale_factor": "a tenth"}, "not one number"),
        ({"scale_factor": np.array([0.1, 0.2])}, "not one number"),
        ({"add_offset": math.nan}, "not one number"),
        ({"scale_factor": 0.0}, "scale factor is 0"),
    ],
)
def test_packing_that_is_none_is_refused_and_its_remedy_works(attributes: dict, text: str) -> None:
    with pytest.raises(SourceError, match=text):
        Packing.of_attributes(np.dtype("i2"), attributes, "v")
    assert not Packing.of_attributes(np.dtype("i2"), {}, "v").packed  # deleted


def test_text_is_no_number() -> None:
    with pytest.raises(SourceError, match="does not hold numbers"):
        Packing.of_attributes(np.dtype("S1"), {}, "v")
    packing = Packing.of_attributes(np.dtype("f4"), {"missing_value": "none of these"}, "v")
    assert packing.fills == ()
