from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
import zarr
from cube_specs import LANDUSE8, annual, cube_spec, monthly, static, values_of
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.cube import Block, Cube, CubeSpec, CubeWriter, GroupSpec, Status, VariableSpec
from ai4land.errors import CubeError, MissingFileError
from ai4land.grid import Grid, Window
from ai4land.vocabulary import NO_DATA, Clock, variable

Change = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
YEARS = tuple(range(1990, 2011))
MONTHS = tuple(range(2000 * 12, 2000 * 12 + 15))


@pytest.fixture
def spec() -> CubeSpec:
    return cube_spec(annual(YEARS), monthly(MONTHS), static())


def _fill(writer: CubeWriter, blocks: list[Block]) -> None:
    for block in blocks:
        status = {t: Status.BACK_CAST if t < 1995 else Status.OBSERVED for t in block.ticks}
        writer.write(block, values_of(writer.spec, block), status)


def _write(path: Path, spec: CubeSpec) -> Cube:
    writer = CubeWriter(path, spec)
    _fill(writer, writer.pending())
    writer.finish()
    return Cube(path)


def _bytes(store: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(store)): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()
    }


def test_what_was_written_is_read(tmp_path: Path, spec: CubeSpec) -> None:
    cube = _write(tmp_path / "c.zarr", spec)
    writer_blocks = list(CubeWriter(tmp_path / "d.zarr", spec).blocks())
    for block in writer_blocks:
        expected = values_of(spec, block)
        for i, tick in enumerate(block.ticks or (None,)):
            found = cube.read(block.variable, tick, block.window)
            assert np.array_equal(found, expected[i] if block.ticks else expected)
    assert cube.variables == ("land_use", "land_use_fractions", "leaf_area_index", "elevation")
    assert cube.attributes["title"] == "Test"
    assert cube.series("land_use").shape == (21, 20, 30)
    assert cube.series("elevation").shape == (20, 30)


def test_status_is_kept(tmp_path: Path, spec: CubeSpec) -> None:
    cube = _write(tmp_path / "c.zarr", spec)
    status = cube.status("land_use")
    assert status[1994] is Status.BACK_CAST
    assert status[1995] is Status.OBSERVED
    assert cube.status("elevation") == {}


