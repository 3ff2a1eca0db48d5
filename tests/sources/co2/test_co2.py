"""CO2: tables of any number of comment lines, a year 0, misnamed units, histories and scenarios."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest

from ai4land.errors import MissingFileError, SourceError
from ai4land.grid import Grid, Window
from ai4land.sources.co2.co2 import Co2, Co2Options, open_co2
from ai4land.sources.source import Source
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.vocabulary import Clock
from provider_files.co2 import (
    cmip6_co2_name,
    write_cmip6_co2,
    write_cmip7_co2,
    write_co2_workbook,
    write_isimip_co2,
    write_noaa_annual,
    write_noaa_monthly,
)

CELL = Window(0, 0, 1, 1)
HISTORY = 24_180  # months of the years 0…2014
MONTHS = 280.0 + np.arange(HISTORY) / 240.0  # ppm, another value in each month
LATER = 400.0 + np.arange(12 * 486) / 48.0  # 2015…2500


def opened(path: Path, **options: object) -> Co2:
    return open_co2(path, Co2Options.model_validate(options))


def value(source: Co2, tick: int) -> float:
    return float(source.read("co2", tick, CELL)[0, 0])


def year_mean(months: np.ndarray, first: int, year: int) -> float:
    return float(months[(year - first) * 12 : (year - first + 1) * 12].mean())


class Co2Contract(SourceContract):
    """One cell for the globe: the poles and both hemispheres find it."""

    def test_one_cell_holds_the_globe(self, source: Source) -> None:
        field = source.fields["co2"]
        assert field.grid.shape == (1, 1)
        assert field.grid.is_global
        globe = 4 * np.pi * field.grid.earth.authalic_radius**2
        assert float(field.grid.cell_areas().sum()) == pytest.approx(globe, rel=1e-12)
        fine = Grid.regular(100, 90, "0.01", "0.01", (5, 5))
        rows, cols = field.grid.nearest(fine)
        assert (rows.max(), cols.max(), rows.min(), cols.min()) == (0, 0, 0, 0)


def marks(*entries: tuple[int, float]) -> list[Landmark]:
    places = ((45.0, 10.0), (-80.0, 179.0), (89.0, -179.0))
    return [Landmark("co2", tick, *places[i % 3], found) for i, (tick, found) in enumerate(entries)]


class TestNoaaAnnual(Co2Contract):
    comments = 43

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        values = {1959 + k: 315.98 + k for k in range(60)}
        return opened(write_noaa_annual(tmp_path / "a.csv", values, self.comments))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return marks((1959, 315.98), (1960, 316.98), (2018, 374.98))


class TestNoaaAnnualWithoutComments(TestNoaaAnnual):
    comments = 0


class TestHistoryAndScenarioOfCmip6(Co2Contract):
    """Years from 0 to 2500 of two files: a mixed calendar from year 0, then years of 365 days."""

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("cmip6")
        write_cmip6_co2(folder, MONTHS)
        write_cmip6_co2(folder, LATER, "ssp245")
        return folder

    @pytest.fixture
    def source(self, folder: Path) -> Source:
        return opened(folder, scenario="ssp245")

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return marks(
            (1, year_mean(MONTHS, 0, 1)),
            (1850, year_mean(MONTHS, 0, 1850)),
            (2014, year_mean(MONTHS, 0, 2014)),
            (2015, year_mean(LATER, 2015, 2015)),
            (2100, year_mean(LATER, 2015, 2100)),
        )

    def test_the_jump_at_the_seam_is_reported(self, source: Source) -> None:
        ticks = source.fields["co2"].ticks
        assert source.inspect("co2", (2013, 2014), CELL) == {}
        seam = source.inspect("co2", ticks, CELL)["seam"]
        last, first = year_mean(MONTHS, 0, 2014), year_mean(LATER, 2015, 2015)
        assert (seam["history"], seam["scenario"], seam["first"]) == (
            "historical",
            "ssp245",
            "2015",
        )
        assert seam["growth_across"] == pytest.approx(first - last, abs=1e-3)
        assert seam["growth_before"] == pytest.approx(0.05, abs=1e-3)
        assert seam["jump"] is None

    def test_provenance_names_only_the_files_that_are_used(self, source: Source) -> None:
        assert [e.name for e in source.provenance((1900,))] == [cmip6_co2_name(None)]
        assert len(source.provenance()) == 2


def test_months_from_year_zero_are_counted_not_decoded(tmp_path: Path) -> None:
    path = write_cmip6_co2(tmp_path, MONTHS)
    with netCDF4.Dataset(path) as file:
        assert file["time"].units == "days since 0-1-1"
        assert file["time"].calendar == "gregorian"
        assert file["time"].dtype == np.float32
    source = opened(path, clock="month")
    field = source.fields["co2"]
    assert (field.clock, field.ticks[0], field.ticks[-1]) == (Clock.MONTH, 12, 2014 * 12 + 11)
    assert field.clock.label(field.ticks[0]) == "0001-01"  # year 0 is no year of any calendar
    for tick in (12, 15, 1582 * 12 + 9, 1583 * 12, 1850 * 12, 2014 * 12 + 11):
        assert value(source, tick) == pytest.approx(MONTHS[tick], rel=1e-6)


def test_the_global_sector_is_taken_by_its_number(tmp_path: Path) -> None:
    path = write_cmip6_co2(tmp_path, LATER[:24], "ssp126")
    with netCDF4.Dataset(path, "a") as file:  # the same values in another order
        file["sector"][:] = [1, 2, 0]
        name = "mole_fraction_of_carbon_dioxide_in_air"
        file[name][:] = np.asarray(file[name][:])[:, [1, 2, 0]]
    assert value(opened(path), 2015) == pytest.approx(year_mean(LATER, 2015, 2015), rel=1e-6)
    with netCDF4.Dataset(path, "a") as file:
        file["sector"].ids = "0: Northern Hemisphere; 1: Southern Hemisphere; 2: Global"
    with pytest.raises(SourceError, match=r"(?s)no global mean.*GMNHSH"):
        opened(path)


def test_years_of_365_days_do_not_drift(tmp_path: Path) -> None:
    source = opened(write_cmip6_co2(tmp_path, LATER, "ssp585"), clock="month")
    ticks = source.fields["co2"].ticks
    assert (ticks[0], ticks[-1], len(ticks)) == (2015 * 12, 2500 * 12 + 11, LATER.size)
    assert value(source, 2400 * 12 + 5) == pytest.approx(LATER[(2400 - 2015) * 12 + 5], rel=1e-6)


def test_units_other_than_parts_per_million_are_refused(tmp_path: Path) -> None:
    path = write_cmip6_co2(tmp_path, LATER[:24], "ssp126")
    name = "mole_fraction_of_carbon_dioxide_in_air"
    with netCDF4.Dataset(path, "a") as file:
        file[name].units = "1"
    with pytest.raises(SourceError, match=r"(?s)other units.*1\.e-6.*found: 1"):
        opened(path)
    with netCDF4.Dataset(path, "a") as file:
        file[name].delncattr("units")
    with pytest.raises(SourceError, match="no units"):
        opened(path)
    path = write_noaa_annual(tmp_path / "a.csv", {2000: 0.00037, 2001: 0.00038})
    with pytest.raises(SourceError, match="not co2 in ppm"):
        opened(path)


def test_a_hole_in_the_months_is_refused(tmp_path: Path) -> None:
    path = write_cmip6_co2(tmp_path, LATER[:24], "ssp126")
    with netCDF4.Dataset(path, "a") as file:
        file["time"][12:] = np.asarray(file["time"][12:]) + 31
    with pytest.raises(SourceError, match="neither months nor years"):
        opened(path)


class TestCmip7(Co2Contract):
    """Annual files that continue each other, and a scenario that begins with their last year."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        write_cmip7_co2(tmp_path, 270 + np.arange(750) / 100, 1000)
        write_cmip7_co2(tmp_path, 278 + np.arange(273) / 2, 1750)
        write_cmip7_co2(tmp_path, 420.5 + np.arange(79.0), 2022, "vl")
        return opened(tmp_path, scenario="vl")

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return marks((1000, 270.0), (1750, 278.0), (2022, 414.0), (2023, 421.5), (2100, 498.5))

    def test_the_last_year_of_the_history_stays_and_the_difference_is_reported(
        self, source: Source
    ) -> None:
        seam = source.inspect("co2", source.fields["co2"].ticks, CELL)["seam"]
        assert seam["first"] == "2023"
        assert (seam["compared_in"], seam["jump"]) == ("2022", pytest.approx(6.5))

    def test_scenario_can_be_joined_earlier(self, tmp_path: Path, source: Source) -> None:
        joined = opened(tmp_path, scenario="vl", join=2022)
        assert (value(joined, 2021), value(joined, 2022)) == (413.5, 420.5)


