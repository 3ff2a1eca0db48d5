"""How fast is a cube built, and in how much memory, beside a plain copy of the same files?

    python benchmarks/build_speed.py

Class maps as annual GeoTIFFs (LZW, a row a strip, as HILDA+ comes) against a loop of rasterio and
zarr; states as NetCDF (zlib, as LUH2 comes) against xarray. The plain copies write the same Zarr
chunks and check nothing. Then the same build with ten times the years and ten times the rows:
memory must not follow. Every measurement is a process of its own; prints Markdown.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np
import rasterio
import xarray as xr
import yaml
import zarr
from rasterio.transform import Affine
from zarr.codecs import ZstdCodec

from ai4land.recipes import build_cube, load_recipe
from ai4land.report import Table, to_markdown
from ai4land.vocabulary import LUH2_STATES

WIDTH, ROWS, YEARS = 2304, 1024, 8
STATES_SHAPE = (360, 720)
MAP = "map_{year}.tif"


def write_maps(folder: Path, rows: int, years: int) -> None:
    """Patchy class maps, 1 % of the patches change a year."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    patches = rng.integers(1, 8, (rows // 4, WIDTH // 4), dtype=np.uint8)
    for year in range(1900, 1900 + years):
        flip = rng.random(patches.shape) < 0.01
        patches = np.where(flip, rng.integers(1, 8, patches.shape, dtype=np.uint8), patches)
        with rasterio.open(
            folder / MAP.format(year=year),
            "w",
            driver="GTiff",
            height=rows,
            width=WIDTH,
            count=1,
            dtype="uint8",
            crs="EPSG:4326",
            transform=Affine(0.01, 0, 0, 0, -0.01, 80),
            compress="lzw",
            blockysize=1,
        ) as file:
            file.write(np.kron(patches, np.ones((4, 4), np.uint8)), 1)
    entry = {
        "source": "geotiff_series",
        "path": ".",
        "options": {"pattern": MAP, "legend": "landuse8"},
    }
    write_recipe(folder, years, land_use=entry)


def write_states(folder: Path, years: int) -> None:
    """Twelve shares of each cell, as LUH2 writes them."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    height, width = STATES_SHAPE
    with netCDF4.Dataset(folder / "states.nc", "w") as file:
        for name, length in (("time", None), ("lat", height), ("lon", width)):
            file.createDimension(name, length)
        axes = {
            "time": np.arange(years) + 1050.0,
            "lat": 90 - 180 / height * (np.arange(height) + 0.5),
            "lon": -180 + 360 / width * (np.arange(width) + 0.5),
        }
        for name, values in axes.items():
            file.createVariable(name, "f8", (name,))[:] = values
        file["time"].units, file["time"].calendar = "years since 850-01-01 0:0:0", "noleap"
        shares = rng.dirichlet(np.ones(len(LUH2_STATES)), STATES_SHAPE).astype(np.float32)
        shares[: height // 3] = 0.0  # much of the globe is sea or of few states
        for i, state in enumerate(LUH2_STATES):
            array = file.createVariable(state, "f4", ("time", "lat", "lon"), zlib=True, complevel=1)
            array.units = "1"
            for t in range(years):
                array[t] = shares[..., i] * np.float32(1 - t / 1000)
    write_recipe(folder, years, luh2_states={"source": "luh2", "path": "states.nc"})


def write_recipe(folder: Path, years: int, **variables: dict[str, object]) -> None:
    """The recipe of the one variable of a folder."""
    data = {
        "title": "Benchmark",
        "years": {"first": 1900, "last": 1899 + years},
        "variables": variables,
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")


def ours(folder: Path, out: Path) -> None:
    """Build the cube."""
    build_cube(load_recipe(folder / "recipe.yaml"), out)


def with_rasterio(folder: Path, out: Path) -> None:
    """Read each map whole, write eight of them at once."""
    files = sorted(folder.glob("*.tif"))
    with rasterio.open(files[0]) as file:
        shape = file.shape
    array = zarr.create_array(
        str(out),
        shape=(len(files), *shape),
        dtype="uint8",
        chunks=(8, 256, 256),
        shards=(8, 1024, 1024),
        compressors=ZstdCodec(level=3),
        fill_value=255,
    )
    for first in range(0, len(files), 8):
        maps = []
        for path in files[first : first + 8]:
            with rasterio.open(path) as file:
                maps.append(file.read(1))
        array[first : first + len(maps)] = np.stack(maps)


def with_xarray(folder: Path, out: Path) -> None:
    """Open the states lazily, eight years a chunk, and write them."""
    chunks = {"time": 8, "lat": 256, "lon": 256}
    data = xr.open_dataset(folder / "states.nc", decode_times=False, chunks=chunks)
    data.drop_encoding().to_zarr(out, consolidated=False)


WORK: dict[str, Callable[[Path, Path], None]] = {
    "AI4Land": ours,
    "rasterio + zarr": with_rasterio,
    "xarray + dask": with_xarray,
}


def resident(*, peak: bool) -> float:
    """Memory of this process in MB, now or at most since its peak was reset."""
    key = "VmHWM:" if peak else "VmRSS:"
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1e3


def measured(name: str, folder: Path, out: Path) -> dict[str, float]:
    """Seconds and extra memory of one piece of work, in a process of its own."""
    command = [sys.executable, __file__, name, str(folder), str(out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def work(name: str, folder: str, out: str) -> None:
    """What the process does."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forget the peak so far
    before, begin = resident(peak=False), time.perf_counter()
    WORK[name](Path(folder), Path(out))
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "memory": resident(peak=True) - before}))


