"""Every product of the LUH2 family by its files' names, and all that they hold besides states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import netCDF4
import numpy as np
import numpy.typing as npt
import pytest
import yaml

from ai4land.errors import ConfigError, MissingFileError, SourceError
from ai4land.grid import Grid, Window
from ai4land.recipes import build_cube, load_recipe
from ai4land.sources import Luh2Options, Source, open_luh2
from ai4land.sources.luh2.files import LUH2_SCENARIOS, LUH3_SCENARIOS, LuhFile
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.testing.formats.luh2 import luh2_name, write_luh2_static
from ai4land.vocabulary import (
    LUH2_CROPS,
    LUH2_HARVEST,
    LUH2_STATES,
    LUH2_TRANSITIONS,
    LUH2_WOOD,
    Place,
    validated,
)
from provider_files.luh2 import write_luh2
from provider_files.tiny import luh2_states

Floats = npt.NDArray[np.float32]
Layers = Mapping[str, Floats]

HEIGHT, WIDTH = 36, 72
GRID = Grid.regular(-180, 90, 5, 5, (HEIGHT, WIDTH))
WHOLE = GRID.window
ESGF = "multiple-{kind}_input4MIPs_landState_{mip}_UofMD-{tag}_gn_{years}.nc"
LUH3 = ESGF.format(kind="states", mip="CMIP", tag="landState-3-1-1", years="0850-2024")


def shares(names: tuple[str, ...], seed: int, total: float = 1.0) -> dict[str, Floats]:
    """Layers whose sum is at most ``total``, sea in the northernmost rows."""
    rng = np.random.default_rng(seed)
    values = rng.random((len(names), HEIGHT, WIDTH), dtype=np.float32)
    values *= np.float32(0.99 * total) / values.sum(axis=0)
    values[:, : HEIGHT // 6] = np.nan
    return dict(zip(names, values, strict=True))


def states(seed: int) -> dict[str, Floats]:
    return dict(zip(LUH2_STATES, luh2_states(HEIGHT, WIDTH, seed), strict=True))


def each(prefix: str, seed: int, scale: float = 1.0) -> dict[str, Floats]:
    """One layer per crop, each within 0…scale on its own."""
    rng = np.random.default_rng(seed)
    return {
        f"{prefix}_{crop}": (rng.random((HEIGHT, WIDTH)) * scale).astype(np.float32)
        for crop in LUH2_CROPS
    }


def management(seed: int) -> dict[str, Floats]:
    rng = np.random.default_rng(seed)
    single = {name: rng.random((HEIGHT, WIDTH), dtype=np.float32) for name in ("flood", *LUH2_WOOD)}
    return each("irrig", seed) | each("fertl", seed, 300) | each("crpbf", seed) | single


def flows(seed: int) -> dict[str, Floats]:
    harvest = tuple(f"{name}_harv" for name in LUH2_HARVEST)
    carbon = {
        f"{name}_bioh": np.full((HEIGHT, WIDTH), 1e9 * (i + 1), dtype=np.float32)
        for i, name in enumerate(LUH2_HARVEST)
    }
    return shares(LUH2_TRANSITIONS, seed, 0.1) | shares(harvest, seed, 0.05) | carbon


def write(path: Path, make: Callable[[int], Layers], years: range, form: str = "v2h") -> Path:
    return write_luh2(path, GRID, ((y, make(y)) for y in years), form)


def write_future(folder: Path, scenario: str, years: range, kind: str = "states") -> Path:
    make = {"states": states, "transitions": flows, "management": management}[kind]
    return write(folder / luh2_name(kind, scenario), lambda y: make(5000 + y), years, "v2f")


def options(**values: object) -> Luh2Options:
    return validated(values, Luh2Options, Place("recipe"))


class TestNames:
    """What a file is, by its name."""

    @pytest.mark.parametrize(("scenario", "folder"), list(LUH2_SCENARIOS.items()))
    def test_the_eight_scenarios_of_v2f(self, scenario: str, folder: str) -> None:
        for kind in ("states", "transitions", "management"):
            path = luh2_name(kind, scenario)
            assert path.parts[1] == folder
            found = LuhFile.of(path)
            assert found is not None
            assert (found.kind, found.release, found.scenario) == (kind, "v2f", scenario)
            assert not found.extension
            assert found.product.version == f"v2f {scenario}"

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("states.nc", ("states", "v2h", "", None, False)),
            ("management.nc", ("management", "v2h", "", None, False)),
            ("staticData_quarterdeg.nc", ("static", "v2h", "", None, False)),
            ("states4.nc", ("states", "gcb", "", None, False)),
            ("LUH2_GCB_2022/transitions.nc", ("transitions", "gcb", "2022", None, False)),
            (
                "multiple-states_input4MIPs_landState_ScenarioMIP_UofMD-landState-base-2-1-h_gn_"
                "0850-2015.nc",
                ("states", "v2h", "", None, False),
            ),
            (
                "multiple-states_input4MIPs_landState_CMIP_UofMD-landState-high-2-1-h_gn_"
                "0850-2015.nc",
                ("states", "v2h", "high", None, False),
            ),
            (
                "added_tree_cover_input4MIPs_landState_ScenarioMIP_UofMD-IMAGE-ssp126-2-1-f_gn_"
                "2015-2100.nc",
                ("tree", "v2f", "", "ssp126", False),
            ),
            (
                "multiple-states_input4MIPs_landState_ScenarioMIP_UofMD-MAGPIE-ssp534os-2-1-e_gn_"
                "2100-2300.nc",
                ("states", "v2f", "", "ssp534", True),
            ),
            (LUH3, ("states", "luh3", "3-1-1", None, False)),
            (
                "multiple-fixed_input4MIPs_landState_CMIP_UofMD-landState-3-0_gn.nc",
                ("static", "luh3", "3-0", None, False),
            ),
            (
                "multiple-transitions_input4MIPs_landState_ScenarioMIP_UofMD-landState-vl-3-1-1_gn_"
                "2022-2099.nc",
                ("transitions", "luh3", "3-1-1", "vl", False),
            ),
            (
                "multiple-states_input4MIPs_landState_ScenarioMIP_UofMD-landState-h-ext-3-1_gn_"
                "2100-2500.nc",
                ("states", "luh3", "3-1", "h", True),
            ),
        ],
    )
    def test_the_other_names(
        self, name: str, expected: tuple[str, str, str, str | None, bool]
    ) -> None:
        found = LuhFile.of(Path(name))
        assert found is not None
        kind, release, version, scenario, extension = expected
        assert (found.kind, found.release, found.version) == (kind, release, version)
        assert (found.scenario, found.extension) == (scenario, extension)

    @pytest.mark.parametrize("name", ["gcb_states.nc", "mystates.nc", "hildaplus_GLOB-2-0.nc"])
    def test_other_files_are_none_of_it(self, name: str) -> None:
        assert LuhFile.of(Path(name)) is None

    def test_a_plain_name_is_gcb_if_its_years_go_beyond_2015(self) -> None:
        found = LuhFile.of(Path("states.nc"), last=2022)
        assert found is not None
        assert (found.release, found.product.version) == ("gcb", "GCB to 2022")

    def test_the_attribute_source_id_says_it_whatever_the_name(self, tmp_path: Path) -> None:
        attributes = {"source_id": "UofMD-landState-vl-3-1-1"}
        path = tmp_path / "my.nc"
        write_luh2(path, GRID, [(2030, states(0))], "luh3", attributes=attributes)
        source = open_luh2(path, Luh2Options())
        assert source.fields["luh2_states"].ticks == (2030,)
        assert source.provenance()[0].version == "vl 3-1-1"


def test_nothing_turns_into_primary_land_and_harvest_is_no_transition() -> None:
    assert len(LUH2_TRANSITIONS) == 108
    assert not [name for name in LUH2_TRANSITIONS if name.split("_to_")[1].startswith("prim")]
    assert not {"primf_to_secdf", "primn_to_secdn"} & set(LUH2_TRANSITIONS)
    assert {"primf_to_secdn", "primn_to_secdf", "range_to_pastr"} <= set(LUH2_TRANSITIONS)


class TestScenarioNames:
    @pytest.mark.parametrize(
        ("written", "meant"),
        [("SSP126", "ssp126"), ("ssp534os", "ssp534"), ("ssp534-over", "ssp534"), ("VL", "vl")],
    )
    def test_spellings(self, written: str, meant: str) -> None:
        assert options(scenario=written).scenario == meant

    def test_all_known_ones_are_taken(self) -> None:
        for name in (*LUH2_SCENARIOS, *LUH3_SCENARIOS):
            assert options(scenario=name).scenario == name

    def test_an_unknown_one_names_the_nearest(self) -> None:
        with pytest.raises(ConfigError, match=r"(?s)scenario.*did you mean 'ssp245'.*ssp-245"):
            options(scenario="ssp-245")


class TestWholeFolder(SourceContract):
    """All files of LUH2 with a scenario, as the site serves them in folders."""

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("luh2")
        age = np.full((HEIGHT, WIDTH), 37.0, dtype=np.float32)

        def with_age(year: int) -> Layers:
            return {**states(year), "secma": age, "secmb": (age / 10).astype(np.float32)}

        write(folder / "LUH2_v2h/states.nc", with_age, range(2013, 2016))
        write(folder / "LUH2_v2h/transitions.nc", flows, range(2013, 2015))
        write(folder / "LUH2_v2h/management.nc", management, range(2013, 2016))
        future = folder / luh2_name("states", "ssp585")
        write(future, lambda y: with_age(5000 + y), range(2015, 2018), "v2f")
        write_future(folder, "ssp585", range(2015, 2017), "transitions")
        write_future(folder, "ssp585", range(2015, 2018), "management")
        tree = future.name.replace("multiple-states", "added_tree_cover")
        cover = {"added_tree_cover": np.full((HEIGHT, WIDTH), 0.25, dtype=np.float32)}
        write(future.parent / tree, lambda _: cover, range(2015, 2018), "v2f")
        static = {
            "icwtr": np.full((HEIGHT, WIDTH), 0.125, dtype=np.float32),
            "carea": (GRID.cell_areas() / 1e6).astype(np.float32),
            "fstnf": np.ones((HEIGHT, WIDTH), dtype=np.float32),
            "ptbio": np.full((HEIGHT, WIDTH), 9.0, dtype=np.float32),
            "ccode": np.ones((HEIGHT, WIDTH), dtype=np.float32),
        }
        write_luh2_static(folder / luh2_name("static"), GRID, static)
        return folder

    @pytest.fixture
    def source(self, folder: Path) -> Source:
        return open_luh2(folder, Luh2Options(scenario="ssp585"))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        def at(layers: Layers, row: int, col: int, scale: float = 1.0) -> tuple[float, ...]:
            return tuple(float(v[row, col]) * scale for v in layers.values())

        north, east = 90 - 5 * (20 + 0.5), -180 + 5 * (30 + 0.5)
        flow = {n: v for n, v in flows(2014).items() if "_to_" in n}
        carbon = {n: v for n, v in flows(2014).items() if n.endswith("_bioh")}
        area = float(GRID.row_areas()[20])
        care = management(7017)
        fertiliser = {n: v for n, v in care.items() if n.startswith("fertl")}
        return [
            Landmark("luh2_states", 2015, north, east, at(states(2015), 20, 30)),
            Landmark("luh2_states", 2016, north + 5, east, at(states(7016), 19, 30)),
            Landmark("luh2_transitions", 2014, north, east, at(flow, 20, 30)),
            Landmark("luh2_wood_harvest_carbon", 2014, north, east, at(carbon, 20, 30, 1 / area)),
            Landmark("luh2_fertiliser", 2017, north, east, at(fertiliser, 20, 30)),
            Landmark("luh2_flooded_rice", 2017, north, east, float(care["flood"][20, 30])),
            Landmark("luh2_secondary_age", 2013, north, east, 37.0),
            Landmark("luh2_cell_area", None, north, east, area),
            Landmark("luh2_added_tree_cover", 2016, north, east, 0.25),
        ]

    def test_everything_is_offered_and_nothing_else(self, source: Source) -> None:
        expected = """luh2_states luh2_secondary_age luh2_secondary_biomass luh2_transitions
            luh2_wood_harvest luh2_wood_harvest_carbon luh2_irrigation luh2_fertiliser
            luh2_biofuel_crops luh2_flooded_rice luh2_wood_use luh2_added_tree_cover luh2_ice_water
            luh2_cell_area luh2_potential_forest luh2_potential_biomass"""
        assert set(source.fields) == set(expected.split())

    def test_a_transition_stands_at_the_year_it_leaves(self, source: Source) -> None:
        """So the step out of the seam year is the scenario's, and there is one year fewer."""
        assert source.fields["luh2_states"].ticks == (2013, 2014, 2015, 2016, 2017)
        assert source.fields["luh2_transitions"].ticks == (2013, 2014, 2015, 2016)
        for year, seed in ((2014, 2014), (2015, 7015)):
            found = source.read("luh2_transitions", year, WHOLE)
            expected = np.stack([flows(seed)[n] for n in LUH2_TRANSITIONS])
            np.testing.assert_array_equal(found, expected)

    def test_provenance_hashes_only_files_of_variables_asked_for(self, folder: Path) -> None:
        source = open_luh2(folder, Luh2Options(scenario="ssp585"))
        assert len(source.provenance()) == 8
        static = source.provenance(variables=["luh2_ice_water"])
        assert [p.name for p in static] == ["staticData_quarterdeg.nc"]
        names = [p.name for p in source.provenance({2013}, ["luh2_states", "luh2_ice_water"])]
        assert sorted(names) == ["states.nc", "staticData_quarterdeg.nc"]

    def test_the_seam_of_transitions_shows_both_years(self, source: Source) -> None:
        seam = source.inspect("luh2_transitions", (2013, 2016), Window(20, 30, 2, 2))["seam"]
        assert {"history_2013", "history_2014", "scenario_2015"} <= set(seam)