def test_months_of_cmip7_and_a_zonal_file(tmp_path: Path) -> None:
    months = 400 + np.arange(36.0)
    source = opened(write_cmip7_co2(tmp_path, months, 1999, monthly=True), clock="month")
    assert source.fields["co2"].ticks == tuple(range(1999 * 12, 2002 * 12))
    assert value(source, 2000 * 12 + 1) == 413.0
    zonal = write_cmip7_co2(tmp_path, months[:3], 1999, latitude=(-45.0, 45.0))
    with pytest.raises(SourceError, match=r"(?s)no global mean.*dimension lat.*gm of CMIP7"):
        opened(zonal)


def monthly(last: int = 12) -> dict[tuple[int, int], float | None]:
    table: dict[tuple[int, int], float | None] = {
        (1958 + k // 12, k % 12 + 1): 315.0 + k / 8 for k in range(2, 36 + last)
    }
    return table


@pytest.mark.parametrize("name", ["co2_mm_mlo.csv", "co2_mm_mlo.txt"])
def test_months_of_noaa_with_and_without_commas(tmp_path: Path, name: str) -> None:
    path = write_noaa_monthly(tmp_path / name, monthly())
    source = opened(path, clock="month")
    ticks = source.fields["co2"].ticks
    assert (ticks[0], ticks[-1]) == (1958 * 12 + 2, 1961 * 12 + 11)
    assert value(source, 1960 * 12) == pytest.approx(315.0 + 3)  # the mean, not the deseasonalised
    years = opened(path)
    assert years.fields["co2"].ticks == (1959, 1960, 1961)  # 1958 begins in March
    assert value(years, 1959) == pytest.approx(315.0 + np.arange(12, 24).mean() / 8, abs=0.01)


def test_sentinels_of_noaa_are_missing(tmp_path: Path) -> None:
    table = monthly() | {(1960, 5): None}
    path = write_noaa_monthly(tmp_path / "m.csv", table)
    months = opened(path, clock="month").fields["co2"]
    assert months.gaps == {1960 * 12 + 4: "the table has no complete value"}
    assert opened(path).fields["co2"].gaps == {1960: "the table has no complete value"}
    with pytest.raises(SourceError, match=r"(?s)no such time.*no complete value"):
        opened(path).read("co2", 1960, CELL)


def test_years_are_better_than_means_of_months_and_cannot_become_months(tmp_path: Path) -> None:
    write_noaa_monthly(tmp_path / "co2_mm_mlo.csv", monthly())
    path = write_noaa_annual(tmp_path / "co2_annmean_mlo.csv", {1959: 315.98, 1960: 316.91})
    assert value(opened(tmp_path), 1959) == pytest.approx(315.98)
    assert opened(tmp_path, clock="month").fields["co2"].ticks[0] == 1958 * 12 + 2
    with pytest.raises(SourceError, match=r"(?s)years, not months.*clock: year"):
        opened(path, clock="month")
    write_noaa_annual(tmp_path / "co2_annmean_gl.csv", {1960: 316.0})
    with pytest.raises(SourceError, match=r"(?s)same years.*observed, 1960…1960"):
        opened(tmp_path)


class TestWorkbook(Co2Contract):
    """Sheets with stray blanks in their names; the history and one of the scenarios."""

    @pytest.fixture
    def book(self, tmp_path: Path) -> Path:
        pytest.importorskip("openpyxl", reason="workbooks need openpyxl")
        tables = {
            "history": {y: 277.0 + (y - 1750) * 0.45 for y in range(1750, 2015)},
            **{
                name: {y: 400.0 + k + (y - 2015) for y in range(2015, 2031)}
                for k, name in enumerate(
                    ("SSP1-2.6", "SSP3-7.0", "SSP3-7.0-lowNTCF", "SSP5-3.4-over")
                )
            },
        }
        return write_co2_workbook(tmp_path / "SUPPLEMENT_DataTables.xlsx", tables)

    @pytest.fixture
    def source(self, book: Path) -> Source:
        return opened(book, scenario="ssp370")

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return marks((1750, 277.0), (2014, 277.0 + 264 * 0.45), (2015, 401.0), (2030, 416.0))

    @pytest.mark.parametrize(
        ("name", "first"),
        [("ssp126", 400.0), ("SSP3-7.0-lowNTCF", 402.0), ("ssp534", 403.0), ("ssp534-over", 403.0)],
    )
    def test_scenarios_are_found_by_any_spelling(self, book: Path, name: str, first: float) -> None:
        assert value(opened(book, scenario=name), 2015) == first

    def test_scenarios_that_are_not_there_are_named(self, book: Path) -> None:
        with pytest.raises(SourceError, match=r"(?s)No such series.*SSP5-3\.4-over.*'ssp245'"):
            opened(book, scenario="ssp245")
        with pytest.raises(SourceError, match=r"(?s)Several series.*'ssp'"):
            opened(book, scenario="ssp")

    def test_history_and_scenario_must_meet(self, book: Path) -> None:
        with pytest.raises(SourceError, match=r"(?s)do not meet.*until 2009.*2010.*say `join`"):
            opened(book, scenario="ssp126", join=2010)


def test_years_and_values_without_a_header(tmp_path: Path) -> None:
    path = write_isimip_co2(tmp_path / "co2_ssp126_annual_2015_2017.txt", {2015: 399.9, 2016: 402})
    assert opened(path).fields["co2"].ticks == (2015, 2016)
    assert value(opened(path), 2016) == 402.0


@pytest.mark.parametrize(
    "text", ["", "# only\n# comments\n", "hello\nworld\n", "name,value\nx,1\n", "2000,1,2,3\n"]
)
def test_what_is_no_table_of_co2_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(SourceError, match="Not a table of CO2"):
        opened(path)


def test_a_year_twice_and_a_row_without_year_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("year,mean\n2000,370\n2000,371\n")
    with pytest.raises(SourceError, match="occurs twice"):
        opened(path)
    path.write_text("year,mean\n2000,370\nmean,371\n")
    with pytest.raises(SourceError, match="no time"):
        opened(path)
    with pytest.raises(MissingFileError, match="No file of CO2"):
        opened(tmp_path / "absent")


@pytest.mark.realdata
class TestRealMaunaLoa(Co2Contract):
    """Annual means of Mauna Loa, with another header than NOAA's own."""

    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        return opened(realdata / "real_bytes" / "co2-annmean-mlo.csv")

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return marks((1959, 315.98), (1960, 316.91), (2000, 369.71))


@pytest.mark.realdata
class TestRealScenarios(Co2Contract):
    """One table of histories and scenarios of CMIP5 and CMIP6, one column each."""

    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        return opened(
            realdata / "co2" / "AtmosCO2.csv", history="CMIP6_historical", scenario="ssp126"
        )

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return marks((1750, 277.15), (2499, 384.28), (2500, 384.25))

    def test_the_seam_of_cmip6_is_smooth(self, source: Source) -> None:
        seam = source.inspect("co2", source.fields["co2"].ticks, CELL)["seam"]
        assert seam["history_last"] == 397.55
        assert seam["scenario_first"] == 399.95
        assert 0 < seam["growth_across"] < 3

    def test_two_histories_need_a_name(self, realdata: Path) -> None:
        with pytest.raises(SourceError, match=r"(?s)Which.*CMIP5_historical, CMIP6_historical"):
            opened(realdata / "co2" / "AtmosCO2.csv", scenario="ssp126")


@pytest.mark.realdata
class TestRealObservations(Co2Contract):
    """Gases since 1850 and one value of 1750: the years between are a gap."""

    @pytest.fixture
    def source(self, realdata: Path) -> Source:
        return opened(realdata / "co2" / "ghg_concentrations_observed.csv")

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return marks((1750, 278.377857), (1850, 285.583545), (2024, 422.79))

    def test_years_between_the_first_two_rows_are_gaps(self, source: Source) -> None:
        assert len(source.fields["co2"].gaps) == 99
