"""What all readers of files share: checked requests, files by time and variable, one grid."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.grid import Grid, Window
from ai4land.sources import Flag, Product, SourceField
from ai4land.sources.file_source import (
    FileSource,
    annual_files,
    check_bounds,
    check_one_grid,
    each_once,
    gaps_in,
)
from ai4land.vocabulary import Clock, variable

GRID = Grid.regular(0, 10, 1, 1, (4, 6))
FLAG = Flag("one year is wrong", ticks=(2001, 2001))


class Toy(FileSource):
    """Two variables, each of one file a year, and a mask of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        years = (2000, 2001, 2002)
        fields = {
            "land_share": SourceField(variable("land_share"), GRID, Clock.YEAR, years),
            "population_density": SourceField(
                variable("population_density"), GRID, Clock.YEAR, years, flags=(FLAG,)
            ),
            "elevation": SourceField(variable("elevation"), GRID, Clock.STATIC),
        }
        super().__init__(fields, Product("Toy", "1", "none", "nobody"), {"slope": "too flat"})

    def _values(
        self, entry: SourceField, tick: int | None, window: Window
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.full(window.shape, tick or 0, dtype=np.float32)

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        yield self._folder / f"{entry.variable.name}_{tick}"
        yield self._folder / "mask"


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    (tmp_path / "mask").write_text("m")
    (tmp_path / "elevation_None").write_text("e")
    for year in (2000, 2001, 2002):
        for name in ("land_share", "population_density"):
            (tmp_path / f"{name}_{year}").write_text(f"{name} {year}")
    return Toy(tmp_path)


def test_requests_are_checked_before_values_are_read(toy: Toy) -> None:
    assert toy.read("land_share", 2001, Window(0, 0, 1, 2)).tolist() == [[2001, 2001]]
    with pytest.raises(SourceError, match="no such time"):
        toy.read("land_share", 1999, GRID.window)
    with pytest.raises(SourceError, match=r"(?s)no such variable.*too flat"):
        toy.read("slope", None, GRID.window)
    with pytest.raises(SourceError, match="beyond the grid"):
        toy.inspect("elevation", (), Window(3, 0, 2, 2))


def test_flags_are_raised_for_the_times_that_they_concern(toy: Toy) -> None:
    assert toy.inspect("population_density", (2000, 2002), GRID.window) == {}
    notes = toy.inspect("population_density", (2000, 2001), GRID.window)
    assert [flag["text"] for flag in notes["known_wrong"]] == [FLAG.text]


def test_files_are_those_of_the_times_and_variables_asked_for(toy: Toy) -> None:
    def names(*asked: object) -> list[str]:
        return [entry.name for entry in toy.provenance(*asked)]  # type: ignore[arg-type]

    assert names({2001}, ["land_share"]) == ["land_share_2001", "mask"]
    assert names(None, ["elevation"]) == ["elevation_None", "mask"]
    assert names({2001}, ["elevation"]) == ["elevation_None", "mask"]  # static: of any time
    assert len(names()) == 3 + 3 + 1 + 1
    assert names(None, ["elevation", "land_share"]) == names(None, ["land_share", "elevation"])
    assert len({entry.sha256 for entry in toy.provenance()}) == 8


def test_a_grid_that_is_turned_is_told_from_another_one() -> None:
    turned = Grid.regular(0, 10, 1, 1, (6, 4))
    check_one_grid([(Path("a"), GRID), (Path("b"), GRID)])
    with pytest.raises(SourceError, match=r"(?s)another grid.*where: b.*as a.*swapped"):
        check_one_grid([(Path("a"), GRID), (Path("b"), turned)])
    with pytest.raises(SourceError, match=r"(?s)another grid.*a folder each"):
        check_one_grid([("a", GRID), ("b", Grid.regular(0, 10, 1, 1, (4, 5)))], "a folder each")


def test_two_files_of_the_same_are_named() -> None:
    assert each_once([(1, Path("a")), (2, Path("b"))], "year") == {1: Path("a"), 2: Path("b")}
    with pytest.raises(SourceError, match=r"(?s)Two files for one year.*a and c"):
        each_once([(1, Path("a")), (2, Path("b")), (1, Path("c"))], "year")


class TestAnnualFiles:
    def test_a_star_stands_for_anything_and_a_dot_for_a_dot(self, tmp_path: Path) -> None:
        for name in ("lc_2001_v2.tif", "lc_2000_v1.tif", "lc_2001_v2_tif", "lc_201.tif", "x.tif"):
            (tmp_path / name).touch()
        found = annual_files(tmp_path, "*_{year}*.tif")
        assert {year: file.name for year, file in found.items()} == {
            2000: "lc_2000_v1.tif",
            2001: "lc_2001_v2.tif",
        }
        assert list(found) == [2000, 2001]

    def test_two_files_of_a_year_are_named(self, tmp_path: Path) -> None:
        for name in ("lc_2001_v1.tif", "lc_2001_v2.tif"):
            (tmp_path / name).touch()
        with pytest.raises(SourceError, match=r"(?s)one year.*v1.tif and lc_2001_v2.*pattern"):
            annual_files(tmp_path, "lc_{year}_*.tif")
        assert list(annual_files(tmp_path, "lc_{year}_v2.tif")) == [2001]  # the remedy works

    def test_a_pattern_that_fits_nothing_says_what_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "lc.tif").touch()
        with pytest.raises(MissingFileError, match=r"(?s)No files.*lc_\{year\}.*found: lc.tif"):
            annual_files(tmp_path, "lc_{year}.tif")
        with pytest.raises(MissingFileError, match="no such folder"):
            annual_files(tmp_path / "away", "lc_{year}.tif")
        with pytest.raises(ConfigError, match="one place for the year"):
            annual_files(tmp_path, "lc_{year}_{year}.tif")


@given(st.sets(st.integers(1850, 1900), min_size=1))
def test_gaps_are_what_lies_between_and_is_not_there(years: set[int]) -> None:
    gaps = gaps_in(years, "lost")
    assert not gaps.keys() & years
    assert sorted(gaps.keys() | years) == list(range(min(years), max(years) + 1))


def test_numbers_beyond_the_bounds_are_refused_and_missing_ones_are_not() -> None:
    share = variable("land_share")
    check_bounds(np.array([0.0, 1.0, np.nan]), share, "x", "look")
    check_bounds(np.array([-1e-7]), share, "x", "look", below=1e-6)
    check_bounds(np.array([1e30]), variable("luh2_secondary_age"), "x", "look")  # open above
    for value in (-1e-3, 1.001, np.inf):
        with pytest.raises(SourceError, match=r"(?s)not land_share in 1.*0…1 1.*remedy: look"):
            check_bounds(np.array([value, 0.5]), share, "x", "look", below=1e-6)
