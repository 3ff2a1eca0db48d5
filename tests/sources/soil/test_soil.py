"""Soil: SoilGrids in both coordinate systems, HWSD, and the texture classes of WaterGAP."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from rasterio.transform import Affine
from rasterio.warp import transform as warp_points

from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.grid import Grid, Window
from ai4land.sources import SoilOptions, SoilTextureOptions, Source, open_soil, open_soil_texture
from ai4land.sources.resampling import translation
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.vocabulary import NO_DATA, legend
from provider_files.soil import (
    HOMOLOSINE,
    soilgrids_name,
    write_hwsd,
    write_soilgrids,
    write_soilgrids_homolosine,
    write_watergap_texture,
)

Floats = npt.NDArray[np.floating[Any]]
GRID = Grid.regular(0, 60, 1, 1, (40, 50))
DEPTHS = ("0-5cm", "5-15cm", "15-30cm")
THICKNESS = (5, 10, 15)


def layer(what: str, depth: str) -> Floats:
    """Whole numbers in mapped units, missing in the north-west."""
    rng = np.random.default_rng([*what.encode(), *depth.encode()])
    out = rng.integers(0, 480, GRID.shape).astype(np.float64)
    out[:10, :12] = np.nan
    return out


def topsoil(what: str) -> Floats:
    """Mean of 0–30 cm in mapped units."""
    layers = [layer(what, d) * t for d, t in zip(DEPTHS, THICKNESS, strict=True)]
    return np.asarray(sum(layers)) / 30


def soilgrids(folder: Path, *whats: str) -> Path:
    for what in whats:
        for depth in (*DEPTHS, "30-60cm"):
            write_soilgrids(folder / soilgrids_name(what, depth), layer(what, depth), GRID)
        quantile = soilgrids_name(what, DEPTHS[0], statistic="Q0.5")
        write_soilgrids(folder / quantile, layer(what, DEPTHS[0]) * 0 + 999, GRID)
    return folder


class TestSoilGrids(SourceContract):
    """EPSG:4326, three depths, int16 in mapped units with −32768 missing."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        return open_soil(soilgrids(tmp_path, "sand", "clay", "ocd"), SoilOptions())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        # g/kg are tenths of a percent; hg/m³ of carbon are tenths of kg/m³, 0.58 of the matter
        return [
            Landmark("sand", None, 59.5, 0.5, np.nan),
            Landmark("sand", None, 39.5, 30.5, float(topsoil("sand")[20, 30]) / 10),
            Landmark("clay", None, 20.5, 49.5, float(topsoil("clay")[39, 49]) / 10),
            Landmark("soil_organic", None, 39.5, 30.5, float(topsoil("ocd")[20, 30]) / 5.8),
        ]

    def test_quantiles_and_deeper_layers_are_not_read(self, source: Source) -> None:
        names = [p.name for p in source.provenance()]
        assert len(names) == 9
        assert not any("Q0.5" in n or "30-60cm" in n for n in names)
        assert {p.product for p in source.provenance()} == {"SoilGrids"}

    def test_the_notes_say_how_it_was_put_together(self, source: Source) -> None:
        note = source.inspect("sand", (), GRID.window)["recognised"]
        assert note["units"] == "g/kg"
        assert note["depth_weights"] == {"0-5cm": 0.166667, "5-15cm": 0.333333, "15-30cm": 0.5}


