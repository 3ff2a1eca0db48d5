"""Scores of three real rasters beside the same figures from slow, plain formulas."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from loaded_benchmark import loaded

pytestmark = pytest.mark.realdata

FACTORS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
Map = NDArray[np.int64]


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The benchmark, which simulates the maps and calls the program."""
    return loaded("landscaler_like")


def raw(path: Path) -> Map:
    with rasterio.open(path) as file:
        return np.asarray(file.read(1), np.int64)


def budget(q: Map, r: Map, s: Map) -> dict[str, int]:
    """Hits, wrong hits, misses, false alarms, correct rejections."""
    return {
        "hits": int(((q != r) & (q != s) & (r == s)).sum()),
        "wrong_hits": int(((q != r) & (q != s) & (r != s)).sum()),
        "misses": int(((q != r) & (q == s)).sum()),
        "false_alarms": int(((q == r) & (q != s)).sum()),
        "correct_rejections": int(((q == r) & (q == s)).sum()),
    }


def two_maps(r: Map, s: Map, codes: list[int]) -> dict[str, float]:
    """Accuracy, kappa, quantity, allocation and mean IoU over the classes of the reference."""
    n = r.size
    agreed = sum(((r == g) & (s == g)).sum() for g in codes) / n
    chance = sum((r == g).sum() * (s == g).sum() for g in codes) / n**2
    quantity = sum(abs(int((s == g).sum()) - int((r == g).sum())) for g in codes) / 2 / n
    allocation = sum(
        2 * min(((s == g) & (r != g)).sum(), ((s != g) & (r == g)).sum()) for g in codes
    )
    held = [g for g in codes if (r == g).any()]
    iou = [((r == g) & (s == g)).sum() / ((r == g) | (s == g)).sum() for g in held]
    return {
        "accuracy": agreed,
        "kappa": (agreed - chance) / (1 - chance),
        "quantity": quantity,
        "allocation": allocation / 2 / n,
        "mean_iou": float(np.mean(iou)),
    }


def kappa_simulation(q: Map, r: Map, s: Map, codes: list[int]) -> float:
    """Agreement beyond chance, given the initial class."""
    chance = 0.0
    for i in codes:
        here = q == i
        if here.any():
            pairs = sum((r[here] == j).mean() * (s[here] == j).mean() for j in codes)
            chance += here.mean() * pairs
    return float(((r == s).mean() - chance) / (1 - chance))


def gain(q: Map, r: Map, s: Map, j: int) -> float | None:
    """Transitions to a class in both maps, per in either, from every class."""
    both = ((q != j) & (r == j) & (s == j)).sum()
    either = ((q != j) & ((r == j) | (s == j))).sum()
    return float(both / either) if either else None


