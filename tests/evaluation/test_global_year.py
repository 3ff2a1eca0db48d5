"""The benchmark of a global year, small: it counts what it wrote."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from ai4land.evaluation import score_raster_files
from loaded_benchmark import loaded


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("psutil", reason="the benchmark watches memory with psutil")
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")  # it imports another
    module = loaded("global_year")
    sys.modules.pop("metrics_speed", None)
    return module


def test_what_is_written_is_what_is_counted(bench: ModuleType, tmp_path: Path) -> None:
    land, change = bench.write_year(tmp_path, 600, 1200)
    assert land / (600 * 1200) == pytest.approx(bench.LAND, abs=0.05)
    assert 0 < change < 0.05 * land
    bench.write_zones(tmp_path / "zones.tif")
    maps = [tmp_path / f"{name}.tif" for name in bench.MAPS]
    regions = [tmp_path / "zones.tif"]
    report = score_raster_files(*maps, legend="landuse8", area=True, regions=regions)
    counted = report["pixel"]["simulated"]
    assert (counted["total"], counted["change"]["observed_change"]) == (land, change)
    rows = report["regions"][0]["rows"]
    assert sum(row["total"] for row in rows) == pytest.approx(report["area"]["simulated"]["total"])


def test_a_wrong_count_is_noticed(bench: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    path.write_text('{"pixel": {"simulated": {"total": 3, "change": {"observed_change": 1}}}}')
    bench.check(path, 3, 1)
    with pytest.raises(SystemExit, match=r"counted \(3, 1\)"):
        bench.check(path, 4, 1)


def test_memory_of_all_processes_is_watched(bench: ModuleType) -> None:
    held = "x = bytearray(200 << 20); import time; time.sleep(0.5)"
    seconds, peak = bench.run([sys.executable, "-c", held])
    assert seconds >= 0.5
    assert 200 << 20 < peak < 400 << 20
    with pytest.raises(SystemExit, match="failed"):
        bench.run([sys.executable, "-c", "raise SystemExit(3)"])
