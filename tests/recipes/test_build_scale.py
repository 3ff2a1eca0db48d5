from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import textwrap
import tracemalloc
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import yaml
import zarr.storage
from zarr.core.buffer import Buffer

from ai4land.cube import Cube, CubeWriter, Status
from ai4land.errors import ConfigError, CubeError, SourceError
from ai4land.grid import Grid, Window, overlap
from ai4land.recipes import Recipe, Step, build_cube, check_recipe, load_recipe
from ai4land.regrid import class_fractions
from ai4land.sources import Provenance, Reader, SourceField
from ai4land.sources.products import SOURCES
from ai4land.sources.reader import Strict
from ai4land.vocabulary import NO_DATA, Clock, legend, variable
from provider_files.tiny import (
    HILDA_V1,
    class_map,
    luh2_states,
    write_elevation,
    write_hilda_netcdf,
    write_luh2,
    write_series,
)

YEARS = range(1960, 1990)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty years of labels on 0.1°, LUH2 on 2.5°, relief on 1°."""
    path = tmp_path_factory.mktemp("scale")
    maps = {y: class_map(24, 32, seed=y) for y in YEARS}
    write_series(path / "hilda", HILDA_V1, maps)
    write_luh2(path / "luh2" / "states.nc", {y: luh2_states(seed=y) for y in range(1955, 1985)})
    lat, lon = 89.5 - np.arange(180.0), np.arange(360.0) + 0.5
    relief = (np.arange(180)[:, None] * 3 + np.arange(360)[None]).astype(np.int16)
    write_elevation(path / "relief.nc", relief, lat, lon)
    return path


def recipe(folder: Path, name: str = "recipe", **variables: dict[str, Any]) -> Recipe:
    data = {
        "title": "Test",
        "years": {"first": 1960, "last": 1989},
        "variables": {
            "land_use": {
                "source": "hilda",
                "path": "hilda",
                "options": {"version": "v1"},
                "legend": "landuse8",
            },
            **variables,
        },
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return load_recipe(path)


@pytest.fixture(scope="module")
def made(folder: Path) -> Recipe:
    return recipe(
        folder,
        land_use_fractions={"source": "labels", "options": {"cells": [5, 5]}},
        luh2_states={"source": "luh2", "path": "luh2", "outside": "hold"},
        elevation={"source": "gebco", "path": "relief.nc", "resample": "bilinear"},
    )


@pytest.fixture(scope="module")
def straight(made: Recipe, folder: Path) -> dict[str, bytes]:
    """The bytes of an uninterrupted build in one process."""
    build_cube(made, folder / "straight.zarr")
    return contents(folder / "straight.zarr")


def contents(store: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(store)): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()
    }


@pytest.fixture
def port_taken() -> Iterator[None]:
    """The port of Dask's pages, in use by somebody else."""
    with socket.socket() as other:
        with contextlib.suppress(OSError):  # it is so already
            other.bind(("127.0.0.1", 8787))
            other.listen()
        yield


class TestSchedulers:
    def test_threads_write_the_same_bytes(
        self, made: Recipe, straight: dict[str, bytes], tmp_path: Path
    ) -> None:
        seen: list[Step] = []
        build_cube(made, tmp_path / "c.zarr", scheduler="threads", workers=3, progress=seen.append)
        assert contents(tmp_path / "c.zarr") == straight
        assert [s.all_done for s in seen] == list(range(1, seen[0].all_total + 1))

    @pytest.mark.usefixtures("port_taken")
    def test_a_dask_scheduler_of_any_address_writes_the_same_bytes(
        self, made: Recipe, straight: dict[str, bytes], tmp_path: Path
    ) -> None:
        distributed = pytest.importorskip("distributed", reason="the extra `scale` is missing")
        with distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            protocol="tcp://",
            dashboard_address="127.0.0.1:0",
        ) as cluster:
            build_cube(made, tmp_path / "c.zarr", scheduler=cluster.scheduler_address)
        assert contents(tmp_path / "c.zarr") == straight

    @pytest.mark.slow
    @pytest.mark.usefixtures("port_taken")
    def test_processes_write_the_same_bytes_and_pass_errors_on(
        self, made: Recipe, straight: dict[str, bytes], folder: Path, tmp_path: Path
    ) -> None:
        """Whoever else on the machine has the port of Dask's pages."""
        pytest.importorskip("distributed", reason="the extra `scale` is missing")
        build_cube(made, tmp_path / "c.zarr", scheduler="processes", workers=2)
        assert contents(tmp_path / "c.zarr") == straight
        bad = class_map(24, 32)
        bad[3, 3] = 41
        write_series(tmp_path / "hilda", HILDA_V1, {y: class_map(24, 32) for y in YEARS[:8]})
        write_series(tmp_path / "hilda", HILDA_V1, {1965: bad})
        broken = recipe(tmp_path)
        with pytest.raises(SourceError, match=r"(?s)legend does not know.*_1965_.*41"):
            build_cube(
                broken, tmp_path / "d.zarr", scheduler="processes", workers=1, years=(1960, 1967)
            )

    @pytest.mark.parametrize(
        ("scheduler", "workers", "text"),
        [
            ("thread", None, r"Unknown scheduler.*tcp://.*'thread'"),
            ("threads", -1, "at least one worker"),
        ],
    )
    def test_a_scheduler_that_is_none_is_named(
        self, made: Recipe, tmp_path: Path, scheduler: str, workers: int | None, text: str
    ) -> None:
        with pytest.raises(ConfigError, match=rf"(?s){text}"):
            build_cube(made, tmp_path / "c.zarr", scheduler=scheduler, workers=workers)
        assert not (tmp_path / "c.zarr").exists()


