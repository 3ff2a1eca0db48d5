"""Scores that look at neighbours: near misses, edges, patches."""

from __future__ import annotations

import itertools
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from class_maps import NAMES, K, Maps, patchy, three_class_maps
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.errors import ConfigError, GridError, SampleError
from ai4land.grid import Grid
from ai4land.metrics import (
    Edges,
    configuration_disagreement,
    edge_lengths,
    edges,
    fuzzy_kappa_simulation,
    landscape_metrics,
    three_maps,
    tolerant_change,
)
from ai4land.vocabulary import NO_DATA

QUICK = settings(derandomize=True, deadline=None, max_examples=30)
MAPS = patchy(21)


def shifted(by: int) -> Maps:
    """A square of b appears in a, and is simulated some columns further east."""
    maps = [np.zeros((20, 40), np.uint8) for _ in range(3)]
    maps[1][8:12, 8:12] = 1
    maps[2][8:12, 8 + by : 12 + by] = 1
    return maps[0], maps[1], maps[2]


def test_near_misses_cost_less_than_far_ones() -> None:
    losses = [tolerant_change(*shifted(by), 2).relative for by in (0, 1, 3, 6, 20)]
    assert losses[0] == 0
    assert all(one < two for one, two in itertools.pairwise(losses))
    assert losses[-1] > 0.999
    fuzzy = [fuzzy_kappa_simulation(*shifted(by), 2) for by in (0, 1, 3, 6, 20)]
    assert fuzzy[0] == pytest.approx(1)
    assert all(one > two for one, two in itertools.pairwise(fuzzy))


def test_tolerant_change_beside_persistence() -> None:
    still = tolerant_change(MAPS[0], MAPS[1], MAPS[0], K)
    assert still.loss == pytest.approx(still.persistence_loss)
    assert still.relative == pytest.approx(1)
    found = tolerant_change(*MAPS, K, 0.8, weights=2.0)
    assert found.loss == pytest.approx(2 * tolerant_change(*MAPS, K, 0.8).loss)
    scores = found.scores(NAMES)
    assert scores["weighting"] == "area"
    assert scores["persistence_loss"] > 0
    assert json.dumps(scores, allow_nan=False)
    none = tolerant_change(MAPS[0], MAPS[0], MAPS[0], K)
    assert none.scores(NAMES)["relative"] is None
    with pytest.raises(SampleError, match="sigma -1"):
        tolerant_change(*MAPS, K, -1.0)
    with pytest.raises(GridError, match="mask"):
        tolerant_change(*MAPS, K, mask=np.ones((2, 2), bool))


@QUICK
@given(three_class_maps(), st.permutations(range(K)))
def test_turning_or_renaming_changes_no_score_of_place(maps: Maps, order: list[int]) -> None:
    new = np.array([*order, *[NO_DATA] * (256 - K)], np.uint8)
    blurred = tolerant_change(*maps, K)
    fuzzy = fuzzy_kappa_simulation(*maps, K)
    for a, b, c in ((m.T for m in maps), (m[::-1] for m in maps), (new[m] for m in maps)):
        again = tolerant_change(a, b, c, K)
        assert again.loss == pytest.approx(blurred.loss, abs=1e-9)
        assert fuzzy_kappa_simulation(a, b, c, K) == pytest.approx(fuzzy, abs=1e-9, nan_ok=True)


@QUICK
@given(three_class_maps())
def test_without_tolerance_it_is_kappa_simulation(maps: Maps) -> None:
    crisp = fuzzy_kappa_simulation(*maps, K, halving=0)
    expected = three_maps(*maps, K).kappa_simulation
    assert crisp == pytest.approx(expected, abs=1e-9, nan_ok=True)
    assert fuzzy_kappa_simulation(*maps, K, halving=0.05) == pytest.approx(
        expected, abs=1e-5, nan_ok=True
    )


