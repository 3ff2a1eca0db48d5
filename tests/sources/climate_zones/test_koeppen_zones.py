"""Köppen-Geiger of 2018 and of Kottek, and the tables of classes that come with the maps."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import yaml
from rasterio.errors import NotGeoreferencedWarning

from ai4land.cube import Status
from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.grid import Grid, Window
from ai4land.recipes import build_cube, check_recipe, load_recipe
from ai4land.sources import (
    Koeppen2018Options,
    KoeppenOptions,
    KottekOptions,
    Source,
    open_koeppen_2018,
    open_koeppen_geiger,
    open_kottek,
)
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.testing.formats.koeppen import write_beck_2023, write_legend_text
from ai4land.vocabulary import NO_DATA, crosswalk, legend
from provider_files.koeppen import beck_2018_name, write_beck_2018, write_kottek

Zones = npt.NDArray[np.uint8]
GLOBE = Grid.regular(-180, 90, 2, 2, (90, 180))


def zones(seed: int, sea: int = 0, last: int = 30) -> Zones:
    """A global map without symmetry, sea in the north."""
    values = np.random.default_rng(seed).integers(1, last + 1, GLOBE.shape).astype(np.uint8)
    values[:20, :70] = sea
    return values


def beck_2018(folder: Path, crs: str | None = "EPSG:4326", tag: str = "0p5") -> Path:
    """Both maps and their confidences, which lie under the same stem."""
    for seed, when in enumerate(("present", "future")):
        write_beck_2018(folder, zones(seed), GLOBE, beck_2018_name(when, tag), crs=crs)
        percent = np.full(GLOBE.shape, 97, np.uint8)
        conf = beck_2018_name(when, tag, confidence=True)
        write_beck_2018(folder, percent, GLOBE, conf, crs=crs)
    return folder


class TestBeck2018(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        beck_2018(tmp_path)
        return open_koeppen_2018(tmp_path, Koeppen2018Options(scenario="rcp85"))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("climate_zone", 1980, 89, -179, NO_DATA),
            Landmark("climate_zone", 2016, -89, -179, float(zones(0)[-1, 0])),
            Landmark("climate_zone", 2071, 47, 101, float(zones(1)[21, 140])),
        ]

    def test_each_map_stands_for_the_years_of_its_period(self, source: Source) -> None:
        field = source.fields["climate_zone"]
        assert field.ticks == (*range(1980, 2017), *range(2071, 2101))
        assert not field.gaps

    def test_each_file_is_hashed_once(self, source: Source) -> None:
        names = [p.name for p in source.provenance()]
        assert names == ["Beck_KG_V1_present_0p5.tif", "Beck_KG_V1_future_0p5.tif"]
        assert [p.name for p in source.provenance({1990})] == names[:1]


class TestBeck2018WithoutCrs(TestBeck2018):
    """Some readers set the coordinate system themselves: a file may not say it."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        beck_2018(tmp_path, crs=None)
        return open_koeppen_2018(tmp_path, Koeppen2018Options(scenario="rcp85"))


