"""A cube read in another legend: pixels by crosswalk, shares added up, nothing copied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ai4land.cube import Cube
from ai4land.errors import CubeError
from ai4land.grid import Window
from ai4land.vocabulary import NO_DATA, crosswalk, legend
from tiny_cubes import COARSE, FINE, LANDUSE8, fractions, land_maps, write_labels

HILDA = legend("hildaplus_v1")
YEARS = (2000, 2001, 2002)


def hilda_maps() -> dict[int, np.ndarray]:
    """The tiny maps in the codes of HILDA+, with ice in the north-east."""
    names = {"other": "sparse"}
    codes = np.full(256, NO_DATA, np.uint8)
    for item in LANDUSE8.classes:
        codes[item.code] = HILDA.codes[HILDA.index(names.get(item.name, item.name))]
    maps = {year: codes[values] for year, values in land_maps(YEARS).items()}
    for values in maps.values():
        values[:4, 40:] = 99
    return maps


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Cube:
    return write_labels(tmp_path_factory.mktemp("h") / "c.zarr", hilda_maps(), FINE, COARSE, HILDA)


def test_maps_and_shares_are_those_of_a_cube_built_in_the_legend(
    stored: Cube, tmp_path: Path
) -> None:
    lookup = crosswalk("hildaplus_v1", "landuse8").lookup()
    expected = {}
    for year, codes in hilda_maps().items():
        values = np.full(codes.shape, NO_DATA, np.uint8)
        for item in HILDA.classes:
            values[codes == item.code] = LANDUSE8.codes[LANDUSE8.index(lookup[item.name])]
        expected[year] = values
    found = stored.in_legend(LANDUSE8)
    shares = fractions(expected, FINE, COARSE)
    for year in YEARS:
        np.testing.assert_array_equal(found.read("land_use", year), expected[year])
        read = found.read("land_use_fractions", year)
        assert read.dtype == np.float32
        np.testing.assert_allclose(read, shares[year], atol=1e-6)
        assert (read[LANDUSE8.names.index("ocean")] == 0).all(), "ice is no share of land"
    assert stored.read("land_use", 2000)[0, 47] == 99, "the cube itself stays as it was"
    built = write_labels(tmp_path / "c.zarr", expected, FINE, COARSE)
    for name in built.variables:
        assert found.variable(name).legend == built.variable(name).legend
        assert found.variable(name).components == built.variable(name).components


def test_windows_series_and_cuts_are_recoded_alike(stored: Cube) -> None:
    found = stored.in_legend(LANDUSE8)
    whole = found.read("land_use_fractions", 2001)
    np.testing.assert_array_equal(
        found.read("land_use_fractions", 2001, Window(1, 2, 3, 3)), whole[:, 1:4, 2:5]
    )
    every = found.series("land_use_fractions", Window(1, 2, 3, 3))
    assert every.shape == (3, 8, 3, 3)
    np.testing.assert_array_equal(every[1], whole[:, 1:4, 2:5])
    beyond = found.read("land_use", 2000, Window(-2, -2, 4, 4))
    assert (beyond[:2] == NO_DATA).all()
    assert np.isnan(found.read("land_use_fractions", 2000, Window(-1, 0, 1, 1))).all()
    part = found.within(FINE.crop(Window(8, 16, 16, 16)))
    assert part.read("land_use", 2002).shape == (16, 16)
    np.testing.assert_array_equal(
        part.read("land_use", 2002), found.read("land_use", 2002)[8:24, 16:32]
    )
    assert part.read("land_use_fractions", 2002).shape[0] == len(LANDUSE8)


def test_what_is_in_the_legend_already_stays(tiny_cube: Cube, stored: Cube) -> None:
    assert tiny_cube.in_legend(LANDUSE8) is tiny_cube
    twice = stored.in_legend(LANDUSE8).in_legend(LANDUSE8)
    np.testing.assert_array_equal(
        twice.read("land_use", 2000), stored.in_legend(LANDUSE8).read("land_use", 2000)
    )


def test_a_legend_that_nothing_leads_to_is_refused(stored: Cube) -> None:
    with pytest.raises(CubeError, match=r"(?s)Nothing.*mapbiomas_v2_3.*hildaplus_v1"):
        stored.in_legend(legend("mapbiomas_v2_3"))


def test_mapbiomas_goes_to_the_eight_classes_pixel_by_pixel() -> None:
    table = crosswalk("mapbiomas_v2_3", "landuse8").lookup()
    assert set(table) == set(legend("mapbiomas_v2_3").names)
    assert table["savanna_formation"] == "forest"
    assert table["agriculture"] == "cropland"
    assert table["not_observed"] == "ocean"
    assert ("cropland", "pasture") in crosswalk("mapbiomas_v2_3", "landuse8").shared
