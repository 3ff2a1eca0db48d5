from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import netCDF4
import numpy as np
import numpy.typing as npt
import pytest

from ai4land.errors import MissingFileError, SourceError
from ai4land.grid import Window
from ai4land.sources import Luh2Options, Source, open_luh2
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.vocabulary import LUH2_STATES
from provider_files.tiny import luh2_states, write_luh2

SSP126 = "multiple-states_input4MIPs_landState_ScenarioMIP_UofMD-IMAGE-ssp126-2-1-f_gn_2015-2100.nc"
States = dict[int, npt.NDArray[np.float32]]


def _mark(states: npt.NDArray[np.float32], year: int, row: int, col: int) -> Landmark:
    height, width = states.shape[1:]
    return Landmark(
        "luh2_states",
        year,
        90 - 180 / height * (row + 0.5),
        -180 + 360 / width * (col + 0.5),
        tuple(float(v) for v in states[:, row, col]),
    )


class TestHistory(SourceContract):
    """Descending latitude, −180…180° E, years counted from 850, as UMD writes it."""

    kwargs: Mapping[str, bool] = MappingProxyType({})

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        states = {y: luh2_states(seed=y) for y in (1850, 1851, 1852)}
        return open_luh2(write_luh2(tmp_path / "states.nc", states, **self.kwargs), Luh2Options())

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        states = luh2_states(seed=1851)
        return [_mark(states, 1851, r, c) for r, c in ((0, 3), (20, 0), (71, 143), (40, 100))]

    def test_components_and_years(self, source: Source) -> None:
        field = source.fields["luh2_states"]
        assert field.variable.components == LUH2_STATES
        assert field.ticks == (1850, 1851, 1852)
        assert (float(field.grid.west), float(field.grid.north)) == (-180, 90)


class TestAscending(TestHistory):
    kwargs = MappingProxyType({"ascending": True})


class TestEastward(TestHistory):
    kwargs = MappingProxyType({"east": True})


class TestScenario:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        history = {y: luh2_states(seed=y) for y in (2013, 2014, 2015)}
        future = {y: luh2_states(seed=9000 + y) for y in (2015, 2016, 2017)}
        write_luh2(tmp_path / "states.nc", history)
        write_luh2(tmp_path / SSP126, future, base=2015)
        return tmp_path

    def test_history_up_to_2015_then_the_scenario_never_blended(self, folder: Path) -> None:
        source = open_luh2(folder, Luh2Options(scenario="ssp126"))
        assert source.fields["luh2_states"].ticks == (2013, 2014, 2015, 2016, 2017)
        window = Window(30, 40, 3, 4)
        for year, seed in ((2015, 2015), (2016, 11016)):
            expected = luh2_states(seed=seed)[(..., *window.slices)]
            assert np.array_equal(source.read("luh2_states", year, window), expected)

    def test_the_jump_is_reported(self, folder: Path) -> None:
        source = open_luh2(folder, Luh2Options(scenario="ssp126"))
        window = Window(20, 0, 2, 3)
        seam = source.inspect("luh2_states", (2014, 2016), window)["seam"]
        assert (seam["scenario"], seam["year"]) == ("ssp126", 2015)
        areas = source.fields["luh2_states"].grid.cell_areas(window)
        for label, seed in (
            ("history_2014", 2014),
            ("history_2015", 2015),
            ("scenario_2015", 11015),
        ):
            states = luh2_states(seed=seed)[(..., *window.slices)]
            expected = (states * areas).sum(axis=(1, 2)) / areas.sum()
            assert list(seam[label].values()) == pytest.approx(expected, abs=1e-6)
        assert source.inspect("luh2_states", (2014, 2015), window) == {}

    def test_provenance_names_only_files_that_are_used(self, folder: Path) -> None:
        source = open_luh2(folder, Luh2Options(scenario="ssp126"))
        assert [p.name for p in source.provenance({2014})] == ["states.nc"]
        assert [p.version for p in source.provenance()] == ["v2h", "v2f ssp126"]

    def test_a_scenario_that_is_not_there(self, folder: Path) -> None:
        with pytest.raises(MissingFileError, match=r"(?s)No states file.*ssp585"):
            open_luh2(folder, Luh2Options(scenario="ssp585"))

    def test_a_scenario_on_another_grid(self, folder: Path) -> None:
        write_luh2(folder / SSP126, {2016: luh2_states(36, 72)}, base=2015)
        with pytest.raises(SourceError, match=r"(?s)another grid.*ssp126"):
            open_luh2(folder, Luh2Options(scenario="ssp126"))

    def test_one_file_cannot_be_both(self, folder: Path) -> None:
        with pytest.raises(SourceError, match="history and scenario"):
            open_luh2(folder / "states.nc", Luh2Options(scenario="ssp126"))

    def test_two_histories(self, folder: Path) -> None:
        write_luh2(folder / "states4.nc", {2000: luh2_states()})
        with pytest.raises(
            SourceError, match=r"(?s)Several states files.*states\.nc \(v2h\), states4\.nc \(GCB"
        ):
            open_luh2(folder, Luh2Options())


def _source(
    path: Path, states: States, *, units: str = "1", names: Sequence[str] = LUH2_STATES
) -> Source:
    file = write_luh2(path / "states.nc", states, units=units, names=names)
    return open_luh2(file, Luh2Options())


WHOLE = Window(0, 0, 72, 144)


