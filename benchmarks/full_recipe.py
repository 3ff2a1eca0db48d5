"""Does a cube of all products, killed twice on the way, equal one built without a break?

    python benchmarks/full_recipe.py                            # 72 × 36 pixels, seconds
    python benchmarks/full_recipe.py --size 3600 1800           # 0.1° pixels, 2.5° forcing

Writes a synthetic globe in the providers' own formats, all products, history and a scenario; builds
the cube of its full recipe in one go; builds it again in processes that get SIGKILL (``kill -9``)
in the middle of a block, then resumes; compares the two stores file by file. Prints Markdown.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import yaml

from ai4land.cube import Cube
from ai4land.recipes import Step, build_cube, check_recipe, load_recipe
from ai4land.report import Table, to_markdown
from ai4land.testing import PlanetSpec

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # where all products are written
from all_products import full_recipe, write_all_products

SCENARIO = "ssp126"
KILLS = (0.3, 0.6)  # share of the blocks after which a process dies
FORCING = Fraction(5, 2)  # degrees

Years = tuple[int, int, int]  # first, last and step


def planet_of(width: int, height: int, first: int, last: int) -> PlanetSpec:
    """A globe of so many pixels, with forcing on cells of 2.5° or what fits best.

    Raises:
        ValueError: If pixels are not square or do not fill the globe.
    """
    pixel = Fraction(360, width)
    sides = [k * pixel for k in range(2, width) if Fraction(90) % (k * pixel) == 0]
    if Fraction(180, height) != pixel or not sides:
        raise ValueError(f"{width} × {height} pixels are not square, or do not fill coarse cells")
    return PlanetSpec(
        region=(-180, -90, 180, 90),
        fine_step=pixel,
        coarse_step=min(sides, key=lambda side: abs(side - FORCING)),
        first_year=first,
        last_year=last,
        scenarios=(SCENARIO,),
    )


def write_inputs(folder: Path, spec: PlanetSpec, years: Years, months: Sequence[int]) -> Path:
    """Write the planet and its recipe; returns the recipe."""
    first, last, step = years
    wanted = set(range(first, last + 1, step))
    wanted |= {2014} & set(range(first, last)) if 2015 in wanted else set()  # repairs its map
    write_all_products(spec, folder, years=wanted, months=months)
    path = folder / "recipe.yaml"
    data = full_recipe(spec, SCENARIO, years)
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return path


def build(recipe: Path, store: Path, share: float) -> None:
    """Build in this process; after a share of the blocks it is killed in the middle of the next."""
    begin, written = time.perf_counter(), 0
    armed = False

    def watch(step: Step) -> None:
        nonlocal armed, written
        written += 1
        if not armed and step.all_done >= share * step.all_total:
            armed = True
            print(f"{step.all_done} of {step.all_total}", flush=True)
            half_a_block = (time.perf_counter() - begin) / written / 2
            threading.Timer(half_a_block, os.kill, (os.getpid(), signal.SIGKILL)).start()

    build_cube(load_recipe(recipe), store, progress=watch)


@dataclass(frozen=True)
class Run:
    """A process that built: its minutes, and the blocks written when its end was settled."""

    minutes: float
    blocks: str


def run_build(recipe: Path, store: Path, share: float = 2.0) -> Run:
    """Build in a process of its own.

    Args:
        recipe: The recipe.
        store: The cube.
        share: Share of the blocks after which the process is killed; above 1 it is not.

    Raises:
        RuntimeError: If the process ended otherwise.
    """
    begin = time.perf_counter()
    command = [sys.executable, __file__, "--build", str(recipe), str(store), str(share)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    expected = 0 if share > 1 else -signal.SIGKILL
    if done.returncode != expected:
        raise RuntimeError(f"the build ended with {done.returncode}, not with {expected}")
    return Run((time.perf_counter() - begin) / 60, done.stdout.strip())


def contents(store: Path) -> dict[str, str]:
    """File → SHA-256."""
    return {
        str(p.relative_to(store)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(store.rglob("*"))
        if p.is_file()
    }


def differences(one: Path, two: Path) -> tuple[int, list[str]]:
    """How many files were compared, and which differ or are in one store only."""
    left, right = contents(one), contents(two)
    names = left.keys() | right.keys()
    return len(names), sorted(n for n in names if left.get(n) != right.get(n))


def size(folder: Path) -> float:
    """MB of the files in a folder."""
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6


def groups_table(cube: Cube) -> Table:
    """What the cube holds, group by group."""
    rows = []
    for group in cube.spec.groups:
        cells = f"{group.grid.width} × {group.grid.height}"
        weight = f"{size(cube.path / group.name):.1f}"
        names = ", ".join(spec.name for spec in group.variables)
        rows.append((group.name, cells, str(len(group.ticks) or 1), weight, names))
    heads = ("group", "cells", "times", "MB", "variables")
    return Table("Groups of the cube", heads, tuple(rows), numeric=False)


def work(folder: Path, spec: PlanetSpec, years: Years, months: Sequence[int]) -> bool:
    """Write, build, kill, resume, compare, print; returns whether the stores are equal."""
    begin = time.perf_counter()
    recipe = write_inputs(folder / "planet", spec, years, months)
    written = (time.perf_counter() - begin) / 60
    values = check_recipe(load_recipe(recipe)).size / 1e6
    straight, broken = folder / "straight.zarr", folder / "broken.zarr"
    once = run_build(recipe, straight)
    runs = [run_build(recipe, broken, share) for share in (*KILLS, 2.0)]
    compared, odd = differences(straight, broken)
    cube = Cube(straight)
    first, last, step = years
    rows = (
        ("pixels", f"{spec.grid.width} × {spec.grid.height}"),
        ("cells of the forcing", f"{spec.coarse.width} × {spec.coarse.height}"),
        ("years of the cube", f"{first}…{last}, every {step}"),
        ("years simulated", f"{spec.first_year}…{spec.last_year}, each"),
        ("variables", str(sum(len(group.variables) for group in cube.spec.groups))),
        ("groups", str(len(cube.spec.groups))),
        ("MB of provider files", f"{size(folder / 'planet'):.0f}"),
        ("MB of values in the cube", f"{values:.0f}"),
        ("MB of the cube on disk", f"{size(straight):.0f}"),
        ("minutes to simulate and write the planet", f"{written:.2f}"),
        ("minutes of the build without a break", f"{once.minutes:.2f}"),
        ("minutes of the build in three parts", " + ".join(f"{r.minutes:.2f}" for r in runs)),
        ("blocks written at the two kills", ", ".join(r.blocks for r in runs if r.blocks)),
        ("files compared by SHA-256", str(compared)),
        ("files that differ", str(len(odd))),
    )
    print(to_markdown(Table("Full recipe, built twice", ("", ""), rows, ", ".join(odd[:10]))))
    print(to_markdown(groups_table(cube)))
    return not odd


def main() -> int:
    """Read the command line and do the work."""
    parser = argparse.ArgumentParser(description="A full recipe, built twice, killed twice.")
    parser.add_argument("--size", nargs=2, type=int, default=(72, 36), help="width and height")
    parser.add_argument(
        "--years", nargs=3, type=int, default=(1850, 2100, 25), help="first, last and step"
    )
    parser.add_argument(
        "--months", nargs="+", type=int, default=(1975, 2000), help="years written by month"
    )
    parser.add_argument("--folder", type=Path, help="keep everything here; default: nothing is")
    asked = parser.parse_args()
    first, last, step = asked.years
    width, height = asked.size
    spec = planet_of(width, height, first, last)
    with tempfile.TemporaryDirectory() as place:
        equal = work(asked.folder or Path(place), spec, (first, last, step), asked.months)
    return 0 if equal else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--build"]:
        build(Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
    else:
        sys.exit(main())