class TestSoilGridsFolder:
    def test_a_depth_that_is_missing(self, tmp_path: Path) -> None:
        soilgrids(tmp_path, "sand")
        (tmp_path / soilgrids_name("sand", "5-15cm")).unlink()
        with pytest.raises(MissingFileError, match=r"(?s)depth.*sand_5-15cm_mean.*`depths`"):
            open_soil(tmp_path, SoilOptions())
        source = open_soil(tmp_path, SoilOptions(depths=("0-5cm",)))
        found = source.read("sand", None, GRID.window)
        np.testing.assert_allclose(found, layer("sand", "0-5cm") / 10, rtol=1e-6)
        with pytest.raises(ConfigError, match=r"(?s)not understood.*0-5cm.*'5-0cm'"):
            open_soil(soilgrids(tmp_path, "clay"), SoilOptions(depths=("0-5cm", "5-0cm")))

    def test_two_resolutions(self, tmp_path: Path) -> None:
        soilgrids(tmp_path, "sand")
        path = tmp_path / soilgrids_name("sand", "0-5cm", resolution="_5000")
        write_soilgrids(path, layer("sand", "0-5cm"), GRID)
        with pytest.raises(SourceError, match=r"(?s)Two files.*_1000.tif.*one resolution"):
            open_soil(tmp_path, SoilOptions())

    def test_layers_on_two_grids(self, tmp_path: Path) -> None:
        soilgrids(tmp_path, "sand")
        other = Grid.regular(0, 60, 2, 2, (20, 25))
        path = tmp_path / soilgrids_name("sand", "0-5cm")
        write_soilgrids(path, layer("sand", "0-5cm")[::2, ::2], other)
        with pytest.raises(SourceError, match=r"(?s)another grid.*20 × 25.*40 × 50"):
            open_soil(tmp_path, SoilOptions())

    def test_carbon_as_a_share_of_mass_needs_the_bulk_density(self, tmp_path: Path) -> None:
        soilgrids(tmp_path, "sand")
        write_soilgrids(tmp_path / soilgrids_name("soc", "0-5cm"), layer("soc", "0-5cm"), GRID)
        source = open_soil(tmp_path, SoilOptions())
        with pytest.raises(SourceError, match=r"(?s)no such variable.*bulk density.*`ocd`"):
            source.fields["soil_organic"]
        with pytest.raises(SourceError, match=r"(?s)no such variable.*no clay"):
            source.fields["clay"]

    def test_nothing_of_the_soil(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError, match=r"(?s)No map of soil.*no raster or NetCDF"):
            open_soil(tmp_path, SoilOptions())


METRES = 50_000.0
WEST, NORTH = -900_000.0, 6_600_000.0  # inside one lobe
SHAPE = (132, 110)


def _formula(latitude: Floats, longitude: Floats) -> Floats:
    """A smooth field in g/kg by which a shifted or flipped map shows."""
    return 300 + 4 * latitude + 2 * longitude


def homolosine(path: Path) -> Path:
    """Europe and northern Africa in the coordinate system of SoilGrids, the ocean missing."""
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]]
    x = (WEST + METRES * (cols + 0.5)).ravel()
    y = (NORTH - METRES * (rows + 0.5)).ravel()
    lon, lat = warp_points(HOMOLOSINE, "EPSG:4326", x.tolist(), y.tolist())[:2]
    values = np.rint(_formula(np.reshape(lat, SHAPE), np.reshape(lon, SHAPE)))
    values[:, :6] = np.nan
    return write_soilgrids_homolosine(path, values, WEST, NORTH, METRES)


@pytest.fixture
def europe(tmp_path: Path) -> Path:
    homolosine(tmp_path / soilgrids_name("sand", "0-5cm"))
    return tmp_path