def test_percent_is_refused(tmp_path: Path) -> None:
    source = _source(tmp_path, {2000: luh2_states() * 100})
    with pytest.raises(SourceError, match=r"(?s)not shares of the cell.*2000.*1\.001.*percent"):
        source.read("luh2_states", 2000, WHOLE)


def test_percent_in_the_units_is_refused_from_the_header(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"(?s)other units.*primf.*found: %"):
        _source(tmp_path, {2000: luh2_states()}, units="%")


def test_a_sum_just_above_one_passes(tmp_path: Path) -> None:
    states = luh2_states()
    states[:, 30, 30] = 1.0009 / 12
    assert _source(tmp_path, {2000: states}).read("luh2_states", 2000, WHOLE).shape[0] == 12


def test_slightly_negative_is_clipped_and_counted(tmp_path: Path) -> None:
    states = luh2_states()
    states[3, 40, 40:45] = -5e-5
    source = open_luh2(write_luh2(tmp_path / "states.nc", {2000: states}), Luh2Options())
    read = source.read("luh2_states", 2000, WHOLE)
    assert (read[3, 40, 40:45] == 0).all()
    clipped = source.inspect("luh2_states", (2000,), WHOLE)["clipped"]
    assert clipped == {"negative values set to 0": {"2000": 5}}


def test_clearly_negative_is_refused(tmp_path: Path) -> None:
    states = luh2_states()
    states[3, 40, 40] = -0.01
    with pytest.raises(SourceError, match=r"(?s)not shares.*smallest -0\.01"):
        _source(tmp_path, {2000: states}).read("luh2_states", 2000, WHOLE)


def test_a_cell_that_lacks_one_state_is_refused(tmp_path: Path) -> None:
    states = luh2_states()
    states[7, 40, 40] = np.nan
    with pytest.raises(SourceError, match=r"(?s)lacks some of its states.*1 cells"):
        _source(tmp_path, {2000: states}).read("luh2_states", 2000, WHOLE)


def test_a_file_without_crops_is_refused_in_one_sentence(tmp_path: Path) -> None:
    names = [s for s in LUH2_STATES if not s.startswith("c")]
    text = r"(?s)lacks land-use states.*5 are missing: c3ann, c4ann, c3per, c4per, c3nfx"
    with pytest.raises(SourceError, match=text):
        _source(tmp_path, {2015: luh2_states()}, names=names)


@pytest.mark.realdata
def test_the_real_year_of_seven_states_is_refused(realdata: Path) -> None:
    with pytest.raises(SourceError, match=r"(?s)seven_states\.nc.*5 are missing: c3ann, c4ann"):
        open_luh2(realdata / "luh2" / "luh2_v2h_2015_seven_states.nc", Luh2Options())


@pytest.mark.realdata
def test_the_real_year_with_made_up_crops_is_read(realdata: Path, tmp_path: Path) -> None:
    """The real shares in their provider's layout, what they leave out given to the crops."""
    with netCDF4.Dataset(realdata / "luh2" / "luh2_v2h_2015_seven_states.nc") as file:
        file.set_auto_mask(False)
        real = {
            n: np.asarray(file[n][:], dtype=np.float32) for n in LUH2_STATES if n in file.variables
        }
    crops = (1 - np.sum(list(real.values()), axis=0)) / 5 * 0.5
    states = np.stack([real.get(n, crops) for n in LUH2_STATES])
    source = _source(tmp_path, {2015: states})
    grid = source.fields["luh2_states"].grid
    assert grid.shape == (720, 1440)
    sahara = source.read("luh2_states", 2015, grid.window_of(10.1, 24.1, 10.2, 24.2))[:, 0, 0]
    amazon = source.read("luh2_states", 2015, grid.window_of(-64.9, -5.2, -64.8, -5.1))[:, 0, 0]
    assert amazon[LUH2_STATES.index("primf")] > 0.7
    assert sahara[LUH2_STATES.index("primf")] == 0


@pytest.mark.parametrize(
    ("units", "calendar", "text"),
    [("steps of 1900", "standard", "steps of 1900"), ("days since 850-01-01", "own", "noleap")],
)
def test_another_time_axis_is_refused(tmp_path: Path, units: str, calendar: str, text: str) -> None:
    path = write_luh2(tmp_path / "states.nc", {2000: luh2_states()})
    with netCDF4.Dataset(path, "a") as file:
        file["time"].units = units
        file["time"].calendar = calendar
    with pytest.raises(SourceError, match=rf"(?s)(time axis|calendar) is not understood.*{text}"):
        open_luh2(path, Luh2Options())


def test_days_without_leap_days_are_years(tmp_path: Path) -> None:
    path = write_luh2(tmp_path / "states.nc", {1850: luh2_states(), 1851: luh2_states(seed=1)})
    with netCDF4.Dataset(path, "a") as file:
        file["time"].units = "days since 0850-01-01"
        file["time"][:] = [1000 * 365, 1001 * 365 + 182]
    assert open_luh2(path, Luh2Options()).fields["luh2_states"].ticks == (1850, 1851)


def test_uneven_latitudes_are_refused(tmp_path: Path) -> None:
    path = write_luh2(tmp_path / "states.nc", {1850: luh2_states()})
    with netCDF4.Dataset(path, "a") as file:
        file["lat"][5] += 0.7
    with pytest.raises(SourceError, match=r"(?s)regular grid.*states\.nc"):
        open_luh2(path, Luh2Options())
