"""Smoothing in time: pixel by pixel, within its cuts, and what it reports."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.errors import ConfigError, SourceError
from ai4land.grid import Window
from ai4land.recipes import build_cube, load_recipe
from ai4land.sources import (
    Deflicker,
    Deflickered,
    GeotiffSeriesOptions,
    HildaOptions,
    Source,
    count_reversals,
    open_geotiff_series,
    open_hilda,
)
from ai4land.sources.class_series.flicker import majority_of, runs_of, settle
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.vocabulary import NO_DATA, Place, validated, variable
from provider_files.tiny import HILDA_V1, class_map, write_series

Codes = npt.NDArray[np.uint8]

LETTERS = {"A": 22, "B": 33, "C": 44, "-": NO_DATA}
NAMES = {code: letter for letter, code in LETTERS.items()}
SMOOTH = "land_use_smoothed"
PIXEL = Window(0, 0, 1, 1)


def spelled(text: str) -> list[Codes]:
    """One pixel through time, a letter a year."""
    return [np.array([[LETTERS[c]]], dtype=np.uint8) for c in text]


def smoothed(text: str, method: str, window: int = 3) -> str:
    """One pixel through time after smoothing, without cuts."""
    maps = spelled(text)
    if method == "majority":
        half = window // 2
        out = [
            majority_of(maps[max(i - half, 0) : i + half + 1], min(i, half))
            for i in range(len(maps))
        ]
    else:
        out, held = [], np.array([[NO_DATA]], dtype=np.uint8)
        for i in range(len(maps)):
            held = settle(held, maps[i : i + window - 1])
            out.append(np.where(maps[i] == NO_DATA, maps[i], held))
    return "".join(NAMES[int(m[0, 0])] for m in out)


def returns(text: str, longest: int) -> dict[int, int]:
    """A→B→A by years away, by looking at runs of letters."""
    runs: list[list[str]] = []
    for letter in text:
        if not runs or runs[-1][0] != letter:
            runs.append([])
        runs[-1].append(letter)
    found = Counter(
        len(runs[i])
        for i in range(1, len(runs) - 1)
        if runs[i - 1][0] == runs[i + 1][0] and "-" not in {runs[i][0], runs[i - 1][0]}
    )
    return {years: found.get(years, 0) for years in range(1, longest + 1)}


class TestPixels:
    @pytest.mark.parametrize(
        ("text", "window", "expected"),
        [
            ("AABAA", 3, "AAAAA"),
            ("ABA", 3, "AAA"),
            ("AAABBB", 3, "AAABBB"),  # a change that stays is not touched and not delayed
            ("AABBAA", 3, "AABBAA"),  # two years away are no flicker in a window of 3 …
            ("AABBAA", 5, "AAAAAA"),  # … but in one of 5
            ("ABABABBB", 3, "AAAAABBB"),  # alternation settles on what was first
            ("AABCAA", 3, "AABCAA"),
            ("AABCAA", 4, "AAAAAA"),  # away in two other classes, back within two years
            ("AAAB", 3, "AAAB"),  # nothing after it says that it goes back
            ("BAAA", 3, "BAAA"),
            ("A-BAA", 3, "A-AAA"),  # a missing year stays missing and undoes nothing
            ("-BAA", 3, "-BAA"),
        ],
    )
    def test_reversals_are_undone(self, text: str, window: int, expected: str) -> None:
        assert smoothed(text, "reversal", window) == expected

    @pytest.mark.parametrize(
        ("text", "window", "expected"),
        [
            ("AABAA", 3, "AAAAA"),
            ("AAABBB", 3, "AAABBB"),
            ("AABBAA", 3, "AABBAA"),
            ("AABBAAA", 5, "AAAAAAA"),
            ("ABC", 3, "ABC"),  # no winner: the raw class stays
            ("AB", 3, "AB"),
            ("A-B", 3, "A-B"),
            ("A-A", 3, "A-A"),  # a missing year is not filled
            ("ABABA", 3, "AABAA"),  # an alternation inside goes on, the wrong way round
        ],
    )
    def test_majorities(self, text: str, window: int, expected: str) -> None:
        assert smoothed(text, "majority", window) == expected

    @settings(deadline=None, max_examples=150)
    @given(st.text("ABC", min_size=1, max_size=14), st.integers(3, 7))
    def test_no_return_within_the_window_is_left(self, text: str, window: int) -> None:
        out = smoothed(text, "reversal", window)
        assert sum(returns(out, window - 2).values()) == 0
        assert smoothed(out, "reversal", window) == out
        assert out[0] == text[0]

    @settings(deadline=None, max_examples=150)
    @given(st.text("ABC-", min_size=1, max_size=9), st.integers(0, 8))
    def test_a_majority_is_a_single_winner_or_the_raw_class(self, text: str, middle: int) -> None:
        middle = min(middle, len(text) - 1)
        votes = Counter(text.replace("-", "")).most_common(2)
        own = text[middle]
        single = own != "-" and (len(votes) == 1 or votes[0][1] > votes[1][1])
        found = NAMES[int(majority_of(spelled(text), middle)[0, 0])]
        assert found == (votes[0][0] if single else own)

    @settings(deadline=None, max_examples=150)
    @given(st.text("ABC-", max_size=14))
    def test_returns_are_counted_as_by_hand(self, text: str) -> None:
        assert count_reversals(spelled(text), 4) == returns(text, 4)

    def test_every_return_of_an_alternation_counts(self) -> None:
        assert count_reversals(spelled("ABABA"), 2) == {1: 3, 2: 0}
        assert count_reversals([], 2) == {1: 0, 2: 0}


def test_runs_end_at_holes_and_breaks() -> None:
    ticks = (2000, 2001, 2003, 2004, 2005, 2006)
    assert runs_of(ticks, ()) == ((2000, 2001), (2003, 2004, 2005, 2006))
    assert runs_of(ticks, {2005, 2003}) == ((2000, 2001), (2003, 2004), (2005, 2006))


def folder_of(folder: Path, text: str, first: int = 2000) -> Path:
    """A series of one pixel (and a constant one) whose years spell a text; ``.`` is no file."""
    maps = {
        first + i: np.array([[LETTERS[c], 11], [11, 11]], dtype=np.uint8)
        for i, c in enumerate(text)
        if c != "."
    }
    return write_series(folder, HILDA_V1, maps)


def opened(folder: Path, **deflicker: object) -> Source:
    values = {"version": "v1", "deflicker": deflicker} if deflicker else {"version": "v1"}
    return open_hilda(folder, validated(values, HildaOptions, Place("recipe")))


def spell(source: Source, name: str = SMOOTH, ticks: Sequence[int] | None = None) -> str:
    """The pixel through time as the source gives it."""
    years = source.fields[name].ticks if ticks is None else ticks
    return "".join(NAMES[int(source.read(name, t, PIXEL)[0, 0])] for t in years)


class TestBeside(SourceContract):
    """Raw and smoothed labels of one source pass the contract side by side."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        maps = {y: class_map(500, 600, seed=y % 2) for y in range(1999, 2004)}
        write_series(tmp_path, HILDA_V1, maps, cell=0.01)
        return opened(tmp_path, method="reversal", window=3)

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        one, two = class_map(500, 600, seed=1), class_map(500, 600, seed=0)
        return [
            Landmark("land_use", 2000, 35.005, 20.005, float(two[499, 0])),
            Landmark(SMOOTH, 2000, 35.005, 20.005, float(one[499, 0])),  # flickers every year
            Landmark(SMOOTH, 2003, 38.995, 25.995, float(one[100, 599])),
        ]