def shares(layer: Map, land: NDArray[np.bool_], codes: list[int], factor: int) -> NDArray[Any]:
    """Pixels of each class in each square, ``(squares, K)``."""
    height, width = (-(-side // factor) for side in layer.shape)
    out = []
    for code in codes:
        full = np.zeros((height * factor, width * factor))
        full[: layer.shape[0], : layer.shape[1]] = (layer == code) & land
        found = full.reshape(height, factor, width, factor)
        out.append(found.sum(axis=(1, 3)).ravel())
    return np.stack(out, axis=1)


def composite(q: NDArray[Any], r: NDArray[Any], s: NDArray[Any]) -> tuple[float, float, float]:
    """Figure of merit, disagreement, and that of persistence (equations 1 to 7)."""
    weight = q.sum(axis=1)
    held = weight > 0
    w = weight[held]
    q, r, s = (layer[held] / w[:, np.newaxis] for layer in (q, r, s))
    k = q.shape[1]
    table = np.zeros((k, k, k))
    e1 = np.minimum(r, s)
    e2 = np.minimum(q, e1)
    given = np.zeros((len(w), k))  # of each initial class, to agreement
    for j in range(k):
        table[j, j, j] = (w * e2[:, j]).sum()
        given[:, j] += e2[:, j]
    for j in range(k):
        others = [i for i in range(k) if i != j]
        source = sum(q[:, i] - e2[:, i] for i in others)
        for i in others:
            part = np.zeros(len(w))
            some = (e1[:, j] - e2[:, j] > 0) & (source > 0)
            part[some] = ((e1[:, j] - e2[:, j]) * (q[:, i] - e2[:, i]))[some] / source[some]
            table[i, j, j] += (w * part).sum()
            given[:, i] += part
    some = 1 - e1.sum(axis=1) > 1e-12
    left, missed, false = ((x - y)[some] for x, y in ((q, given), (r, e1), (s, e1)))
    pairs = list(itertools.permutations(range(k), 2))
    products = sum(left.sum(axis=1) * missed[:, j] * false[:, m] for j, m in pairs)
    rate = (w * (1 - e1.sum(axis=1)))[some] / products
    for i, (j, m) in itertools.product(range(k), pairs):
        table[i, j, m] += (rate * left[:, i] * missed[:, j] * false[:, m]).sum()
    stayed = sum(table[j, j, j] for j in range(k))
    right = sum(table[:, j, j].sum() for j in range(k))
    assert table.sum() == pytest.approx(w.sum(), rel=1e-12)
    merit = (right - stayed) / (w.sum() - stayed)
    disagreement = (w * np.abs(s - r).sum(axis=1)).sum() / 2 / w.sum()
    null = (w * np.abs(q - r).sum(axis=1)).sum() / 2 / w.sum()
    return merit, disagreement, null


@pytest.mark.slow
def test_three_real_rasters_score_as_the_plain_formulas_say(
    bench: ModuleType, realdata: Path, tmp_path: Path
) -> None:
    cases = bench.write_cases(realdata, tmp_path, sides=(0.25,), rules=("kernel", "fuzzy"))
    assert [case.rule for case in cases] == ["persistence", "kernel", "fuzzy"] * 2
    for case in (cases[0], cases[1], cases[2], cases[4]):
        report = bench.scored(case)
        maps = [raw(path) for path in (case.initial, case.reference, case.simulated)]
        land = (maps[0] != 0) & (maps[1] != 0)
        codes = sorted({int(code) for layer in maps for code in np.unique(layer[land])})
        q, r, s = (layer[land] for layer in maps)
        row = report["pixel"]["simulated"]
        parts = budget(q, r, s)
        union = sum(parts.values()) - parts["correct_rejections"]
        assert {key: row["change"][key] for key in parts} == parts
        assert row["change"]["figure_of_merit"] == pytest.approx(parts["hits"] / union, abs=1e-12)
        for key, value in two_maps(r, s, codes).items():
            assert row[key] == pytest.approx(value, abs=1e-12), key
        found = row["change"]["kappa_simulation"]
        assert found == pytest.approx(kappa_simulation(q, r, s, codes), abs=1e-12)
        for entry in bench.LEGEND.classes:
            expected = gain(q, r, s, entry.code)
            assert row["change"]["gains"][entry.name] == pytest.approx(expected, abs=1e-12)
        null = None
        for line, factor in zip(report["resolutions"]["rows"], FACTORS, strict=True):
            squares = [shares(layer, land, codes, factor) for layer in maps]
            merit, disagreement, persistence = composite(*squares)
            assert line["factor"] == factor
            assert line["figure_of_merit"] == pytest.approx(merit, abs=1e-12)
            assert line["disagreement"] == pytest.approx(disagreement, abs=1e-12)
            assert line["null_disagreement"] == pytest.approx(persistence, abs=1e-12)
            if null is None and disagreement < persistence - 1e-12:
                null = factor
        assert report["resolutions"]["null_resolution"] == null


def test_persistence_is_what_the_raw_files_say(bench: ModuleType, realdata: Path) -> None:
    before, after = (raw(realdata / bench.NAME.format(year=year)) for year in bench.YEARS)
    land = (before != 0) & (after != 0)
    assert land.sum() == 167_303
    assert (before != after)[land].sum() == 19_105
    forward, backward = (
        case for case in bench.write_cases(realdata, realdata, sides=()) if not case.cell
    )
    for case in (forward, backward):
        report = bench.scored(case)
        assert report["pixel"]["simulated"] == report["pixel"]["persistence"]
        row = report["pixel"]["persistence"]
        assert row["change"]["misses"] == 19_105
        assert row["change"]["correct_rejections"] == 167_303 - 19_105
        assert row["accuracy"] == (167_303 - 19_105) / 167_303
        assert report["resolutions"]["null_resolution"] is None


def test_maps_keep_the_net_change_of_every_cell(
    bench: ModuleType, realdata: Path, tmp_path: Path
) -> None:
    case = bench.write_cases(realdata, tmp_path, sides=(0.5,), rules=("fuzzy",))[1]
    (before, grid), (after, _), (said, _) = (
        bench.read(path) for path in (case.initial, case.reference, case.simulated)
    )
    cells = bench.coarse_cells(grid, 0.5)
    land = (before != 255) & (after != 255)
    truth, made = (cells.counts(np.where(land, m, np.uint8(255)), 14) for m in (after, said))
    np.testing.assert_array_equal(truth, made)
    assert (said[~land] == 255).all()
    assert 0.4 < case.ceiling < 0.6
