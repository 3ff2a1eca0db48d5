"""Reconstructions of the same years side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ai4land.cube import Cube
from ai4land.evaluation import Comparison, comparable, compare, evaluate
from ai4land.report import write_report
from ai4land.report.tables.comparison import comparison_tables
from tiny_cubes import COARSE, FINE, LANDUSE8
from tiny_rollouts import LAND, saved_rollout

TICKS = tuple(range(2003, 2007))


@pytest.fixture(scope="module")
def cubes(tiny_cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cube]:
    folder = tmp_path_factory.mktemp("several")
    made = {
        f"random{seed}": saved_rollout(
            tiny_cube, folder / f"random{seed}.zarr", TICKS, "random", seed, "random"
        )
        for seed in (1, 2, 3)
    }
    made["kernel"] = saved_rollout(tiny_cube, folder / "kernel.zarr", TICKS)
    made["other"] = saved_rollout(tiny_cube, folder / "other.zarr", TICKS[::-1])
    return made


@pytest.fixture(scope="module")
def found(cubes: dict[str, Cube], tiny_cube: Cube) -> Comparison:
    names = ["kernel", "random1", "random2"]
    evaluations = {name: evaluate(cubes[name], tiny_cube) for name in names}
    return compare(evaluations, cubes, tiny_cube, LAND)


def test_only_the_same_years_are_compared(cubes: dict[str, Cube], tiny_cube: Cube) -> None:
    every = {name: evaluate(cube, tiny_cube) for name, cube in cubes.items()}
    assert [list(group) for group in comparable(every)] == [
        ["random1", "random2", "random3", "kernel"]
    ]
    assert not list(comparable({"other": every["other"], "kernel": every["kernel"]}))


def test_the_spread_is_that_of_the_rows(found: Comparison) -> None:
    table = comparison_tables(found)[0]
    rows = {row[0]: row[1:] for row in table.rows}
    shown = ["kernel", "random1", "random2"]
    assert list(rows)[:5] == [*shown, "their mean", "their deviation"]
    merits = [found.evaluations[n].scores["mine"].leads[-1].three.figure_of_merit for n in shown]
    column = table.columns.index("FoM\n2006") - 1
    assert rows["their mean"][column] == f"{np.mean(merits):.3f}"
    assert rows["their deviation"][column] == f"{np.std(merits, ddof=1):.3f}"
    assert rows["persistence"][column] == "0.000"


def test_differences_are_paired(found: Comparison) -> None:
    assert found.uncertainty is not None
    mine = found.uncertainty.merit["kernel"]["last"]
    theirs = found.uncertainty.merit["random1"]["last"]
    gap = found.uncertainty.difference["random1"]["last"]
    assert mine is not None
    assert theirs is not None
    assert gap is not None
    assert gap.value == pytest.approx(mine.value - theirs.value)
    assert gap.low < gap.value < gap.high
    assert "kernel" not in found.uncertainty.difference


def test_ranks_need_three_of_one_kind(
    found: Comparison, cubes: dict[str, Cube], tiny_cube: Cube
) -> None:
    assert found.ranks is None, "kernel and random are no ensemble"
    members = {f"random{n}": evaluate(cubes[f"random{n}"], tiny_cube) for n in (1, 2, 3)}
    pair = dict(list(members.items())[:2])
    assert compare(pair, cubes, tiny_cube, LAND).ranks is None
    ranks = compare(members, cubes, tiny_cube, LAND).ranks
    assert ranks is not None
    np.testing.assert_allclose(ranks.counts, slow_ranks(members, cubes, tiny_cube))


def slow_ranks(
    names: Sequence[str] | dict[str, object], cubes: dict[str, Cube], truth: Cube
) -> np.ndarray:
    """Cell by cell, class by class, year by year; the area is that of the row."""
    areas = np.broadcast_to(FINE.cell_areas(), FINE.shape)
    counts = np.zeros((len(LANDUSE8), 4))
    for tick in TICKS[1:]:
        real = truth.read("land_use", tick)
        said = [cubes[name].read("land_use", tick) for name in names]
        for row in range(0, FINE.height, 8):
            for col in range(0, FINE.width, 8):
                cell = slice(row, row + 8), slice(col, col + 8)
                for k, code in enumerate(LANDUSE8.codes):
                    if code in LANDUSE8.sea:
                        continue
                    area = float(areas[cell][real[cell] == code].sum())
                    others = np.array([float(areas[cell][m[cell] == code].sum()) for m in said])
                    if area == 0 and not others.any():
                        continue
                    low = int((others < area * (1 - 1e-12)).sum())
                    high = low + int(np.isclose(others, area, rtol=1e-12, atol=0).sum())
                    counts[k, low : high + 1] += 1 / (high - low + 1)
    assert COARSE.shape == (FINE.height // 8, FINE.width // 8)
    return counts


def test_the_report_compares_what_can_be_compared(
    cubes: dict[str, Cube], tiny_cube: Cube, tmp_path: Path
) -> None:
    paths = [cubes[n].path for n in ("random1", "random2", "random3", "other")]
    write_report(paths, tmp_path / "out", truth=tiny_cube.path)
    text = (tmp_path / "out" / "report.md").read_text()
    assert text.count("## Compared: random1, random2, random3") == 1
    assert "Is the truth one of them?" in text
    (said,) = json.loads((tmp_path / "out" / "scores.json").read_text())["comparisons"]
    assert said["reconstructions"] == ["random1", "random2", "random3"]
    assert said["ranks"]["members"] == 3
    assert said["ranks"]["outside_if_perfect"] == 0.5
