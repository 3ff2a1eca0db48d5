from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.errors import SourceError
from ai4land.grid import Grid, Window
from ai4land.sources import (
    HildaOptions,
    LabelForcing,
    LabelsOptions,
    Product,
    Provenance,
    Source,
    SourceField,
    open_hilda,
)
from ai4land.sources.labels import coarse_grid
from ai4land.testing.contracts.source import Landmark, SourceContract
from ai4land.vocabulary import NO_DATA, Clock, legend, variable
from provider_files.tiny import HILDA_V1, class_map, write_series

LANDUSE8 = legend("landuse8")


def _forcing(
    codes: np.ndarray[tuple[int, int], np.dtype[np.uint8]], options: LabelsOptions
) -> tuple[LabelForcing, Grid]:
    fine = Grid.regular(20, 40, 0.1, 0.1, codes.shape)
    labels = SourceField(variable("land_use"), fine, Clock.YEAR, (2000,), LANDUSE8)
    coarse = coarse_grid(fine, options)

    def read(tick: int, window: Window) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
        return codes[window.slices]

    return LabelForcing(labels, LANDUSE8, read, coarse), fine


class TestForcing(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        series = open_hilda(
            write_series(tmp_path, HILDA_V1, {2000: class_map(12, 16)}), HildaOptions(version="v1")
        )
        field = series.fields["land_use"]
        assert field.legend is not None
        coarse = coarse_grid(field.grid, LabelsOptions(cells=(4, 5)))

        def read(tick: int, window: Window) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
            return series.read("land_use", tick, window)

        return LabelForcing(field, field.legend, read, coarse)

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        return [
            Landmark("land_share", 2000, 39.75, 20.25, 0.0),  # all sea
            Landmark("land_use_fractions", 2000, 39.75, 20.25, (0.0,) * 9),
            Landmark("land_share", 2000, 39.35, 20.75, 1.0),
        ]

    def test_provenance_is_complete(self, source: Source) -> None:
        assert source.provenance() == []  # the files are those of the labels


def test_golden_fractions_of_known_land() -> None:
    """Two rows of equal area within rounding: sea and missing are out of the denominator."""
    codes = np.array([[0, 0, 2, 2], [4, 255, 2, 1]], dtype=np.uint8)
    forcing, fine = _forcing(codes, LabelsOptions(cells=(2, 2)))
    shares = forcing.read("land_use_fractions", 2000, Window(0, 0, 1, 2))
    land = forcing.read("land_share", 2000, Window(0, 0, 1, 2))
    rows = fine.row_areas()
    assert shares[:, 0, 0].tolist() == [0, 0, 0, 0, 1, 0, 0, 0]
    assert land[0, 0] == pytest.approx(rows[1] / (2 * rows.sum()))
    assert shares[2, 0, 1] == pytest.approx((2 * rows[0] + rows[1]) / (2 * rows.sum()))
    assert shares[1, 0, 1] == pytest.approx(rows[1] / (2 * rows.sum()))
    assert land[0, 1] == pytest.approx(1.0)


@given(
    seed=st.integers(0, 10_000),
    height=st.integers(2, 20),
    width=st.integers(2, 20),
    options=st.one_of(
        st.tuples(st.integers(1, 7), st.integers(1, 7)).map(lambda c: LabelsOptions(cells=c)),
        st.sampled_from([0.25, 0.3, 0.5, 1.0]).map(lambda d: LabelsOptions(degrees=d)),
    ),
)
@settings(max_examples=60, deadline=None)
def test_area_of_every_land_class_is_conserved(
    seed: int, height: int, width: int, options: LabelsOptions
) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.choice(np.array([*range(8), NO_DATA], dtype=np.uint8), (height, width))
    forcing, fine = _forcing(codes, options)
    whole = forcing.fields["land_share"].grid.window
    shares = forcing.read("land_use_fractions", 2000, whole).astype(np.float64)
    land = forcing.read("land_share", 2000, whole).astype(np.float64)
    areas = forcing.fields["land_share"].grid.cell_areas() * land
    for code in range(8):
        expected = float(fine.cell_areas()[codes == code].sum()) if code else 0.0
        assert (shares[code] * areas).sum() == pytest.approx(expected, rel=1e-5, abs=1.0)
    totals = shares.sum(axis=0)
    assert np.allclose(totals[land > 0], 1, atol=1e-5)
    assert (totals[land == 0] == 0).all()


def test_degrees_lie_on_whole_multiples_and_cover_the_labels() -> None:
    fine = Grid.regular("2347/100", "357/10", "1/100", "1/100", (90, 288))
    grid = coarse_grid(fine, LabelsOptions(degrees=0.25))
    assert (str(grid.west), str(grid.north), str(grid.dx)) == ("93/4", "143/4", "1/4")
    assert grid.west <= fine.west
    assert grid.east >= fine.east
    assert grid.south <= fine.south
    third = coarse_grid(fine, LabelsOptions(degrees=1 / 3))
    assert str(third.dx) == "1/3"


def test_both_or_neither_size_is_refused() -> None:
    for given_ in ({}, {"cells": [2, 2], "degrees": 1}):
        with pytest.raises(ValueError, match="either cells"):
            LabelsOptions.model_validate(given_)


def test_provenance_entry_is_plain_data() -> None:
    product = Product("p", "v", "l", "c")
    entry = Provenance("f", "0" * 64, product.name, product.version, product.licence, "c")
    assert entry.to_dict()["product"] == "p"


def _series(
    maps: dict[int, np.ndarray[tuple[int, int], np.dtype[np.uint8]]],
    options: LabelsOptions,
    ticks: tuple[int, ...] | None = None,
) -> LabelForcing:
    shape = next(iter(maps.values())).shape
    fine = Grid.regular(20, 40, 0.1, 0.1, shape)
    labels = SourceField(variable("land_use"), fine, Clock.YEAR, tuple(maps), LANDUSE8)

    def read(tick: int, window: Window) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
        return maps[tick][window.slices]

    return LabelForcing(labels, LANDUSE8, read, coarse_grid(fine, options), ticks)


class TestTransitions(SourceContract):
    @pytest.fixture
    def source(self) -> Source:
        before = np.array([[1, 1, 2, 2], [1, 1, 2, 4]], dtype=np.uint8)
        after = np.array([[1, 2, 2, 2], [1, 1, 4, 0]], dtype=np.uint8)
        return _series({2000: before, 2003: after}, LabelsOptions(cells=(1, 2)))

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        def shares(**pairs: float) -> tuple[float, ...]:
            return tuple(
                pairs.get(name, 0.0)
                for name in variable("land_use_gross_transitions").layers(LANDUSE8.names)
            )

        name = "land_use_gross_transitions"
        return [
            Landmark(name, 2000, 39.95, 20.1, shares(urban_to_urban=0.5, urban_to_cropland=0.5)),
            Landmark(name, 2000, 39.95, 20.3, shares(cropland_to_cropland=1.0)),
            # forest became sea: it is no land of both times
            Landmark(name, 2000, 39.85, 20.3, shares(cropland_to_forest=1.0)),
        ]

    def test_provenance_is_complete(self, source: Source) -> None:
        assert source.provenance() == []  # the files are those of the labels

    def test_they_say_what_they_are_worth(self, source: Source) -> None:
        said = source.inspect("land_use_gross_transitions", (2000,), Window(0, 0, 2, 2))
        assert said["evidence"].startswith("upper bound")
        assert said["until"] == {"2000": 2003}


@given(seed=st.integers(0, 10_000), cells=st.tuples(st.integers(1, 7), st.integers(1, 7)))
@settings(max_examples=40, deadline=None)
def test_transitions_lead_from_the_fractions_of_one_time_to_those_of_the_next(
    seed: int, cells: tuple[int, int]
) -> None:
    rng = np.random.default_rng(seed)
    sea = rng.random((11, 13)) < 0.2
    maps = {
        year: np.where(sea, np.uint8(0), rng.integers(1, 8, sea.shape).astype(np.uint8))
        for year in (2000, 2001, 2004)
    }
    forcing = _series(maps, LabelsOptions(cells=cells))
    whole = forcing.fields["land_share"].grid.window
    for before, after in ((2000, 2001), (2001, 2004)):
        flows = forcing.read("land_use_gross_transitions", before, whole)
        flows = flows.reshape(8, 8, *whole.shape)
        for tick, axis in ((before, 1), (after, 0)):
            fractions = forcing.read("land_use_fractions", tick, whole)
            np.testing.assert_allclose(flows.sum(axis=axis), fractions, atol=1e-6)
    with pytest.raises(SourceError, match="no such time"):
        forcing.read("land_use_gross_transitions", 2004, whole)


def test_transitions_lead_between_the_times_that_a_cube_holds() -> None:
    maps = {y: np.full((2, 2), 1 + y - 2000, np.uint8) for y in (2000, 2001, 2002)}
    forcing = _series(maps, LabelsOptions(cells=(2, 2)), (2000, 2002))
    assert forcing.fields["land_use_gross_transitions"].ticks == (2000,)
    flows = forcing.read("land_use_gross_transitions", 2000, Window(0, 0, 1, 1))
    assert flows.reshape(8, 8)[1, 3] == 1.0
    single = _series({2000: maps[2000]}, LabelsOptions(cells=(2, 2)))
    with pytest.raises(SourceError, match="two labelled times"):
        single.fields["land_use_gross_transitions"]


def test_forcing_is_named_after_its_labels() -> None:
    fine = Grid.regular(20, 40, 0.1, 0.1, (2, 4))
    labels = SourceField(variable("land_cover"), fine, Clock.YEAR, (2000, 2001), LANDUSE8)
    maps = {year: np.full(fine.shape, year - 1999, np.uint8) for year in (2000, 2001)}
    coarse = coarse_grid(fine, LabelsOptions(cells=(2, 2)))
    forcing = LabelForcing(labels, LANDUSE8, lambda tick, w: maps[tick][w.slices], coarse)
    names = {"land_cover_fractions", "land_share", "land_cover_gross_transitions"}
    assert set(forcing.fields) == names
    whole = coarse.window
    assert (forcing.read("land_cover_fractions", 2001, whole)[2] == 1.0).all()
    flows = forcing.read("land_cover_gross_transitions", 2000, whole).reshape(8, 8, *whole.shape)
    assert (flows[1, 2] == 1.0).all()
    assert (
        "upper bound" in forcing.inspect("land_cover_gross_transitions", (2000,), whole)["evidence"]
    )