class TestRestart:
    def test_a_build_changes_its_workers_between_two_runs(
        self, made: Recipe, straight: dict[str, bytes], tmp_path: Path
    ) -> None:
        class Stop(Exception):
            """Stands for whatever ends a build."""

        def stop(step: Step) -> None:
            if step.all_done == 3:
                raise Stop

        with pytest.raises(Stop):
            build_cube(made, tmp_path / "c.zarr", scheduler="threads", workers=2, progress=stop)
        with pytest.raises(CubeError, match="not finished"):
            Cube(tmp_path / "c.zarr")
        build_cube(made, tmp_path / "c.zarr")
        assert contents(tmp_path / "c.zarr") == straight

    @pytest.mark.parametrize("kills", [(5, 40), (23, 2)])
    def test_kills_in_the_middle_of_a_chunk_leave_nothing_behind(
        self,
        made: Recipe,
        straight: dict[str, bytes],
        folder: Path,
        tmp_path: Path,
        kills: tuple[int, int],
    ) -> None:
        """The process dies twice, each time before a written file has got its name."""
        script = textwrap.dedent(
            """
            import os, pathlib, signal, sys
            from ai4land.recipes import build_cube, load_recipe
            left, named = [int(sys.argv[3])], pathlib.Path.replace
            def die(self, target):
                left[0] -= self.suffix == ".partial"
                if left[0] <= 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return named(self, target)
            pathlib.Path.replace = die
            build_cube(load_recipe(sys.argv[1]), sys.argv[2])
            """
        )
        store = tmp_path / "c.zarr"
        for count in kills:
            done = subprocess.run(
                [sys.executable, "-c", script, folder / "recipe.yaml", store, str(count)],
                check=False,
                env=os.environ.copy(),
            )
            assert done.returncode == -signal.SIGKILL
            assert list(store.rglob("*.partial"))
        build_cube(made, store)
        assert contents(store) == straight

    def test_a_full_disk_is_one_clear_error_and_the_store_resumes(
        self,
        made: Recipe,
        straight: dict[str, bytes],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        store, room = tmp_path / "c.zarr", [60]
        real = zarr.storage.LocalStore.set

        async def scarce(self: zarr.storage.LocalStore, key: str, value: Buffer) -> None:
            room[0] -= 1
            if room[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            await real(self, key, value)

        with monkeypatch.context() as patch:
            patch.setattr(zarr.storage.LocalStore, "set", scarce)
            for scheduler in (None, "threads"):
                with pytest.raises(CubeError, match=r"(?s)disk is full.*c\.zarr.*resumes") as seen:
                    build_cube(made, store, scheduler=scheduler)
                assert isinstance(seen.value.__cause__, OSError)
        build_cube(made, store)
        assert contents(store) == straight

    def test_a_death_between_the_last_word_and_the_journal_is_mended(
        self, made: Recipe, straight: dict[str, bytes], tmp_path: Path
    ) -> None:
        store = tmp_path / "c.zarr"
        cube = build_cube(made, store)
        keys = [b.key for b in CubeWriter(tmp_path / "d.zarr", cube.spec).blocks()]
        (store / ".journal").write_text("".join(f"{key}\n" for key in keys))
        build_cube(made, store)
        assert contents(store) == straight


class TestMemory:
    def test_ten_times_the_years_need_no_more_memory(self, tmp_path: Path) -> None:
        peaks = []
        for count in (16, 160):
            path = tmp_path / f"hildaplus_vGLOB-1.0-f_states_{count}.nc"
            base = class_map(128, 160)
            write_hilda_netcdf(path, {1800 + i: np.roll(base, i, 0) for i in range(count)})
            data = {
                "title": "T",
                "years": {"first": 1800, "last": 1800 + count - 1},
                "variables": {
                    "land_use": {
                        "source": "hilda",
                        "path": path.name,
                        "options": {"version": "v1-f"},
                    }
                },
            }
            file = tmp_path / f"{count}.yaml"
            file.write_text(yaml.safe_dump(data), encoding="utf-8")
            build_cube(load_recipe(file), tmp_path / "warm.zarr", overwrite=True)
            tracemalloc.start()
            build_cube(load_recipe(file), tmp_path / f"{count}.zarr")
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert peaks[1] < 1.5 * peaks[0], peaks


class TestSlices:
    def test_a_slice_of_years_and_region_is_that_part_of_the_whole(
        self, made: Recipe, folder: Path, straight: dict[str, bytes], tmp_path: Path
    ) -> None:
        whole = Cube(folder / "straight.zarr")
        part = build_cube(
            made, tmp_path / "c.zarr", years=(1970, 1972), region=(20.5, 38.0, 22.5, 39.5)
        )
        assert part.group("land_use").ticks == (1970, 1971, 1972)
        assert np.array_equal(part.read("land_use", 1971), whole.read("land_use", 1971)[5:20, 5:25])
        assert np.array_equal(
            part.read("luh2_states", 1972), whole.read("luh2_states", 1972)[:, :1, :1]
        )
        assert part.attributes["recipe"]["years"]["first"] == 1970

    def test_check_takes_the_same_slices(self, made: Recipe) -> None:
        report = check_recipe(made, (1970, 1972), (20.5, 38.0, 22.5, 39.5))
        assert not report.problems
        labels = next(v for v in report.variables if v.name == "land_use")
        assert labels.group.grid.shape == (15, 20)
        assert labels.size == 3 * 15 * 20
        assert labels.read == 3 * 15 * 20
        assert "not a part" in check_recipe(made, (1900, 1901)).problems[0]


class MonthlyOptions(Strict):
    """None."""


class Monthly:
    """A toy product: leaf area from 2000-03 to 2001-12, back-cast before 2000-06."""

    def __init__(self, path: Path) -> None:
        self.path = path
        ticks = tuple(range(2000 * 12 + 2, 2002 * 12))
        grid = Grid.regular(20, 40, 0.1, 0.1, (24, 32))
        early = frozenset(t for t in ticks if t < 2000 * 12 + 5)
        self.fields: Mapping[str, SourceField] = {
            "leaf_area_index": SourceField(
                variable("leaf_area_index"), grid, Clock.MONTH, ticks, back_cast=early
            )
        }

    def read(self, name: str, tick: int | None, window: Window) -> npt.NDArray[Any]:
        assert tick is not None
        return np.full(window.shape, (tick - 24000) / 10, dtype=np.float32)

    def inspect(self, *_: object) -> Mapping[str, Any]:
        return {}

    def provenance(self, *_: object) -> list[Provenance]:
        return []


@pytest.fixture
def monthly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which ``monthly`` is a source; gives the recipe's text without a rule."""
    reader = Reader(
        MonthlyOptions, ("leaf_area_index",), lambda path, *_: Monthly(path), title="Toy"
    )
    for module in ("recipe", "plan"):
        monkeypatch.setattr(f"ai4land.recipes.{module}.SOURCES", {**SOURCES, "monthly": reader})
    (tmp_path / "lai").mkdir()
    return tmp_path


def monthly_recipe(folder: Path, rule: str) -> Recipe:
    path = folder / "recipe.yaml"
    path.write_text(
        "title: T\nyears: {first: 1999, last: 2002}\nvariables:\n"
        f"  leaf_area_index: {{source: monthly, path: lai, outside: {rule}}}\n",
        encoding="utf-8",
    )
    return load_recipe(path)


class TestSubAnnual:
    def test_held_months_are_those_of_the_nearest_year_and_flagged(self, monthly: Path) -> None:
        cube = build_cube(monthly_recipe(monthly, "hold"), monthly / "c.zarr")
        assert [g.name for g in cube.spec.groups] == ["deg0p1_monthly"]
        assert len(cube.group("leaf_area_index").ticks) == 48
        status = cube.status("leaf_area_index")
        assert [status[2000 * 12 + m] for m in (1, 2, 4, 5)] == [
            Status.HELD,
            Status.BACK_CAST,
            Status.BACK_CAST,
            Status.OBSERVED,
        ]

        def month(year: int, number: int) -> float:
            return float(cube.read("leaf_area_index", year * 12 + number - 1)[0, 0])

        assert month(1999, 1) == pytest.approx(1.2)  # January of 2001: 2000 has none
        assert month(1999, 3) == pytest.approx(0.2)  # March of 2000
        assert month(2002, 7) == pytest.approx(1.8)  # July of 2001
        said = cube.attributes["variables"]["leaf_area_index"]
        assert said["held"] == ["1999-01…2000-02", "2002-01…2002-12"]
        assert said["held_from"]["2000"] == ["1999-03…1999-12"]
        assert said["held_from"]["2001"][:2] == ["1999-01…1999-02", "2000-01…2000-02"]

    def test_dropped_months_are_empty(self, monthly: Path) -> None:
        cube = build_cube(monthly_recipe(monthly, "drop"), monthly / "c.zarr")
        assert np.isnan(cube.read("leaf_area_index", 2002 * 12)).all()
        assert cube.status("leaf_area_index")[2002 * 12] is Status.DROPPED

    def test_check_says_months(self, monthly: Path) -> None:
        report = check_recipe(monthly_recipe(monthly, "error"))
        assert "26 months outside, 1999-01…2002-12" in report.problems[0]


class TestFractions:
    def test_fractions_of_classes_onto_a_grid_of_degrees(self, folder: Path) -> None:
        made = recipe(
            folder,
            "fractions",
            land_use_fractions={
                "source": "hilda",
                "path": "hilda",
                "options": {"version": "v1"},
                "legend": "landuse8",
                "resample": "fraction",
                "degrees": 0.7,
            },
        )
        cube = build_cube(made, folder / "fractions.zarr", overwrite=True)
        grid = cube.grid("land_use_fractions")
        assert float(grid.dx) == pytest.approx(0.7)
        assert (float(grid.west) / 0.7) == pytest.approx(round(float(grid.west) / 0.7))
        found = cube.read("land_use_fractions", 1970)
        classes = legend("landuse8")
        codes = cube.read("land_use", 1970)
        index = np.full(256, NO_DATA, np.uint8)
        index[list(classes.codes)] = np.arange(len(classes))
        sea = [i for i, c in enumerate(classes.codes) if c in classes.sea]
        link = overlap(cube.grid("land_use"), grid)
        shares = class_fractions(index[codes], len(classes), link, ignore=sea)
        known = class_fractions(index[codes], len(classes), link).known_share > 0
        assert np.allclose(found[:, known], shares.fractions[:, known], atol=1e-6)
        assert np.isnan(found[:, ~known]).all()
        assert cube.attributes["variables"]["land_use_fractions"]["resample"] == "fraction"
        assert cube.variable("land_use_fractions").components == classes.names

    @pytest.mark.parametrize(
        ("name", "entry", "text"),
        [
            (
                "elevation",
                {"source": "gebco", "path": "relief.nc", "resample": "fraction"},
                r"shares of classes.*land_use_fractions.*'elevation'",
            ),
            (
                "slope",
                {"source": "gebco", "path": "relief.nc", "degrees": 1.0},
                r"`degrees` needs a method.*conservative",
            ),
            (
                "slope",
                {"source": "gebco", "path": "relief.nc", "resample": "majority"},
                r"does not suit.*slope",
            ),
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, folder: Path, name: str, entry: dict[str, Any], text: str
    ) -> None:
        with pytest.raises(ConfigError, match=rf"(?s){text}"):
            build_cube(recipe(folder, "bad", **{name: entry}), folder / "bad.zarr")

    def test_a_strip_at_a_time_gives_the_same_values(
        self,
        made: Recipe,
        folder: Path,
        straight: dict[str, bytes],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("ai4land.recipes.layer._STRIP_BYTES", 40)
        build_cube(made, tmp_path / "c.zarr")
        assert contents(tmp_path / "c.zarr") == straight


class TestBias:
    def test_methods_that_do_not_conserve_say_what_they_cost(self, folder: Path) -> None:
        made = recipe(
            folder,
            "bias",
            elevation={
                "source": "gebco",
                "path": "relief.nc",
                "resample": "nearest",
                "degrees": 3.0,
            },
            slope={
                "source": "gebco",
                "path": "relief.nc",
                "resample": "conservative",
                "degrees": 3.0,
            },
        )
        cube = build_cube(made, folder / "bias.zarr", overwrite=True)
        notes = cube.attributes["notes"]
        assert "area_bias" not in notes.get("slope", {})
        said = notes["elevation"]["area_bias"]
        assert said["method"] == "nearest"
        assert said["time"] is None
        assert said["share_of_grid"] == 1.0
        # relief is 3 m a row and 1 m a column: the middle cell of 3 × 3 is the mean, up to area
        assert abs(said["change_of_mean"]["elevation"]) < 0.2
