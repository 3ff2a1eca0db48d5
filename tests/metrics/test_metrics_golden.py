"""Published and recomputed cases: van Vliet's 10 × 10 maps, Plum Island, and the UK."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ai4land.metrics import (
    ScoredClasses,
    classification_scores,
    confusion,
    index_map,
    score_rasters,
    three_maps,
)
from ai4land.vocabulary import crosswalk, legend

PLUM = ("forest", "built", "other")

# Kappa, K simulation, transition, transloc, quantity, allocation, H, W, M, F, C, figure of merit
VAN_VLIET = {
    "S1": (0.7847, 0.0, 0.0, None, 0.07, 0.06, 0, 0, 13, 0, 87, 0.0),
    "S2": (0.6426, -0.0598, 0.2430, -0.2460, 0.15, 0.06, 0, 0, 13, 8, 79, 0.0),
    "S3": (0.7116, 0.1533, 0.8118, 0.1889, 0.0, 0.18, 2, 2, 9, 7, 80, 0.1),
    "S4": (0.8858, 0.5986, 0.5986, 1.0, 0.05, 0.02, 6, 0, 7, 0, 87, 0.4615),
}


def van_vliet_row(folder: Path, name: str) -> dict[str, Any]:
    case = json.loads((folder / "kappa_simulation_van_vliet.json").read_text("utf-8"))
    maps = {key: np.array(rows, np.uint8) for key, rows in case["maps"].items()}
    three = three_maps(maps["original"], maps["actual"], maps[name], 3)
    two = classification_scores(three.reference_confusion, PLUM)
    return {
        "kappa": two["kappa"],
        "kappa_simulation": three.kappa_simulation,
        "k_transition": three.kappa_transition,
        "k_transloc": None if np.isnan(three.kappa_transloc) else three.kappa_transloc,
        "quantity": two["quantity"],
        "allocation": two["allocation"],
        "hits": three.hits,
        "wrong_hits": three.wrong_hits,
        "misses": three.misses,
        "false_alarms": three.false_alarms,
        "correct_rejections": three.correct_rejections,
        "figure_of_merit": three.figure_of_merit,
        "published": case["expected"][name]["published"],
        "computed": case["expected"][name],
    }


@pytest.mark.parametrize("name", sorted(VAN_VLIET))
def test_van_vliet_maps(golden: Path, name: str) -> None:
    row = van_vliet_row(golden, name)
    published, computed = row.pop("published"), row.pop("computed")
    assert row["kappa"] == pytest.approx(published["kappa"], abs=0.0075)
    assert row["kappa_simulation"] == pytest.approx(published["ksim"], abs=0.005)
    for (key, value), four_digits in zip(row.items(), VAN_VLIET[name], strict=True):
        assert value == (None if four_digits is None else pytest.approx(four_digits, abs=5e-5)), key
        assert value == (
            None if computed[key] is None else pytest.approx(computed[key], abs=5e-7)
        ), key


def plum_maps(folder: Path) -> dict[int, NDArray[np.uint8]]:
    with np.load(folder / "plum_island_1985_1991_1999.npz") as file:
        # class 0 is missing: 1, 2, 3 become 0, 1, 2 and missing wraps round to 255
        return {year: file[f"lu_{year}"] - np.uint8(1) for year in (1985, 1991, 1999)}


def test_plum_island_crosstabs(golden: Path) -> None:
    expected = json.loads((golden / "plum_island_expected.json").read_text("utf-8"))
    maps = plum_maps(golden)
    for first, second in ((1985, 1991), (1985, 1999), (1991, 1999)):
        table = confusion(maps[first], maps[second], 3)
        assert table.counts[:, :3].tolist() == expected[f"crosstab_{first}_{second}"]
        assert table.counts[:, 3].sum() == 0
        assert table.total == 113_563
    scores = classification_scores(confusion(maps[1999], maps[1985], 3), PLUM)
    two = expected["two_map_1985_1999"]
    assert 1 - scores["accuracy"] == pytest.approx(two["D"], abs=5e-7)
    for key, name in (("quantity", "Q"), ("allocation", "A")):
        assert scores[key] == pytest.approx(two[name], abs=5e-7)
    assert scores["exchange"] == pytest.approx(two["exchange"], abs=5e-7)
    assert scores["shift"] == pytest.approx(two["shift"], abs=5e-7)


def test_plum_island_three_maps(golden: Path) -> None:
    maps = plum_maps(golden)
    three = three_maps(maps[1985], maps[1999], maps[1991], 3)
    budget = [three.hits, three.wrong_hits, three.misses, three.false_alarms]
    assert [*budget, three.correct_rejections] == [3859, 180, 4539, 37, 104_948]
    assert three.figure_of_merit == pytest.approx(0.447940, abs=5e-7)
    assert three.kappa_simulation == pytest.approx(0.600452, abs=5e-7)
    assert three.kappa_transition == pytest.approx(0.621791, abs=5e-7)
    assert three.kappa_transloc == pytest.approx(0.965682, abs=5e-7)


def test_a_printed_crosstab_gives_the_printed_disagreement() -> None:
    # Plum Island 1985 to 1999, without its files
    rows = [[44107, 4250, 656], [11, 36957, 154], [1259, 2248, 23921]]
    truth = np.repeat(np.tile(np.arange(3), 3), np.array(rows).ravel()).astype(np.uint8)
    before = np.repeat(np.repeat(np.arange(3), 3), np.array(rows).ravel()).astype(np.uint8)
    scores = classification_scores(confusion(truth, before, 3), PLUM)
    assert round(1 - scores["accuracy"], 6) == 0.075535
    assert round(scores["quantity"], 4) == 0.0558
    assert round(scores["allocation"], 4) == 0.0198
    assert round(scores["exchange"], 4) == 0.0145
    assert round(scores["shift"], 4) == 0.0053


def test_the_printed_matrix_of_a_reclassed_map() -> None:
    # 256 × 256 pixels of two years of one map, the later against the earlier one
    rows = [[38597, 65, 229], [5793, 16934, 1013], [657, 113, 2135]]
    first, second = (
        np.repeat(values.ravel(), np.array(rows).ravel()).astype(np.uint8)
        for values in np.indices((3, 3))
    )
    for truth, said in ((first, second), (second, first)):
        scores = classification_scores(confusion(truth, said, 3), PLUM)
        assert scores["total"] == 65_536
        assert round(100 * (1 - scores["accuracy"]), 4) == 12.0087
        assert round(100 * scores["quantity"], 4) == 10.1135
        assert round(100 * scores["exchange"], 4) == 1.2421
        assert round(100 * scores["shift"], 4) == 0.6531


@pytest.mark.realdata
def test_persistence_in_the_south_of_the_uk(realdata: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    source, target = legend("hildaplus_v1_f"), legend("landuse8")
    names = crosswalk(source.name, target.name).lookup()
    recode = np.full(256, 255, np.uint8)
    for entry in source.classes:
        recode[entry.code] = target.codes[target.index(names[entry.name])]
    codes = {}
    for year in (2009, 2012):
        path = realdata / f"hilda_uk_south/hilda_plus_{year}_states_GLOB-v1-0-f_uk-south.tif"
        with rasterio.open(path) as file:
            codes[year] = recode[file.read(1)]
    report = score_rasters(codes[2009], codes[2012], codes[2009], target)
    simulated, persistence = report["pixel"]["simulated"], report["pixel"]["persistence"]
    assert simulated == persistence
    assert simulated["accuracy"] == pytest.approx(0.887, abs=5e-4)
    assert simulated["change"]["figure_of_merit"] == 0
    assert simulated["change"]["kappa_simulation"] == pytest.approx(0, abs=1e-12)
    with_sea = score_rasters(
        codes[2009], codes[2012], codes[2009], target, protocol=ScoredClasses.REFERENCE
    )
    assert with_sea["pixel"]["simulated"]["total"] == 410 * 1549
    assert index_map(codes[2009], target).max() < 8