class TestFolder2018:
    def test_without_a_scenario_there_is_only_the_present(self, tmp_path: Path) -> None:
        field = open_koeppen_2018(beck_2018(tmp_path), Koeppen2018Options()).fields["climate_zone"]
        assert field.ticks == tuple(range(1980, 2017))

    def test_maps_of_confidence_alone_are_no_zones(self, tmp_path: Path) -> None:
        name = beck_2018_name("present", confidence=True)
        write_beck_2018(tmp_path, zones(0), GLOBE, name)
        with pytest.raises(MissingFileError, match=r"(?s)No map of Beck et al. 2018.*conf_0p0083"):
            open_koeppen_2018(tmp_path, Koeppen2018Options())

    def test_two_resolutions_need_a_choice(self, tmp_path: Path) -> None:
        beck_2018(beck_2018(tmp_path), tag="0p083")
        with pytest.raises(SourceError, match=r"(?s)one resolution.*0p083, 0p5.*`resolution`"):
            open_koeppen_2018(tmp_path, Koeppen2018Options())
        assert open_koeppen_2018(tmp_path, Koeppen2018Options(resolution="0p5")).fields

    def test_a_future_that_is_not_there(self, tmp_path: Path) -> None:
        write_beck_2018(tmp_path, zones(0), GLOBE, beck_2018_name("present"))
        with pytest.raises(MissingFileError, match=r"(?s)Beck_KG_V1_future_0p0083"):
            open_koeppen_2018(tmp_path, Koeppen2018Options(scenario="rcp85"))

    def test_each_edition_names_the_others_source(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError, match=r"(?s)1991_2020.*source `koeppen_geiger`"):
            open_koeppen_2018(tmp_path, Koeppen2018Options())
        with pytest.raises(MissingFileError, match=r"(?s)Beck_KG_V1.*`koeppen_geiger_2018`"):
            open_koeppen_geiger(tmp_path, KoeppenOptions())

    def test_a_crop_and_another_projection_are_refused(self, tmp_path: Path) -> None:
        region = Grid.regular(0, 60, 2, 2, (20, 30))
        name = beck_2018_name("present")
        write_beck_2018(tmp_path, zones(0)[:20, :30], region, name)
        with pytest.raises(SourceError, match=r"(?s)does not cover the globe.*0…60° E"):
            open_koeppen_2018(tmp_path, Koeppen2018Options())
        write_beck_2018(tmp_path, zones(0), GLOBE, name, crs="EPSG:3857")
        with pytest.raises(SourceError, match=r"(?s)another coordinate system.*EPSG:3857"):
            open_koeppen_2018(tmp_path, Koeppen2018Options())

    def test_maps_on_two_grids(self, tmp_path: Path) -> None:
        beck_2018(tmp_path)
        coarse = Grid.regular(-180, 90, 4, 4, (45, 90))
        name = beck_2018_name("future", "0p5")
        write_beck_2018(tmp_path, zones(0)[:45, :90], coarse, name)
        with pytest.raises(SourceError, match=r"(?s)another grid.*90 × 180.*45 × 90"):
            open_koeppen_2018(tmp_path, Koeppen2018Options(scenario="rcp85"))