class TestHomolosine:
    def test_it_is_refused_with_the_remedy(self, europe: Path) -> None:
        text = r"(?s)another coordinate system.*EPSG:4326.*`reproject: average`"
        with pytest.raises(SourceError, match=text):
            open_soil(europe, SoilOptions(depths=("0-5cm",)))

    @pytest.mark.parametrize(("method", "error"), [("average", 0.3), ("bilinear", 0.1)])
    def test_reprojected_it_stands_where_it_should(
        self, europe: Path, method: Literal["average", "bilinear"], error: float
    ) -> None:
        options = SoilOptions(depths=("0-5cm",), reproject=method, cells_per_degree=2)
        source = open_soil(europe, options)
        grid = source.fields["sand"].grid
        assert grid == Grid.regular(-180, 90, "1/2", "1/2", (360, 720))
        box = grid.window_of(0, 10, 30, 50)
        found = source.read("sand", None, box)
        part = grid.crop(box)
        wanted = _formula(part.latitudes()[:, None], part.longitudes()[None]) / 10
        assert float(np.abs(found - wanted).max()) < error
        part_of_it = source.read("sand", None, Window(box.row + 10, box.col + 7, 5, 9))
        np.testing.assert_allclose(part_of_it, found[10:15, 7:16], atol=1e-4)

    def test_beyond_the_map_and_at_sea_it_is_missing(self, europe: Path) -> None:
        options = SoilOptions(depths=("0-5cm",), reproject="average", cells_per_degree=2)
        source = open_soil(europe, options)
        grid = source.fields["sand"].grid
        for lon, lat in ((-150, 40), (60, 10), (-9.5, 20), (10, -60)):
            box = grid.window_of(lon, lat, lon + 1, lat + 1)
            assert np.isnan(source.read("sand", None, box)).all()
        note = source.inspect("sand", (), grid.window_of(0, 10, 30, 50))["recognised"]
        assert note["reprojected"] == "average"
        assert note["onto"].startswith("360 × 720 cells of 0.5°")

    def test_the_border_is_missing_with_and_without_a_missing_value(self, tmp_path: Path) -> None:
        path = tmp_path / "sand.tif"
        shape = {"height": 10, "width": 10, "count": 1, "dtype": "int16", "crs": HOMOLOSINE}
        with rasterio.open(
            path, "w", driver="GTiff", transform=Affine(1e5, 0, 0, 0, -1e5, 5e6), **shape
        ) as file:
            file.write(np.full((10, 10), 300, np.int16), 1)
        options = SoilOptions(units={"sand": "g/kg"}, reproject="average", cells_per_degree=1)
        for fill in (None, -1.0):
            source = open_soil(path, options.model_copy(update={"fill": fill}))
            found = source.read("sand", None, source.fields["sand"].grid.window)
            assert set(np.unique(found[np.isfinite(found)])) == {np.float32(30)}
            assert np.isnan(found).mean() > 0.9


class TestHwsd(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        write_hwsd(tmp_path / "T_SAND.nc4", layer("sand", "hwsd") / 10, GRID, "T_SAND")
        write_hwsd(tmp_path / "T_CLAY.nc4", layer("clay", "hwsd") / 10, GRID, "T_CLAY", "% wt.")
        write_hwsd(tmp_path / "S_SAND.nc4", layer("sand", "deep") / 10, GRID, "S_SAND")
        return open_soil(tmp_path, SoilOptions(product="HWSD", version="1.2"))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("sand", None, 59.5, 0.5, np.nan),
            Landmark("sand", None, 39.5, 30.5, float(layer("sand", "hwsd")[20, 30]) / 10),
            Landmark("clay", None, 20.5, 49.5, float(layer("clay", "hwsd")[39, 49]) / 10),
        ]

    def test_the_subsoil_is_not_taken_for_the_topsoil(self, source: Source) -> None:
        assert [p.name for p in source.provenance()] == ["T_CLAY.nc4", "T_SAND.nc4"]
        assert {(p.product, p.version) for p in source.provenance()} == {("HWSD", "1.2")}