class TestCuts:
    def test_a_break_hides_all_later_years(self, tmp_path: Path) -> None:
        """What is learnt before a split does not depend on what comes after it."""
        for method in ("reversal", "majority"):
            for i, (one, two) in enumerate((("AAABAAA", "AAABBBB"), ("AAABAAA", "AAABCCC"))):
                seen = []
                for text in (one, two):
                    folder = folder_of(tmp_path / f"{method}{i}{text}", text)
                    source = opened(folder, method=method, window=3, breaks=[2004])
                    seen.append(spell(source, ticks=range(2000, 2004)))
                assert seen[0] == seen[1] == "AAAB"

    def test_nor_do_earlier_years_reach_beyond_it(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path, "AABAAA")
        assert spell(opened(folder, method="reversal", breaks=[2002])) == "AABAAA"
        assert spell(opened(folder, method="majority", breaks=[2002])) == "AABAAA"
        assert spell(opened(folder, method="reversal")) == "AAAAAA"

    def test_a_missing_year_cuts_too(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path, "AAB.AA")
        assert spell(opened(folder, method="reversal", window=5)) == "AABAA"

    def test_years_in_any_order_and_windows_give_the_same(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(3)
        flips = {
            y: np.where(rng.random((12, 16)) < 0.3, 33, 22).astype(np.uint8)
            for y in range(2000, 2012)
        }
        write_series(tmp_path, HILDA_V1, flips)
        whole = Window(0, 0, 12, 16)
        part = Window(3, 4, 5, 6)
        for method in ("reversal", "majority"):
            fresh = {
                y: opened(tmp_path, method=method, breaks=[2006]).read(SMOOTH, y, whole)
                for y in flips
            }
            source = opened(tmp_path, method=method, breaks=[2006])
            for y in (*reversed(flips), *flips, *rng.permutation(list(flips)).tolist()):
                np.testing.assert_array_equal(source.read(SMOOTH, y, whole), fresh[y])
                np.testing.assert_array_equal(
                    source.read(SMOOTH, y, part), fresh[y][part.slices], err_msg=f"{method} {y}"
                )

    def test_it_travels_to_other_processes_without_what_it_read(self, tmp_path: Path) -> None:
        source = Deflickered(opened(folder_of(tmp_path, "ABA")), Deflicker(method="reversal"))
        source.read(SMOOTH, 2001, PIXEL)
        empty = len(pickle.dumps(source))
        source.read(SMOOTH, 2001, Window(0, 0, 2, 2))
        assert len(pickle.dumps(source)) == empty
        assert spell(pickle.loads(pickle.dumps(source))) == "AAA"


class TestReport:
    def test_reversals_before_and_after(self, tmp_path: Path) -> None:
        source = opened(folder_of(tmp_path, "AABAABBAA"), method="reversal", window=3)
        notes = source.inspect(SMOOTH, source.fields[SMOOTH].ticks, Window(0, 0, 2, 2))
        said = notes["deflicker"]
        assert (said["method"], said["window"], said["breaks"]) == ("reversal", 3, [])
        assert said["reversals_before"] == {"1": 1, "2": 2, "3": 0, "4": 0, "5": 0}
        assert said["reversals_after"] == {"1": 0, "2": 1, "3": 0, "4": 0, "5": 0}
        assert said["changed_share"] == pytest.approx(1 / 36, abs=1e-6)
        assert "rows_looked_at" not in said

    def test_reversals_across_a_break_are_left_and_counted(self, tmp_path: Path) -> None:
        source = opened(folder_of(tmp_path, "AABAA"), method="reversal", breaks=[2003])
        said = source.inspect(SMOOTH, (2000, 2004), PIXEL)["deflicker"]
        assert said["reversals_after"]["1"] == 1

    def test_a_large_window_is_looked_at_in_evenly_spaced_rows(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ai4land.sources.class_series.deflickered._SURVEY_PIXELS", 160)
        monkeypatch.setattr("ai4land.sources.class_series.deflickered._STRIP_PIXELS", 32)
        maps = {y: class_map(40, 16, seed=y % 2) for y in range(2000, 2004)}
        write_series(tmp_path, HILDA_V1, maps)
        source = opened(tmp_path, method="majority")
        said = source.inspect(SMOOTH, (2000, 2003), Window(0, 0, 40, 16))["deflicker"]
        assert said["rows_looked_at"] == "10 of 40, evenly spaced"
        assert 0 < said["reversals_before"]["1"] < 2 * 160

    def test_raw_labels_have_no_such_note(self, tmp_path: Path) -> None:
        source = opened(folder_of(tmp_path, "ABA"), method="reversal")
        assert source.inspect("land_use", (2000, 2001, 2002), PIXEL) == {}
        assert spell(source, "land_use") == "ABA"

    def test_provenance_names_the_files_smoothing_looks_at(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path, "AAABAAA")
        for method, years in (("majority", (2003, 2004, 2005)), ("reversal", range(2000, 2006))):
            source = opened(folder, method=method)
            source.read(SMOOTH, 2004, PIXEL)
            expected = [HILDA_V1.format(year=y) for y in years]
            assert sorted(p.name for p in source.provenance({2004})) == expected


class TestOptions:
    @pytest.mark.parametrize(
        ("values", "text"),
        [
            ({"method": "majority", "window": 4}, r"(?s)odd window"),
            ({"method": "median"}, r"(?s)'majority' or 'reversal'"),
            ({"method": "reversal", "windw": 3}, r"(?s)Unknown key.*did you mean 'window'"),
            ({"method": "reversal", "window": 2}, r"(?s)greater than or equal to 3"),
        ],
    )
    def test_a_mistake_is_named(self, tmp_path: Path, values: dict[str, object], text: str) -> None:
        with pytest.raises(ConfigError, match=text):
            opened(folder_of(tmp_path, "ABA"), **values)

    def test_smoothed_labels_need_a_method(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"(?s)no such variable.*option `deflicker`"):
            opened(folder_of(tmp_path, "ABA")).fields[SMOOTH]

    def test_only_annual_classes_of_land(self, tmp_path: Path) -> None:
        options = GeotiffSeriesOptions(
            pattern=HILDA_V1, legend="hildaplus_v1", deflicker=Deflicker(method="reversal")
        )
        with pytest.raises(ConfigError, match=r"(?s)Only annual classes.*climate_zone"):
            open_geotiff_series(folder_of(tmp_path, "ABA"), options, variable("climate_zone"))


class TestAnySeries:
    def test_a_series_with_a_legend(self, tmp_path: Path) -> None:
        options = GeotiffSeriesOptions(
            pattern=HILDA_V1, legend="hildaplus_v1", deflicker=Deflicker(method="reversal")
        )
        folder = folder_of(tmp_path, "ABA")
        for name, smooth in (("land_use", SMOOTH), ("land_cover", "land_cover_smoothed")):
            source = open_geotiff_series(folder, options, variable(smooth))
            assert set(source.fields) == {name, smooth}
            assert (spell(source, name), spell(source, smooth)) == ("ABA", "AAA")

    def test_it_says_how_to_ask_for_smoothing(self, tmp_path: Path) -> None:
        options = GeotiffSeriesOptions(pattern=HILDA_V1, legend="hildaplus_v1")
        with pytest.raises(ConfigError, match=r"(?s)how it is smoothed.*deflicker.*'land_use'"):
            open_geotiff_series(folder_of(tmp_path, "ABA"), options, variable(SMOOTH))


def test_a_cube_holds_raw_and_smoothed_labels_beside_each_other(tmp_path: Path) -> None:
    folder_of(tmp_path / "hilda", "AABAAA")
    smooth = {"method": "reversal", "window": 3, "breaks": [2004]}
    entry = {"source": "hilda", "path": "hilda", "legend": "landuse8"}
    text = {
        "title": "Both",
        "years": {"first": 2000, "last": 2005},
        "variables": {
            "land_use": {**entry, "options": {"version": "v1"}},
            SMOOTH: {**entry, "options": {"version": "v1", "deflicker": smooth}},
        },
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    cube = build_cube(load_recipe(tmp_path / "recipe.yaml"), tmp_path / "cube.zarr")
    assert cube.group(SMOOTH).name == cube.group("land_use").name == "fine_annual"
    assert cube.attributes["notes"][SMOOTH]["deflicker"]["reversals_before"]["1"] == 1
    assert "land_use" not in cube.attributes["notes"]
    raw = [int(cube.read("land_use", t, PIXEL)[0, 0]) for t in range(2000, 2006)]
    found = [int(cube.read(SMOOTH, t, PIXEL)[0, 0]) for t in range(2000, 2006)]
    assert raw == [2, 2, 3, 2, 2, 2]
    assert found == [2, 2, 2, 2, 2, 2]


@pytest.mark.realdata
class TestCreteSmoothed(SourceContract):
    """Real annual labels of 102 years."""

    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        return opened(realdata / "hilda_crete", method="reversal", window=3, breaks=[1990])

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark(SMOOTH, 2000, 35.645, 23.475, 0),  # the Sea of Crete
            Landmark(SMOOTH, 1950, 35.335, 25.135, 11),  # Heraklion
        ]

    def test_flicker_goes_but_for_what_the_break_holds(self, source: Source) -> None:
        entry = source.fields[SMOOTH]
        said = source.inspect(SMOOTH, entry.ticks, entry.grid.window)["deflicker"]
        assert said["reversals_before"] == {"1": 15365, "2": 3648, "3": 1167, "4": 1291, "5": 386}
        assert said["reversals_after"]["1"] < 150
        assert said["changed_share"] < 0.01