class TestLabelOffset:
    """File year minus label year; coverage and seam move with it."""

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("offset")
        write(folder / "LUH2_v2h/states.nc", states, range(2013, 2016))
        write(folder / "LUH2_v2h/transitions.nc", flows, range(2013, 2015))
        write_future(folder, "ssp126", range(2015, 2019))
        write_future(folder, "ssp126", range(2015, 2018), "transitions")
        return folder

    @pytest.mark.parametrize("offset", [-1, 0, 1])
    def test_the_three_conventions(self, folder: Path, offset: int) -> None:
        source = open_luh2(folder, options(scenario="ssp126", label_offset=offset))
        ticks = source.fields["luh2_states"].ticks
        assert ticks == tuple(range(2013 - offset, 2019 - offset))
        for tick in ticks:
            year = tick + offset
            expected = states(year if year <= 2015 else 5000 + year)
            found = source.read("luh2_states", tick, WHOLE)
            np.testing.assert_array_equal(found, np.stack(list(expected.values())))
        assert source.fields["luh2_transitions"].ticks == tuple(range(2013 - offset, 2018 - offset))

    @pytest.mark.parametrize("offset", [-1, 0, 1])
    def test_the_seam_is_reported_from_the_first_tick_beyond_it(
        self, folder: Path, offset: int
    ) -> None:
        source = open_luh2(folder, options(scenario="ssp126", label_offset=offset))
        seam = 2015 - offset  # the label year that still has the history's last states
        assert "seam" not in source.inspect("luh2_states", (seam - 1, seam), WHOLE)
        assert source.inspect("luh2_states", (seam - 1, seam + 1), WHOLE)["seam"]["year"] == 2015

    def test_gaps_move_too(self, tmp_path: Path) -> None:
        path = write(tmp_path / "states.nc", states, range(2000, 2003, 2))
        entry = open_luh2(path, options(label_offset=1)).fields["luh2_states"]
        assert (entry.ticks, list(entry.gaps)) == ((1999, 2001), [2000])

    def test_an_offset_of_years_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="label_offset"):
            options(label_offset=2)