def made(folder: Path, source: str, years: tuple[int, int], **entry: object) -> Path:
    """A recipe of climate zones alone."""
    data = {
        "title": "Zones",
        "years": {"first": years[0], "last": years[1]},
        "region": {"west": 0, "south": 0, "east": 20, "north": 20},
        "variables": {"climate_zone": {"source": source, "path": "zones", **entry}},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path


class TestYearsBetweenPeriods:
    """A period's map is that of each of its years; any other year is outside the coverage."""

    def test_they_are_an_error_unless_the_recipe_says_otherwise(self, tmp_path: Path) -> None:
        beck_2018(tmp_path / "zones")
        path = made(tmp_path, "koeppen_geiger_2018", (2016, 2017))
        assert "1 years outside, 2017" in check_recipe(load_recipe(path)).problems[0]
        with pytest.raises(ConfigError, match=r"(?s)does not cover.*2017"):
            build_cube(load_recipe(path), tmp_path / "cube.zarr")

    def test_held_they_have_the_map_before_and_the_first_years_the_one_after(
        self, tmp_path: Path
    ) -> None:
        beck_2018(tmp_path / "zones")
        options = {"scenario": "rcp85"}
        cubes = {}
        for first, last in ((1979, 1980), (2070, 2071)):
            path = made(
                tmp_path, "koeppen_geiger_2018", (first, last), outside="hold", options=options
            )
            cubes[first] = build_cube(load_recipe(path), tmp_path / f"{first}.zarr")
        rows, cols = slice(35, 45), slice(90, 100)
        for first, year, seed, status in (
            (1979, 1979, 0, Status.HELD),
            (1979, 1980, 0, Status.OBSERVED),
            (2070, 2070, 0, Status.HELD),
            (2070, 2071, 1, Status.OBSERVED),
        ):
            found = cubes[first].read("climate_zone", year)
            np.testing.assert_array_equal(found, zones(seed)[rows, cols])
            assert cubes[first].status("climate_zone")[year] is status

    def test_dropped_they_are_empty(self, tmp_path: Path) -> None:
        for period, scenario in (("1991_2020", None), ("2041_2070", "ssp245")):
            write_beck_2023(tmp_path / "zones", zones(3), GLOBE, period, scenario, "2p0")
        path = made(
            tmp_path,
            "koeppen_geiger",
            (2020, 2021),
            outside="drop",
            options={"scenario": "ssp245"},
        )
        cube = build_cube(load_recipe(path), tmp_path / "cube.zarr")
        assert (cube.read("climate_zone", 2021) == NO_DATA).all()
        assert cube.status("climate_zone")[2021] is Status.DROPPED


class TestLegendText:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        write_beck_2023(tmp_path, zones(0), GLOBE, "1991_2020", None, "2p0")
        return tmp_path

    @pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp437"])
    def test_its_umlaut_in_any_encoding(self, folder: Path, encoding: str) -> None:
        path = write_legend_text(folder, encoding=encoding)
        if encoding != "utf-8":
            with pytest.raises(UnicodeDecodeError):
                path.read_text(encoding="utf-8")
        assert open_koeppen_geiger(folder, KoeppenOptions()).fields

    def test_another_order_of_the_classes_is_refused(self, folder: Path) -> None:
        path = write_legend_text(folder)
        text = path.read_text(encoding="utf-8").replace("15:  Cfb", "15:  Dfb")
        path.write_text(text.replace("26:  Dfb", "26:  Cfb"), encoding="utf-8")
        with pytest.raises(SourceError, match=r"(?s)another meaning.*code 15.*Cfb.*Dfb; 2 codes"):
            open_koeppen_geiger(folder, KoeppenOptions())

    def test_it_is_held_against_the_maps_of_2018_too(self, tmp_path: Path) -> None:
        path = write_legend_text(beck_2018(tmp_path))
        lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(lines[:-1]), encoding="utf-8")
        with pytest.raises(SourceError, match=r"(?s)code 30.*EF.*found: no class"):
            open_koeppen_2018(tmp_path, Koeppen2018Options())

    def test_one_that_says_nothing_is_logged(
        self, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (folder / "legend.txt").write_text("see the paper", encoding="utf-8")
        with caplog.at_level(logging.WARNING):
            assert open_koeppen_geiger(folder, KoeppenOptions()).fields
        assert "no class recognised" in caplog.text


def kottek_zones() -> Zones:
    return zones(5, sea=32, last=31)


class TestKottek(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        write_kottek(tmp_path, kottek_zones())
        return open_kottek(tmp_path, KottekOptions())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("climate_zone", None, 89, -179, 32),
            Landmark("climate_zone", None, -89, 179, float(kottek_zones()[-1, -1])),
            Landmark("climate_zone", None, 47, 101, float(kottek_zones()[21, 140])),
        ]

    def test_row_0_is_the_north_pole_and_column_0_the_date_line(self, source: Source) -> None:
        assert source.fields["climate_zone"].grid == GLOBE


class TestKottekFolder:
    def test_the_image_alone_is_enough(self, tmp_path: Path) -> None:
        path = write_kottek(tmp_path, kottek_zones(), table=False)
        assert open_kottek(path, KottekOptions()).fields["climate_zone"].legend == legend(
            "koeppen_geiger_kottek"
        )

    def test_a_table_of_another_order_is_refused(self, tmp_path: Path) -> None:
        write_kottek(tmp_path, kottek_zones())
        table = tmp_path / "koeppen_geiger_zones.csv"
        table.write_text(table.read_text().replace("3,As,3", "3,Aw,3").replace("4,Aw,4", "4,As,4"))
        with pytest.raises(SourceError, match=r"(?s)another meaning.*code 3.*As.*found: Aw"):
            open_kottek(tmp_path, KottekOptions())
        table.write_text("a,b\n1,2\n")
        with pytest.raises(SourceError, match=r"(?s)table of zones is not understood.*kg_zone"):
            open_kottek(tmp_path, KottekOptions())

    def test_no_image_two_images_and_half_a_globe(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError, match="No image of zones"):
            open_kottek(tmp_path, KottekOptions())
        path = write_kottek(tmp_path, kottek_zones()[:45])
        with pytest.raises(SourceError, match=r"(?s)does not look like the globe.*45 × 180"):
            open_kottek(path, KottekOptions())
        path.rename(tmp_path / "kottek_old.png")
        write_kottek(tmp_path, kottek_zones())
        with pytest.raises(SourceError, match=r"(?s)Several images.*kottek_old.png"):
            open_kottek(tmp_path, KottekOptions())

    def test_a_code_beyond_the_table_is_named(self, tmp_path: Path) -> None:
        values = kottek_zones()
        values[50, 50] = 33
        source = open_kottek(write_kottek(tmp_path, values), KottekOptions())
        with pytest.raises(SourceError, match=r"(?s)legend does not know.*33 \(1 cells\)"):
            source.read("climate_zone", None, Window(40, 40, 20, 20))

    def test_a_damaged_image(self, tmp_path: Path) -> None:
        path = write_kottek(tmp_path, kottek_zones())
        path.write_bytes(b"nothing")
        with pytest.raises(SourceError, match=r"(?s)cannot be read.*damaged"):
            open_kottek(path, KottekOptions())

    def test_it_translates_into_the_classes_of_beck(self, tmp_path: Path) -> None:
        write_kottek(tmp_path / "zones", kottek_zones())
        path = made(tmp_path, "koeppen_geiger_kottek", (2000, 2000), legend="koeppen_geiger")
        cube = build_cube(load_recipe(path), tmp_path / "cube.zarr")
        kottek, beck = legend("koeppen_geiger_kottek"), legend("koeppen_geiger")
        names = dict(zip(kottek.codes, kottek.names, strict=True))
        wanted = np.vectorize(
            lambda code: beck.codes[beck.index({"As": "Aw"}.get(names[code], names[code]))]
        )(kottek_zones()[35:45, 90:100])
        np.testing.assert_array_equal(cube.read("climate_zone"), wanted)


def test_the_crosswalk_keeps_every_class_that_both_legends_name() -> None:
    table = crosswalk("koeppen_geiger_kottek", "koeppen_geiger").lookup()
    assert table.pop("As") == "Aw"
    assert all(one == two for one, two in table.items())
    assert set(table.values()) == set(legend("koeppen_geiger").names)


@pytest.mark.realdata
class TestRealKottek(SourceContract):
    """The image at 100 arc-seconds, 6480 × 12960."""

    @pytest.fixture(scope="class")
    def source(self, realdata: Path) -> Source:
        return open_kottek(realdata / "static", KottekOptions())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        codes = {c.name: float(c.code) for c in legend("koeppen_geiger_kottek").classes}
        return [
            Landmark("climate_zone", None, 48.86, 2.36, codes["Cfb"]),  # Paris
            Landmark("climate_zone", None, 30.05, 31.24, codes["BWh"]),  # Cairo
            Landmark("climate_zone", None, -3.11, -60.02, codes["Af"]),  # Manaus
            Landmark("climate_zone", None, 55.76, 37.62, codes["Dfb"]),  # Moscow
            Landmark("climate_zone", None, -33.86, 150.99, codes["Cfa"]),  # Sydney
            Landmark("climate_zone", None, -89.49, 10.01, codes["EF"]),  # near the South Pole
            Landmark("climate_zone", None, 0.01, -150.01, 32.0),  # the Pacific
        ]

    def test_every_zone_occurs(self, source: Source) -> None:
        field = source.fields["climate_zone"]
        assert field.grid.shape == (6480, 12960)
        band = source.read("climate_zone", None, Window(500, 0, 3500, 12960))
        assert set(np.unique(band).tolist()) == set(range(1, 33))


def test_the_image_has_no_georeference(tmp_path: Path) -> None:
    path = write_kottek(tmp_path, kottek_zones())
    with pytest.warns(NotGeoreferencedWarning):
        file = rasterio.open(path)
    assert file.crs is None
    assert file.transform.is_identity
    file.close()
