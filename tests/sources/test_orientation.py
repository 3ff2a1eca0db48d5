"""The mirror image of a map among its neighbours in time: found, not cried, taken by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.errors import SourceError
from ai4land.grid import Window
from ai4land.sources import HildaOptions, open_hilda
from provider_files.tiny import HILDA_V1, class_map, write_series

Codes = npt.NDArray[np.uint8]
V1 = HildaOptions(version="v1")
AS_STORED = HildaOptions(version="v1", orientation="as_stored")


def looked_at(
    folder: Path, maps: Mapping[int, Codes], options: HildaOptions = V1
) -> Mapping[str, object]:
    """What a source finds in a series of maps, all years and all cells."""
    source = open_hilda(write_series(folder, HILDA_V1, maps, cell=0.01), options)
    return source.inspect("land_use", tuple(maps), Window(0, 0, *next(iter(maps.values())).shape))


def patchy(side: int, seed: int, patch: int = 5) -> Codes:
    """Classes in square patches, so that neighbouring cells say one thing."""
    few = class_map(-(-side // patch), -(-side // patch), seed, codes=(11, 22, 33, 44))
    return np.kron(few, np.ones((patch, patch), np.uint8))[:side, :side]


def restless(values: Codes, share: float, seed: int) -> Codes:
    """The map a year later, when a share of its cells has another class."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(values.shape) < share, class_map(*values.shape, seed + 50), values)


def test_an_honest_year_that_becomes_like_its_mirror_image_is_not_refused(tmp_path: Path) -> None:
    """A slice of 6 pixels in which pasture and forest change places in part, as around 1960."""
    before = np.full((6, 6), 33, np.uint8)
    before[:3] = 44
    after = before.copy()
    after[:3, :4], after[3:, :4] = 33, 44  # two thirds are the mirror image now
    maps = {1958: before, 1959: before, 1960: after, 1961: after}
    assert looked_at(tmp_path, maps) == {}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("years", [2, 3, 6])
def test_honest_patches_that_change_at_once_are_not_refused(
    tmp_path: Path, years: int, seed: int
) -> None:
    """Every patch is drawn anew half way: a mirror image agrees as well as the map itself."""
    one, two = patchy(20, seed), patchy(20, seed + 100)
    maps = {2000 + y: restless(one if 2 * y < years else two, 0.03, y) for y in range(years)}
    assert looked_at(tmp_path, maps) == {}


@pytest.mark.parametrize("flipped", [{0}, {3}, {5}, {2, 3}, {3, 4, 5}])
@pytest.mark.parametrize(("axis", "how"), [(0, "upside down"), (1, "reversed east–west")])
@pytest.mark.parametrize("side", [20, 60])
def test_a_mirrored_map_is_found_wherever_it_stands(
    tmp_path: Path, side: int, axis: int, how: str, flipped: set[int]
) -> None:
    straight = [restless(patchy(side, 1), 0.05, y) for y in range(6)]
    maps = {
        2000 + y: np.ascontiguousarray(np.flip(m, axis)) if y in flipped else m
        for y, m in enumerate(straight)
    }
    break_at = min(flipped) if min(flipped) > 0 else max(flipped) + 1
    with pytest.raises(SourceError, match=rf"(?s)looks {how}.*_{2000 + break_at}_"):
        looked_at(tmp_path, maps)


def test_two_maps_alone_decide_where_the_window_is_large(tmp_path: Path) -> None:
    one = patchy(60, 1)
    with pytest.raises(SourceError, match=r"(?s)upside down.*_2012_"):
        looked_at(tmp_path / "large", {2009: one, 2012: restless(one, 0.1, 1)[::-1]})
    small = one[:10, :10]
    assert looked_at(tmp_path / "small", {2009: small, 2012: restless(small, 0.1, 1)[::-1]}) == {}


def test_a_map_that_is_right_as_it_is_is_taken_by_name_and_noted(tmp_path: Path) -> None:
    one = patchy(60, 1)
    maps = {2000: one, 2001: one, 2002: one[::-1]}
    with pytest.raises(SourceError, match="orientation: as_stored"):
        looked_at(tmp_path, maps)
    found = looked_at(tmp_path, maps, AS_STORED)
    assert "_2002_" in str(found["orientation"])
    assert "upside down" in str(found["orientation"])
    assert looked_at(tmp_path, {2000: one, 2001: one}, AS_STORED) == {}


@pytest.mark.realdata
class TestCrete:
    """Slices of real HILDA+, where the back-cast years meet the observed ones."""

    YEARS = tuple(range(1955, 1965))
    REFUSED = ((36, 106, 6), (39, 76, 8), (46, 68, 10), (40, 126, 14), (32, 116, 20))

    @pytest.mark.parametrize("side", [6, 8, 10, 14, 20, 40])
    def test_honest_slices_are_not_refused(self, realdata: Path, side: int) -> None:
        source = open_hilda(realdata / "hilda_crete", V1)
        rng = np.random.default_rng(1)
        for _ in range(60):
            row, col = int(rng.integers(0, 91 - side)), int(rng.integers(0, 289 - side))
            assert source.inspect("land_use", self.YEARS, Window(row, col, side, side)) == {}

    def test_the_slices_that_a_fixed_margin_refused(self, realdata: Path) -> None:
        source = open_hilda(realdata / "hilda_crete", V1)
        for row, col, side in self.REFUSED:
            assert source.inspect("land_use", self.YEARS, Window(row, col, side, side)) == {}

    @pytest.mark.parametrize(("side", "found"), [(20, 0.7), (40, 0.9), (80, 1.0)])
    def test_flipped_years_are_found(
        self, realdata: Path, tmp_path: Path, side: int, found: float
    ) -> None:
        """The share of slices in which a flipped year is found; what is half sea may not tell."""
        source = open_hilda(realdata / "hilda_crete", V1)
        rng = np.random.default_rng(1)
        caught = slices = 0
        while slices < 20:
            window = Window(
                int(rng.integers(0, 91 - side)), int(rng.integers(0, 289 - side)), side, side
            )
            maps = {y: source.read("land_use", y, window) for y in self.YEARS}
            if not maps[1955].any():
                continue
            slices += 1
            year = int(rng.integers(1956, 1965))
            maps[year] = np.flip(maps[year], int(rng.integers(0, 2)))
            try:
                looked_at(tmp_path / str(slices), maps)
            except SourceError:
                caught += 1
        assert caught / slices >= found