class TestSeam:
    def test_the_jump_per_state_is_scenario_minus_history(self, tmp_path: Path) -> None:
        write(tmp_path / "states.nc", states, range(2014, 2016))
        write_future(tmp_path, "ssp370", range(2015, 2017))
        window = Window(10, 20, 3, 4)
        source = open_luh2(tmp_path, options(scenario="ssp370"))
        seam = source.inspect("luh2_states", (2014, 2016), window)["seam"]
        areas = GRID.cell_areas(window)
        for name, jump in seam["jump"].items():
            change = (states(7015)[name] - states(2015)[name])[window.slices]
            assert jump == pytest.approx(float((change * areas).sum() / areas.sum()), abs=1e-6)

    def test_a_later_seam_by_option(self, tmp_path: Path) -> None:
        write(tmp_path / "states4.nc", states, range(2013, 2023))
        write_future(tmp_path, "ssp245", range(2015, 2026))
        plain = open_luh2(tmp_path, options(scenario="ssp245"))
        late = open_luh2(tmp_path, options(scenario="ssp245", seam=2020))
        window = Window(20, 20, 1, 1)
        for source, tick, seed in (
            (plain, 2016, 7016),
            (late, 2016, 2016),
            (late, 2020, 2020),
            (late, 2021, 7021),
        ):
            expected = [v[20, 20] for v in states(seed).values()]
            found = source.read("luh2_states", tick, window)[:, 0, 0]
            np.testing.assert_array_equal(found, expected)
        assert [p.version for p in late.provenance()] == ["GCB to 2022", "v2f ssp245"]

    def test_a_seam_beyond_the_history_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path / "states.nc", states, range(2014, 2016))
        write_future(tmp_path, "ssp245", range(2015, 2026))
        with pytest.raises(SourceError, match=r"(?s)cannot be joined.*2020.*2014…2015"):
            open_luh2(tmp_path, options(scenario="ssp245", seam=2020))

    def test_an_extension_follows_its_scenario_from_2101(self, tmp_path: Path) -> None:
        write(tmp_path / "states.nc", states, range(2014, 2016))
        name = write_future(tmp_path, "ssp126", range(2015, 2101, 17)).name
        far = name.replace("2015-2100", "2100-2300").replace("-2-1-f", "-2-1-e")
        write(tmp_path / far, lambda y: states(9000 + y), range(2100, 2102), "v2f-ext")
        source = open_luh2(tmp_path, options(scenario="ssp126"))
        entry = source.fields["luh2_states"]
        assert entry.ticks == (2014, 2015, 2032, 2049, 2066, 2083, 2100, 2101)
        assert entry.gaps[2099] == "no states file here holds 2099"
        for tick, seed in ((2100, 7100), (2101, 11101)):
            found = source.read("luh2_states", tick, Window(9, 9, 1, 1))[:, 0, 0]
            np.testing.assert_array_equal(found, [v[9, 9] for v in states(seed).values()])
        notes = source.inspect("luh2_states", (2015, 2101), WHOLE)
        assert {"seam", "extension_seam"} <= set(notes)
        assert notes["extension_seam"]["year"] == 2100