def size(path: Path) -> float:
    """MB of the files in a folder."""
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) / 1e6


def case(folder: Path, title: str, values: float, names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Rows of one input, all ways side by side."""
    rows: list[tuple[str, ...]] = []
    base = 0.0
    for i, name in enumerate(names):
        out = folder.parent / f"{folder.name}_{i}.zarr"
        runs = [measured(name, folder, out.with_name(f"{r}{out.name}")) for r in range(2)]
        best = min(runs, key=lambda run: run["seconds"])
        rate = values / best["seconds"]
        base = base or rate
        cells = (f"{values:.0f}", f"{size(out.with_name(f'0{out.name}')):.0f}")
        speed = (f"{rate:.0f}", f"{rate / base:.2f}", f"{best['memory']:.0f}")
        rows.append((f"{title}: {name}", *cells, *speed))
    return rows


def main() -> None:
    """Write the inputs, measure, print the tables."""
    with tempfile.TemporaryDirectory() as root:
        place = Path(root)
        inputs = {
            "maps": (ROWS, YEARS),
            "maps, years × 10": (ROWS, 10 * YEARS),
            "maps, rows × 10": (10 * ROWS, YEARS),
        }
        rows = []
        for i, (title, (height, years)) in enumerate(inputs.items()):
            folder = place / f"maps{i}"
            write_maps(folder, height, years)
            values = height * WIDTH * years / 1e6
            rows += case(folder, title, values, ("rasterio + zarr", "AI4Land"))
        for title, years in {"states": YEARS, "states, years × 5": 5 * YEARS}.items():
            folder = place / f"states{years}"
            write_states(folder, years)
            values = 4 * len(LUH2_STATES) * STATES_SHAPE[0] * STATES_SHAPE[1] * years / 1e6
            rows += case(folder, title, values, ("xarray + dask", "AI4Land"))
    heads = ("input and way", "MB of values", "MB on disk", "MB/s", "ratio", "MB of memory")
    note = (
        "MB/s of values before compression, better of two runs; memory: largest resident size "
        "beyond that of the imports. AI4Land also checks every value and hashes every file."
    )
    print(to_markdown(Table("Building", heads, tuple(rows), note)))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(*sys.argv[1:])
    else:
        main()