class TestSingleMaps:
    def test_a_raster_needs_its_units(self, tmp_path: Path) -> None:
        path = write_soilgrids(tmp_path / "sand.tif", layer("sand", "a"), GRID)
        with pytest.raises(SourceError, match=r"(?s)does not say its units.*`units`"):
            open_soil(path, SoilOptions())
        source = open_soil(path, SoilOptions(units={"sand": "g/kg"}))
        found = source.read("sand", None, GRID.window)
        np.testing.assert_allclose(found, layer("sand", "a") / 10, rtol=1e-6)

    def test_units_that_are_wrong_show_in_the_values(self, tmp_path: Path) -> None:
        path = write_soilgrids(tmp_path / "sand.tif", layer("sand", "a"), GRID)
        source = open_soil(path, SoilOptions(units={"sand": "percent"}))
        with pytest.raises(SourceError, match=r"(?s)not sand in percent.*0…100 percent.*`units`"):
            source.read("sand", None, GRID.window)
        with pytest.raises(SourceError, match=r"(?s)not understood.*found: grams"):
            open_soil(path, SoilOptions(units={"sand": "grams"}))

    def test_names_and_ambiguity(self, tmp_path: Path) -> None:
        write_hwsd(tmp_path / "a.nc", layer("sand", "a") / 10, GRID, "sand")
        write_hwsd(tmp_path / "b.nc", layer("sand", "b") / 10, GRID, "T_SAND")
        with pytest.raises(SourceError, match=r"(?s)more than once.*a.nc, too.*`names`"):
            open_soil(tmp_path, SoilOptions())
        source = open_soil(tmp_path, SoilOptions(names={"sand": "T_SAND"}))
        found = source.read("sand", None, GRID.window)
        np.testing.assert_allclose(found, layer("sand", "b") / 10, rtol=1e-6)
        with pytest.raises(ConfigError, match=r"(?s)Unknown quantity.*soil_organic.*'silt'"):
            open_soil(tmp_path, SoilOptions(names={"silt": "T_SILT"}))


CELLS = Grid.regular(-180, 90, 5, 5, (36, 72))


def texture() -> Floats:
    """All codes of the file, sea in the west."""
    codes = np.array([-2, -1, 0, 1, 2, *range(10, 31)], dtype=np.float32)
    out = np.random.default_rng(0).choice(codes, CELLS.shape)
    out[:, :20] = np.nan
    out[10, 30:35] = [-2, -1, 0, 1, 24]
    return out


class TestTexture(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        path = write_watergap_texture(tmp_path / "texture.nc", texture(), CELLS)
        return open_soil_texture(path, SoilTextureOptions())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        values = (NO_DATA, NO_DATA, 0, 1, 24)  # −2 and −1 say that nothing is known
        return [
            Landmark("soil_zone", None, 37.5, -27.5 + 5 * i, v) for i, v in enumerate(values)
        ] + [Landmark("soil_zone", None, 0.5, -179.5, NO_DATA)]


def test_the_three_fao_classes_are_the_nearest_ones() -> None:
    table = translation(legend("soil_texture_watergap"), legend("soil_texture_fao"))
    names = dict(
        zip(legend("soil_texture_fao").codes, legend("soil_texture_fao").names, strict=True)
    )
    found = [names[int(table[code])] for code in (10, 14, 15, 20, 24, 25, 30, 1, 0, 2)]
    assert found == [
        *("coarse", "coarse", "medium", "medium", "medium", "fine", "fine"),
        *("rock_or_glacier", "water", "water"),
    ]


def test_another_file_and_another_code(tmp_path: Path) -> None:
    path = write_hwsd(tmp_path / "a.nc", layer("sand", "a") / 10, GRID, "T_SAND")
    with pytest.raises(SourceError, match=r"(?s)documented as a map of soil texture.*T_SAND"):
        open_soil_texture(path, SoilTextureOptions())
    values = texture()
    values[0, 50] = 5
    source = open_soil_texture(
        write_watergap_texture(tmp_path / "b.nc", values, CELLS), SoilTextureOptions()
    )
    with pytest.raises(SourceError, match=r"(?s)legend does not know.*5 \(1 cells\)"):
        source.read("soil_zone", None, CELLS.window)


@pytest.mark.realdata
class TestRealTexture(SourceContract):
    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        path = realdata / "static" / "soil_texture_watergap_0p5deg.nc"
        return open_soil_texture(path, SoilTextureOptions())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("soil_zone", None, 74.75, -47.75, NO_DATA),  # the ice of Greenland
            Landmark("soil_zone", None, 44.75, -82.25, 0),  # Lake Huron
            Landmark("soil_zone", None, 80.75, -58.25, 1),  # the rocks around it
            Landmark("soil_zone", None, 0.25, -150.25, NO_DATA),  # the Pacific
        ]