class TestGcb(SourceContract):
    """A GCB release with latitudes from south to north, under the plain names of v2h."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        years = ((y, states(y)) for y in range(2014, 2018))
        folder = tmp_path / "LUH2_GCB_2026"
        write_luh2(folder / "states.nc", GRID, years, "gcb", ascending=True, eastward=True)
        return open_luh2(tmp_path, Luh2Options())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        layers = states(2016)
        return [
            Landmark(
                "luh2_states",
                2016,
                90 - 5 * (row + 0.5),
                -180 + 5 * (col + 0.5),
                tuple(float(v[row, col]) for v in layers.values()),
            )
            for row, col in ((8, 3), (30, 60))
        ]

    def test_the_ascending_copy_gives_the_same_values(self, source: Source, tmp_path: Path) -> None:
        plain = write(tmp_path / "other.nc", states, range(2016, 2017))
        expected = open_luh2(plain, Luh2Options()).read("luh2_states", 2016, WHOLE)
        np.testing.assert_array_equal(source.read("luh2_states", 2016, WHOLE), expected)

    def test_it_says_which_release_it_is(self, source: Source) -> None:
        (entry,) = source.provenance()
        assert (entry.version, entry.product) == ("GCB 2026", "LUH2")
        assert "essd-13-4175-2021" in entry.citation


class TestReleases:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        write(tmp_path / "LUH2_v2h/states.nc", states, range(2010, 2016))
        write(tmp_path / "LUH2_GCB_2022/states4.nc", lambda y: states(100 + y), range(2010, 2018))
        write(tmp_path / LUH3, lambda y: states(200 + y), range(2010, 2025), "luh3")
        return tmp_path

    def test_several_histories_ask_which(self, folder: Path) -> None:
        text = r"(?s)Several states files.*states\.nc \(v2h\).*option `release`"
        with pytest.raises(SourceError, match=text):
            open_luh2(folder, Luh2Options())

    @pytest.mark.parametrize(
        ("release", "seed"), [("v2h", 0), ("gcb", 100), ("luh3", 200), ("3-1-1", 200)]
    )
    def test_the_option_chooses(self, folder: Path, release: str, seed: int) -> None:
        source = open_luh2(folder, options(release=release))
        found = source.read("luh2_states", 2012, Window(20, 20, 1, 1))[:, 0, 0]
        np.testing.assert_array_equal(found, [v[20, 20] for v in states(2012 + seed).values()])

    def test_a_release_that_is_not_there(self, folder: Path) -> None:
        with pytest.raises(MissingFileError, match=r"(?s)history.*states4\.nc"):
            open_luh2(folder, options(release="3-0"))

    def test_a_scenario_of_luh3_takes_the_history_of_luh3(self, folder: Path) -> None:
        name = ESGF.format(
            kind="states", mip="ScenarioMIP", tag="landState-vl-3-1-1", years="2022-2100"
        )
        write(folder / name, lambda y: states(300 + y), range(2022, 2027), "luh3")
        source = open_luh2(folder, options(scenario="vl"))
        assert source.fields["luh2_states"].ticks == tuple(range(2010, 2027))
        for tick, seed in ((2022, 200), (2023, 300)):  # the scenario begins after its first year
            found = source.read("luh2_states", tick, Window(20, 20, 1, 1))[:, 0, 0]
            np.testing.assert_array_equal(found, [v[20, 20] for v in states(tick + seed).values()])
        late = open_luh2(folder, options(scenario="vl", seam=2024))
        found = late.read("luh2_states", 2024, Window(20, 20, 1, 1))[:, 0, 0]
        np.testing.assert_array_equal(found, [v[20, 20] for v in states(2224).values()])


def test_the_step_out_of_the_seam_year_is_the_scenarios_though_history_goes_on(
    tmp_path: Path,
) -> None:
    """LUH3: history to 2024 and scenario from 2022; the transition of 2022 leaves state 2022."""
    for kind, make, last in (("states", states, 2025), ("transitions", flows, 2024)):
        name = LUH3.replace("states", kind, 1)
        write(tmp_path / name, make, range(2020, last), "luh3")
        future = ESGF.format(
            kind=kind, mip="ScenarioMIP", tag="landState-h-3-1-1", years="2022-2100"
        )
        later = ((y, make(70 + y)) for y in range(2022, last))
        write_luh2(tmp_path / future, GRID, later, "luh3")
    source = open_luh2(tmp_path, options(scenario="h"))
    window = Window(20, 20, 1, 1)
    for name, make, tick, seed in (
        ("luh2_states", states, 2022, 2022),
        ("luh2_states", states, 2023, 2093),
        ("luh2_transitions", flows, 2021, 2021),
        ("luh2_transitions", flows, 2022, 2092),
    ):
        layers = make(seed)
        components = source.fields[name].variable.components
        found = source.read(name, tick, window)[:, 0, 0]
        np.testing.assert_array_equal(found, [layers[n][20, 20] for n in components], str(tick))


class TestLuh3(SourceContract):
    """Days since 0850-01-01 without leap days, CF fill values, plantations of 0."""

    @staticmethod
    def _layers(year: int) -> Layers:
        return states(year) | {"pltns": np.zeros((HEIGHT, WIDTH), dtype=np.float32)}

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("luh3")
        write(folder / LUH3, cls._layers, range(2020, 2023), "luh3")
        care = {n.replace("crpbf", "cpbf1"): v for n, v in management(1).items()}
        care["addtc"] = np.full((HEIGHT, WIDTH), 0.5, dtype=np.float32)
        name = ESGF.format(kind="management", mip="CMIP", tag="landState-3-1-1", years="0850-2024")
        write(folder / name, lambda _: care, range(2020, 2022), "luh3")
        static = {"icwtr": np.full((HEIGHT, WIDTH), 0.125, dtype=np.float32)}
        name = "multiple-static_input4MIPs_landState_CMIP_UofMD-landState-3-1-1_gn.nc"
        write_luh2_static(folder / name, GRID, static, "luh3")
        return folder

    @pytest.fixture
    def source(self, folder: Path) -> Source:
        return open_luh2(folder, Luh2Options())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        layers = states(2021)
        at = [tuple(float(v[row, 40]) for v in layers.values()) for row in (10, 30)]
        return [
            Landmark("luh2_states", 2021, 37.5, 22.5, at[0]),
            Landmark("luh2_states", 2021, -62.5, 22.5, at[1]),
            Landmark("luh2_ice_water", None, 37.5, 22.5, 0.125),
            Landmark("luh2_added_tree_cover", 2020, 37.5, 22.5, 0.5),
        ]

    def test_first_generation_biofuel_has_another_name(self, source: Source) -> None:
        found = source.read("luh2_biofuel_crops", 2020, Window(20, 20, 1, 1))[:, 0, 0]
        expected = [management(1)[f"crpbf_{crop}"][20, 20] for crop in LUH2_CROPS]
        np.testing.assert_array_equal(found, expected)

    def test_the_header_is_cf(self, source: Source, folder: Path) -> None:
        with netCDF4.Dataset(folder / LUH3) as file:
            assert "_FillValue" in file["primf"].ncattrs()
            assert "_Fillvalue" not in file["primf"].ncattrs()
            assert file["time"].units == "days since 0850-01-01"
        assert np.isnan(source.read("luh2_states", 2021, Window(0, 0, 1, 1))).all()

    def test_zero_plantations_are_noted_and_left_out(self, source: Source) -> None:
        assert source.fields["luh2_states"].variable.components == LUH2_STATES
        notes = source.inspect("luh2_states", (2020, 2022), WHOLE)
        assert notes["plantations"] == "0 in the years looked at, left out"
        assert (np.nan_to_num(source.read("luh2_plantations", 2020, WHOLE)) == 0).all()

    def test_provenance(self, source: Source) -> None:
        found = {(p.product, p.version) for p in source.provenance()}
        assert found == {("LUH3", "3-1-1")}


class TestPlantations:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        def layers(year: int) -> Layers:
            made = {n: v * np.float32(0.9) for n, v in states(year).items()}
            planted = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
            planted[20, 20] = 0.05
            return made | {"pltns": planted}

        return write(tmp_path / LUH3, layers, range(2020, 2022), "luh3")

    def test_plantations_are_refused_where_they_are_and_nowhere_else(self, path: Path) -> None:
        source = open_luh2(path, Luh2Options())
        assert source.read("luh2_states", 2020, Window(21, 20, 1, 1)).shape == (12, 1, 1)
        with pytest.raises(SourceError, match=r"(?s)has plantations.*up to 0\.05.*secdf"):
            source.read("luh2_states", 2020, Window(20, 20, 1, 1))
        assert source.read("luh2_plantations", 2020, Window(20, 20, 1, 1)) == np.float32(0.05)

    def test_they_may_be_counted_as_secondary_forest(self, path: Path) -> None:
        window = Window(20, 20, 1, 2)
        found = open_luh2(path, options(plantations="secdf")).read("luh2_states", 2020, window)
        plain = np.stack([v[window.slices] * np.float32(0.9) for v in states(2020).values()])
        plain[LUH2_STATES.index("secdf"), 0, 0] += np.float32(0.05)
        np.testing.assert_allclose(found, plain, rtol=1e-6)

    def test_transitions_of_no_plantations_can_be_read(self, tmp_path: Path) -> None:
        none = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
        extra = {n: none for n in ("primf_to_pltns", "pltns_to_urban", "pltns_harv", "pltns_bioh")}
        path = write(tmp_path / "x.nc", lambda y: flows(y) | extra, range(2020, 2021), "luh3")
        source = open_luh2(path, Luh2Options())
        expected = np.stack([flows(2020)[n] for n in LUH2_TRANSITIONS])
        np.testing.assert_array_equal(source.read("luh2_transitions", 2020, WHOLE), expected)
        for name in ("luh2_wood_harvest", "luh2_wood_harvest_carbon"):
            assert source.read(name, 2020, WHOLE).shape == (5, HEIGHT, WIDTH)

    def test_their_transitions_cannot_be_told(self, tmp_path: Path) -> None:
        extra = {"secdf_to_pltns": np.full((HEIGHT, WIDTH), 0.01, dtype=np.float32)}
        path = write(tmp_path / "transitions.nc", lambda y: flows(y) | extra, range(2020, 2021))
        source = open_luh2(path, options(plantations="secdf"))
        with pytest.raises(SourceError, match=r"(?s)has plantations.*use luh2_states"):
            source.read("luh2_transitions", 2020, WHOLE)


class TestKnownWrong:
    def test_japan_is_flagged_from_2001_to_2015(self, tmp_path: Path) -> None:
        path = write(tmp_path / "states.nc", states, range(1999, 2016))
        source = open_luh2(path, Luh2Options())
        entry = source.fields["luh2_states"]
        (flag,) = entry.flags
        assert (flag.ticks, flag.components) == ((2001, 2015), ("pastr", "range"))
        tokyo = entry.grid.window_of(139, 35, 140, 36)
        rome = entry.grid.window_of(12, 41, 13, 42)
        (found,) = source.inspect("luh2_states", (1999, 2001), tokyo)["known_wrong"]
        assert "Japan" in found["text"]
        assert "known_wrong" not in source.inspect("luh2_states", (1999, 2000), tokyo)
        assert "known_wrong" not in source.inspect("luh2_states", (1999, 2015), rome)

    def test_the_flag_moves_with_the_offset_and_ends_at_the_seam(self, tmp_path: Path) -> None:
        write(tmp_path / "states.nc", states, range(1999, 2016))
        write_future(tmp_path, "ssp126", range(2010, 2018))
        source = open_luh2(tmp_path, options(scenario="ssp126", label_offset=1))
        assert source.fields["luh2_states"].flags[0].ticks == (2000, 2009)

    def test_the_withdrawn_version_of_luh3_is_flagged(self, tmp_path: Path) -> None:
        name = LUH3.replace("3-1-1", "3-0")
        path = write(tmp_path / name, states, range(2020, 2022), "luh3")
        (flag,) = open_luh2(path, Luh2Options()).fields["luh2_states"].flags
        assert "withdrawn" in flag.text
        assert flag.ticks == (2020, 2021)


class TestSaidInTheNotes:
    def test_clipped_negatives_are_counted_by_inspect(self, tmp_path: Path) -> None:
        def layers(year: int) -> Layers:
            made = states(year)
            made["urban"][20, 20:25] = -5e-5
            return made

        source = open_luh2(write(tmp_path / "states.nc", layers, range(1990, 1993)), Luh2Options())
        notes = source.inspect("luh2_states", (1990, 1992), WHOLE)
        assert notes["clipped"] == {"negative values set to 0": {"1990": 5, "1992": 5}}
        assert source.inspect("luh2_states", (1990, 1992), Window(21, 0, 3, 72)) == {}

    def test_a_variable_that_is_not_there_says_why(self, tmp_path: Path) -> None:
        write(tmp_path / "states.nc", states, range(2014, 2016))
        write_future(tmp_path, "ssp126", range(2015, 2017))
        write(tmp_path / "management.nc", management, range(2014, 2016))
        source = open_luh2(tmp_path, options(scenario="ssp126"))
        for name, why in (
            ("luh2_transitions", "there is no transitions file"),
            ("luh2_irrigation", "no management file of ssp126"),
            ("luh2_secondary_age", "1 are missing: secma"),
            ("luh2_added_tree_cover", "no added tree cover file"),
        ):
            with pytest.raises(SourceError, match=rf"(?s)no such variable.*{name}.*{why}"):
                source.fields[name]
            with pytest.raises(SourceError, match=rf"(?s)no such variable.*{name}.*{why}"):
                source.read(name, 2015, WHOLE)


class TestDoubtfulFiles:
    def test_transitions_with_a_part_missing_are_refused(self, tmp_path: Path) -> None:
        part = {n: v for n, v in flows(0).items() if not n.startswith("pastr_to_c")}
        path = write_luh2(tmp_path / "transitions.nc", GRID, [(2000, part)])
        text = r"(?s)lacks land-use transitions.*5 are missing: pastr_to_c3ann"
        with pytest.raises(SourceError, match=text):
            open_luh2(path, Luh2Options())

    def test_management_in_other_units_is_not_offered_and_says_why(self, tmp_path: Path) -> None:
        path = write(tmp_path / "management.nc", management, range(2000, 2001))
        with netCDF4.Dataset(path, "a") as file:
            file["fertl_c4per"].units = "g m-2"
        source = open_luh2(path, Luh2Options())
        assert "luh2_irrigation" in source.fields
        with pytest.raises(SourceError, match=r"(?s)other units.*fertl_c4per.*g m-2"):
            source.fields["luh2_fertiliser"]

    def test_irrigation_above_one_is_refused(self, tmp_path: Path) -> None:
        layers = management(0)
        layers["irrig_c3ann"][5, 5] = 40
        path = write_luh2(tmp_path / "management.nc", GRID, [(2000, layers)])
        with pytest.raises(SourceError, match=r"(?s)luh2_irrigation are impossible.*largest 40"):
            open_luh2(path, Luh2Options()).read("luh2_irrigation", 2000, WHOLE)

    def test_crop_shares_need_not_sum_to_one(self, tmp_path: Path) -> None:
        layers = management(0) | {f"irrig_{c}": np.ones((HEIGHT, WIDTH)) for c in LUH2_CROPS}
        path = write_luh2(tmp_path / "management.nc", GRID, [(2000, layers)])
        found = open_luh2(path, Luh2Options()).read("luh2_irrigation", 2000, WHOLE)
        assert (found == 1).all()

    def test_management_misspells_its_fill_value_in_its_own_way(self, tmp_path: Path) -> None:
        layers = management(0)
        layers["irrig_c3ann"][5, 5] = np.nan
        path = write_luh2(tmp_path / "management.nc", GRID, [(2000, layers)])
        with netCDF4.Dataset(path, "a") as file:
            assert "_fillvalue" in file["irrig_c3ann"].ncattrs()
            file["irrig_c3ann"].delncattr("missing_value")
        found = open_luh2(path, Luh2Options()).read("luh2_irrigation", 2000, WHOLE)
        assert np.isnan(found[0, 5, 5])
        assert np.isfinite(found).sum() == found.size - 1

    def test_states_misspell_it_too(self, tmp_path: Path) -> None:
        path = write(tmp_path / "states.nc", states, range(2000, 2001))
        with netCDF4.Dataset(path, "a") as file:
            for name in LUH2_STATES:
                assert "_Fillvalue" in file[name].ncattrs()
                file[name].delncattr("missing_value")
        found = open_luh2(path, Luh2Options()).read("luh2_states", 2000, WHOLE)
        assert np.isnan(found[:, : HEIGHT // 6]).all()
        assert np.isfinite(found[:, HEIGHT // 6 :]).all()

    def test_a_file_of_something_else(self, tmp_path: Path) -> None:
        path = write_luh2(tmp_path / "states.nc", GRID, [(2000, {"t2m": np.ones(GRID.shape)})])
        with pytest.raises(SourceError, match=r"(?s)Not a file of LUH2 or LUH3.*t2m"):
            open_luh2(path, Luh2Options())

    def test_static_data_without_time_and_bounds_that_are_not_there(self, tmp_path: Path) -> None:
        layers = {"icwtr": np.full(GRID.shape, 0.5), "carea": GRID.cell_areas() / 1e6}
        path = write_luh2_static(tmp_path / "staticData_quarterdeg.nc", GRID, layers)
        with netCDF4.Dataset(path) as file:
            assert file["lat"].bounds not in file.variables
        source = open_luh2(path, Luh2Options())
        assert source.fields["luh2_cell_area"].ticks == ()
        total = float(source.read("luh2_cell_area", None, WHOLE).astype(np.float64).sum())
        assert total == pytest.approx(5.1006e14, rel=1e-4)  # m2, not km2


def test_one_folder_gives_several_variables_of_a_cube(tmp_path: Path) -> None:
    write(tmp_path / "luh/LUH2_v2h/states.nc", states, range(2013, 2016))
    write(tmp_path / "luh/LUH2_v2h/transitions.nc", flows, range(2013, 2015))
    write(tmp_path / "luh/LUH2_v2h/management.nc", management, range(2013, 2016))
    write_future(tmp_path / "luh", "ssp126", range(2015, 2018))
    write_future(tmp_path / "luh", "ssp126", range(2015, 2017), "transitions")
    write_future(tmp_path / "luh", "ssp126", range(2015, 2018), "management")
    static = {"icwtr": np.full(GRID.shape, 0.125)}
    write_luh2_static(tmp_path / "luh" / luh2_name("static"), GRID, static)
    entry = {"source": "luh2", "path": "luh", "options": {"scenario": "ssp126"}}
    recipe = {
        "title": "All of LUH2",
        "years": {"first": 2013, "last": 2017},
        "region": {"west": 10, "south": 10, "east": 40, "north": 40},
        "variables": {
            "luh2_states": entry,
            "luh2_transitions": {**entry, "outside": "drop"},
            "luh2_ice_water": entry,
        },
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    cube = build_cube(load_recipe(tmp_path / "recipe.yaml"), tmp_path / "cube.zarr")
    assert float(cube.read("luh2_ice_water")[0, 0]) == 0.125
    assert cube.variable("luh2_transitions").components == LUH2_TRANSITIONS
    found = cube.read("luh2_transitions", 2015)[:, 0, 0]
    np.testing.assert_array_equal(found, [flows(7015)[n][10, 38] for n in LUH2_TRANSITIONS])
    assert np.isnan(cube.read("luh2_transitions", 2017)).all()
    assert cube.attributes["notes"]["luh2_states"]["seam"]["scenario"] == "ssp126"
    assert {e["name"] for e in cube.attributes["provenance"]} == {
        "states.nc",
        "transitions.nc",
        luh2_name("states", "ssp126").name,
        luh2_name("transitions", "ssp126").name,
        "staticData_quarterdeg.nc",
    }