@given(row=st.integers(-25, 25), col=st.integers(-35, 35), height=st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_a_window_beyond_the_grid_is_missing_there(
    tmp_path_factory: pytest.TempPathFactory, row: int, col: int, height: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "window.zarr"
    spec = cube_spec(annual((2000,)))
    cube = Cube(path) if path.exists() else _write(path, spec)
    whole = np.full((20 + 120, 30 + 120), NO_DATA, dtype=np.uint8)
    whole[60:80, 60:90] = cube.read("land_use", 2000)
    window = Window(row, col, height, 11)
    expected = whole[row + 60 : row + 60 + height, col + 60 : col + 71]
    assert np.array_equal(cube.read("land_use", 2000, window), expected)


def test_a_window_goes_around_a_global_grid(tmp_path: Path) -> None:
    globe = Grid.regular(-180, 90, 5, 5, (36, 72))
    group = GroupSpec("g", globe, Clock.STATIC, (), (VariableSpec(variable("elevation")),))
    writer = CubeWriter(tmp_path / "c.zarr", cube_spec(group))
    values = np.arange(36 * 72, dtype=np.float32).reshape(36, 72)
    for block in writer.pending():
        writer.write(block, values[block.window.slices], {})
    writer.finish()
    read = Cube(tmp_path / "c.zarr").read("elevation", window=Window(3, 70, 2, 5))
    assert np.array_equal(read, values[3:5][:, [70, 71, 0, 1, 2]])


def test_years_are_integers_and_months_are_dates_for_xarray(tmp_path: Path, spec: CubeSpec) -> None:
    path = tmp_path / "c.zarr"
    _write(path, spec)
    fine = xr.open_zarr(path, group="fine_annual", consolidated=False)
    assert fine["land_use"].dims == ("year", "lat", "lon")
    assert fine["year"].values.tolist() == list(YEARS)
    assert fine["land_use"].attrs["flag_meanings"].split() == list(LANDUSE8.names)
    months = xr.open_zarr(path, group="coarse_monthly", consolidated=False)
    assert str(months["time"].values[14])[:10] == "2001-03-01"
    assert months["leaf_area_index"].attrs["units"] == "m2 m-2"


@pytest.mark.parametrize("after", [0, 1, 3])
def test_resuming_gives_the_same_bytes(tmp_path: Path, spec: CubeSpec, after: int) -> None:
    _write(tmp_path / "straight.zarr", spec)
    first = CubeWriter(tmp_path / "c.zarr", spec)
    _fill(first, first.pending()[:after])
    second = CubeWriter(tmp_path / "c.zarr", spec)
    assert len(second.pending()) == len(list(second.blocks())) - after
    _fill(second, second.pending())
    second.finish()
    assert _bytes(tmp_path / "c.zarr") == _bytes(tmp_path / "straight.zarr")


def test_a_block_that_was_half_written_is_written_again(tmp_path: Path, spec: CubeSpec) -> None:
    """The process died between the chunk and the journal, and in the middle of a journal line."""
    _write(tmp_path / "straight.zarr", spec)
    first = CubeWriter(tmp_path / "c.zarr", spec)
    _fill(first, first.pending()[:2])
    journal = tmp_path / "c.zarr" / ".journal"
    journal.write_text(journal.read_text()[:-9])
    second = CubeWriter(tmp_path / "c.zarr", spec)
    _fill(second, second.pending())
    second.finish()
    assert _bytes(tmp_path / "c.zarr") == _bytes(tmp_path / "straight.zarr")


def test_a_torn_journal_line_does_not_swallow_the_next(tmp_path: Path, spec: CubeSpec) -> None:
    """After a torn last line, what is appended must start on a line of its own."""
    first = CubeWriter(tmp_path / "c.zarr", spec)
    _fill(first, first.pending()[:2])
    journal = tmp_path / "c.zarr" / ".journal"
    journal.write_text(journal.read_text()[:-9])
    second = CubeWriter(tmp_path / "c.zarr", spec)
    todo = len(second.pending())
    _fill(second, second.pending()[:1])
    third = CubeWriter(tmp_path / "c.zarr", spec)
    assert len(third.pending()) == todo - 1


def test_a_death_while_declaring_starts_again(tmp_path: Path, spec: CubeSpec) -> None:
    CubeWriter(tmp_path / "c.zarr", spec)
    (tmp_path / "c.zarr" / ".journal").unlink()
    shutil.rmtree(tmp_path / "c.zarr" / "fine_static")
    writer = CubeWriter(tmp_path / "c.zarr", spec)
    _fill(writer, writer.pending())
    writer.finish()
    assert Cube(tmp_path / "c.zarr").read("elevation").shape == (20, 30)


def test_an_unfinished_cube_is_not_opened(tmp_path: Path, spec: CubeSpec) -> None:
    writer = CubeWriter(tmp_path / "c.zarr", spec)
    _fill(writer, writer.pending()[:1])
    with pytest.raises(CubeError, match=r"(?s)not finished.*resumes where it stopped"):
        Cube(tmp_path / "c.zarr")
    assert Cube(tmp_path / "c.zarr", allow_incomplete=True).variables
    with pytest.raises(CubeError, match=r"(?s)cannot be finished.*the first is fine_annual"):
        writer.finish()


def test_another_declaration_does_not_resume(tmp_path: Path, spec: CubeSpec) -> None:
    CubeWriter(tmp_path / "c.zarr", spec)
    other = cube_spec(*spec.groups, attributes={"title": "Other"})
    with pytest.raises(CubeError, match=r"(?s)another recipe.*attributes\.title.*'Other'.*'Test'"):
        CubeWriter(tmp_path / "c.zarr", other)
    assert CubeWriter(tmp_path / "c.zarr", other, overwrite=True).pending()


def test_what_is_not_a_cube_is_left_alone(tmp_path: Path, spec: CubeSpec) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").write_bytes(b"x")
    (tmp_path / "file").write_bytes(b"x")
    for name in ("photos", "file"):
        with pytest.raises(CubeError, match="not a cube"):
            CubeWriter(tmp_path / name, spec)
        with pytest.raises(CubeError, match="Only a Zarr store"):
            CubeWriter(tmp_path / name, spec, overwrite=True)
    assert (tmp_path / "photos" / "me.jpg").exists()


def _block(spec: CubeSpec, name: str) -> Block:
    return next(b for b in annual_blocks(spec) if b.variable == name)


def annual_blocks(spec: CubeSpec) -> list[Block]:
    """Blocks that any writer of the spec would list."""
    return [
        Block(g.name, v.name, g.ticks[: g.block_ticks()], Window(0, 0, *g.grid.shape))
        for g in spec.groups
        for v in g.variables
    ]


def _spoilt(spec: CubeSpec, name: str, change: Change) -> tuple[Block, Any]:
    block = _block(spec, name)
    return block, change(values_of(spec, block).copy())


def _put(value: float) -> Change:
    def change(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        values[(0,) * values.ndim] = value
        return values

    return change


@pytest.mark.parametrize(
    ("name", "change", "text"),
    [
        ("land_use", _put(9), r"legend does not know.*landuse8.*found: \[9\].*crosswalk"),
        ("land_use", lambda v: v.astype(np.int32), r"Classes must be uint8.*int32"),
        ("land_use", lambda v: v[:, :-1], r"another shape"),
        ("land_use_fractions", _put(1.5), r"physical bounds.*0\.0…1\.0.*1\.5.*units"),
        ("land_use_fractions", lambda v: v * 100, r"physical bounds"),
        ("leaf_area_index", _put(-1), r"physical bounds.*m2 m-2"),
        ("leaf_area_index", _put(np.inf), r"Infinite"),
        ("elevation", _put(1e20), r"physical bounds.*fill value"),
    ],
)
def test_values_that_do_not_fit_are_refused_and_nothing_is_written(
    tmp_path: Path, spec: CubeSpec, name: str, change: Change, text: str
) -> None:
    writer = CubeWriter(tmp_path / "c.zarr", spec)
    before = _bytes(tmp_path / "c.zarr")
    block, values = _spoilt(spec, name, change)
    with pytest.raises(CubeError, match=rf"(?s){text}"):
        writer.write(block, values, dict.fromkeys(block.ticks, Status.OBSERVED))
    assert _bytes(tmp_path / "c.zarr") == before


def test_rounding_beyond_a_bound_passes(tmp_path: Path, spec: CubeSpec) -> None:
    writer = CubeWriter(tmp_path / "c.zarr", spec)
    block, values = _spoilt(spec, "land_use_fractions", _put(1.0001))
    writer.write(block, values, dict.fromkeys(block.ticks, Status.OBSERVED))
    assert block.key not in {b.key for b in writer.pending()}


class TestDamage:
    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError, match=r"(?s)no cube here.*ai4land build"):
            Cube(tmp_path / "absent.zarr")

    def test_another_zarr_store(self, tmp_path: Path) -> None:
        zarr.open_group(str(tmp_path / "z.zarr"), mode="w", zarr_format=3)
        with pytest.raises(CubeError, match=r"(?s)not an AI4Land cube.*'ai4land'"):
            Cube(tmp_path / "z.zarr")

    def test_damaged_metadata(self, tmp_path: Path, spec: CubeSpec) -> None:
        _write(tmp_path / "c.zarr", spec)
        (tmp_path / "c.zarr" / "zarr.json").write_text("{ no json")
        with pytest.raises(CubeError, match="metadata is damaged"):
            Cube(tmp_path / "c.zarr")

    def test_a_damaged_chunk_names_variable_and_place(self, tmp_path: Path, spec: CubeSpec) -> None:
        cube = _write(tmp_path / "c.zarr", spec)
        chunk = tmp_path / "c.zarr" / "fine_annual" / "land_use" / "c" / "0" / "0" / "0"
        chunk.write_bytes(chunk.read_bytes()[:20])
        with pytest.raises(CubeError, match=r"(?s)cannot be decoded.*land_use.*build it again"):
            cube.read("land_use", 1990)

    def test_a_future_schema(self, tmp_path: Path, spec: CubeSpec) -> None:
        _write(tmp_path / "c.zarr", spec)
        path = tmp_path / "c.zarr" / "zarr.json"
        data = json.loads(path.read_text())
        data["attributes"]["ai4land"]["schema_version"] = 2
        path.write_text(json.dumps(data))
        with pytest.raises(CubeError, match=r"(?s)another schema version.*build it again"):
            Cube(tmp_path / "c.zarr")


def test_reading_names_what_is_not_there(tmp_path: Path, spec: CubeSpec) -> None:
    cube = _write(tmp_path / "c.zarr", spec)
    with pytest.raises(CubeError, match=r"(?s)no such variable.*'slope'"):
        cube.read("slope")
    with pytest.raises(CubeError, match=r"(?s)no such time.*1990…2010.*1850"):
        cube.read("land_use", 1850)
    with pytest.raises(CubeError, match=r"(?s)A time is needed.*land_use"):
        cube.read("land_use")


def test_sharded_cubes_are_written_in_bands(tmp_path: Path) -> None:
    grid = Grid.regular(0, 80, "1/100", "1/100", (2100, 40))
    group = GroupSpec(
        "fine", grid, Clock.YEAR, (2000,), (VariableSpec(variable("land_use"), LANDUSE8),)
    )
    writer = CubeWriter(tmp_path / "c.zarr", cube_spec(group))
    blocks = writer.pending()
    assert [(b.window.row, b.window.height) for b in blocks] == [
        (0, 1024),
        (1024, 1024),
        (2048, 52),
    ]
    whole = (np.arange(2100 * 40).reshape(1, 2100, 40) % 8).astype(np.uint8)
    for block in blocks:
        rows = block.window.slices[0]
        writer.write(block, whole[:, rows], {2000: Status.OBSERVED})
    writer.finish()
    window = Window(1000, 5, 100, 30)
    found = Cube(tmp_path / "c.zarr").read("land_use", 2000, window)
    assert np.array_equal(found, whole[0][window.slices])