def test_fuzzy_kappa_of_van_vliet_s_maps(golden: Path) -> None:
    case = json.loads((golden / "kappa_simulation_van_vliet.json").read_text("utf-8"))
    maps = {key: np.array(rows, np.uint8) for key, rows in case["maps"].items()}
    found = {}
    for name, row in case["expected"].items():
        three = maps["original"], maps["actual"], maps[name]
        crisp = fuzzy_kappa_simulation(*three, K, halving=0)
        assert crisp == pytest.approx(row["kappa_simulation"], abs=5e-7)
        found[name] = fuzzy_kappa_simulation(*three, K)
    assert found["S1"] == 0  # persistence
    # The order of the four that the crisp score gives stays.
    assert found["S4"] > found["S3"] > max(found["S1"], found["S2"])


def test_fuzzy_kappa_against_a_plain_loop() -> None:
    maps = tuple(m[16:30, 20:36] for m in patchy(22))
    initial, reference, simulated = (m.astype(int) for m in maps)
    rows, cols = np.indices(initial.shape).reshape(2, -1)
    distance = np.hypot(rows[:, None] - rows, cols[:, None] - cols)
    start = initial.ravel()
    kinds = [
        [(int(b != a), int(b)) for a, b in zip(start, later.ravel(), strict=True)]
        for later in (reference, simulated)
    ]

    def near(layer: list[tuple[int, int]], pixel: int, kind: tuple[int, int]) -> float:
        away = [distance[pixel, n] for n, other in enumerate(layer) if other == kind]
        return 2.0 ** (-min(away) / 2.0) if away else 0.0

    seen, said = kinds
    pixels = range(start.size)
    agreed = np.mean([min(near(seen, p, said[p]), near(said, p, seen[p])) for p in pixels])
    chance = 0.0
    for origin in np.unique(start):
        of = [p for p in pixels if start[p] == origin]
        for one in {seen[p] for p in of}:
            for two in {said[p] for p in of}:
                first = [near(seen, p, two) for p in of if seen[p] == one]
                second = [near(said, p, one) for p in of if said[p] == two]
                chance += sum(min(a, b) for a in first for b in second) / len(of)
    chance /= start.size
    found = fuzzy_kappa_simulation(*maps, K, halving=2.0)
    assert found == pytest.approx((agreed - chance) / (1 - chance))


def test_fuzzy_kappa_of_nothing() -> None:
    nothing = np.full((3, 3), NO_DATA, np.uint8)
    assert math.isnan(fuzzy_kappa_simulation(nothing, nothing, nothing, K))
    outside = np.zeros((3, 3), np.uint8)
    assert fuzzy_kappa_simulation(outside, outside, nothing, K) == 0
    with pytest.raises(SampleError, match="Distances need maps"):
        fuzzy_kappa_simulation(*(m.ravel() for m in MAPS), K)


def test_edges_by_hand() -> None:
    layer = np.array([[0, 0, 1], [0, 1, NO_DATA]], np.uint8)
    found = edges(layer, 2, (10.0, 20.0), 200.0)
    assert found.pairs.tolist() == [[2, 3], [0, 0]]
    # a–b: two edges of 10 m to the east, one of 20 m to the south; a–a: one of each
    assert found.lengths.tolist() == [[30, 40], [0, 0]]
    assert found.pixels.tolist() == [3, 2]
    assert found.edge_density == pytest.approx(40 / (5 * 200) * 1e4)
    assert found.class_edge_density.tolist() == pytest.approx([400, 400])
    # three pixels have at most two like neighbours, two have one
    assert found.aggregation.tolist() == [100, 0]
    assert found.landscape_aggregation == pytest.approx(60)
    assert found.scores("ab")["classes"]["b"]["aggregation"] == 0
    lone = Edges(found.pairs * 0, found.lengths * 0, np.array([1, 0]), np.array([1.0, 0.0]))
    assert np.isnan(lone.aggregation).all()
    with pytest.raises(SampleError, match="Neighbours need a map"):
        edges(layer.ravel(), 2, (1.0, 1.0), 1.0)


def most_like_neighbours(number: int) -> int:
    """Pairs of neighbours in the most compact patch of so many pixels: a spiral."""
    placed: set[tuple[int, int]] = set()
    pairs, x, y, step, turn = 0, 0, 0, 1, 0
    moves = ((1, 0), (0, 1), (-1, 0), (0, -1))
    while len(placed) < number:
        for _ in range(2):
            for _ in range(step):
                if len(placed) < number:
                    pairs += sum((x + dx, y + dy) in placed for dx, dy in moves)
                    placed.add((x, y))
                x, y = x + moves[turn][0], y + moves[turn][1]
            turn = (turn + 1) % 4
        step += 1
    return pairs


def test_compact_patches_are_wholly_aggregated() -> None:
    for number in range(2, 60):
        most = most_like_neighbours(number)
        table = Edges(np.array([[most]]), np.zeros((1, 1)), np.array([number]), np.ones(1))
        assert table.aggregation[0] == 100, number


def test_edges_on_the_globe() -> None:
    grid = Grid.regular(0, 61, 0.5, 0.5, (4, 6))
    east, south = edge_lengths(grid)
    assert east.shape == south.shape == (4, 1)
    assert east[0, 0] == pytest.approx(55_600, rel=0.004)
    assert south[1, 0] == pytest.approx(55_600 * np.cos(np.radians(60)), rel=0.004)
    layer = np.zeros((4, 6), np.uint8)
    layer[2:] = 1
    found = edges(layer, 2, (east, south), grid.cell_areas())
    assert found.lengths[0, 1] == pytest.approx(6 * south[1, 0])
    assert found.areas.sum() == pytest.approx(grid.cell_areas().sum())
    masked = edges(layer, 2, (east, south), 1.0, mask=layer == 0)
    assert masked.lengths[0, 1] == 0


def test_landscape_metrics_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylandstats", None)
    with pytest.raises(ConfigError, match="pip install pylandstats"):
        landscape_metrics(MAPS[0], NAMES, (1000, 1000))


@pytest.mark.filterwarnings("ignore")
def test_landscape_metrics_by_the_library() -> None:
    pytest.importorskip("pylandstats", reason="PyLandStats is not installed")
    layer = np.zeros((6, 6), np.uint8)
    layer[1:3, 1:3] = layer[4, 4] = 1
    found = landscape_metrics(layer, NAMES, (100.0, 100.0))
    patches = found["classes"]["b"]
    assert patches["number_of_patches"] == 2
    assert patches["area_mn"] == pytest.approx(2.5)
    assert patches["patch_density"] == pytest.approx(100 * 2 / 36)
    assert found["classes"]["c"]["area_mn"] is None
    sides = (100.0, 100.0)
    for map_ in (layer, MAPS[0], MAPS[1]):
        mine = edges(map_, K, sides, 1e4)
        theirs = landscape_metrics(map_, NAMES, sides)
        assert theirs["landscape"]["edge_density"] == pytest.approx(mine.edge_density)
        for k, name in enumerate(NAMES):
            if theirs["classes"][name]["edge_density"] is not None:
                assert theirs["classes"][name]["edge_density"] == pytest.approx(
                    mine.class_edge_density[k]
                )
    with pytest.raises(SampleError, match="need a map of classes"):
        landscape_metrics(np.full((2, 2), 7, np.uint8), NAMES, sides)


@pytest.mark.filterwarnings("ignore")
def test_configuration_beside_persistence() -> None:
    pytest.importorskip("pylandstats", reason="PyLandStats is not installed")
    found = configuration_disagreement(MAPS[0], MAPS[1], MAPS[1], NAMES, (1e3, 1e3))
    assert found["simulated_error"]["patch_density"] == 0
    assert found["persistence_error"]["patch_density"] > 0.5
    sizes = {
        key: np.array([row["area_mn"] for row in found[key]["classes"].values()])
        for key in ("reference", "persistence")
    }
    errors = np.abs(sizes["persistence"] - sizes["reference"]) / sizes["reference"]
    assert found["persistence_error"]["area_mn"] == pytest.approx(errors.mean())
    assert json.dumps(found, allow_nan=False)
