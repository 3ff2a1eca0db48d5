"""Three rasters in, one report out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ai4land.errors import GridError, SampleError, VocabularyError
from ai4land.metrics import ScoredClasses, score_rasters
from ai4land.vocabulary import Legend, LegendClass, legend

LANDUSE8 = legend("landuse8")
OCEAN, CROP, PASTURE, FOREST = 0, 2, 3, 4

INITIAL = np.array([[OCEAN, FOREST, FOREST], [CROP, PASTURE, OCEAN]], np.uint8)
REFERENCE = np.array([[OCEAN, CROP, FOREST], [CROP, FOREST, PASTURE]], np.uint8)
SIMULATED = np.array([[CROP, CROP, OCEAN], [CROP, 255, PASTURE]], np.uint8)


def test_sea_or_nothing_on_land_is_an_error_and_never_dropped() -> None:
    row = score_rasters(INITIAL, REFERENCE, SIMULATED, LANDUSE8)["pixel"]["simulated"]
    # Land in both truth maps: 4 pixels. Forest called ocean and forest left blank are wrong.
    assert row["total"] == 4
    assert row["accuracy"] == pytest.approx(2 / 4)
    assert row["outside"] == pytest.approx(1 / 4)
    assert row["classes"]["forest"]["recall"] == 0.0
    assert row["classes"]["ocean"]["support"] == 0
    # ocean is no class of this truth: mean over cropland and forest only
    assert row["mean_iou"] == pytest.approx((1 + 0) / 2)
    change = row["change"]
    assert (change["hits"], change["wrong_hits"], change["false_alarms"]) == (1, 1, 1)


def test_sea_that_is_no_class_is_an_error_on_land_too() -> None:
    coast = Legend(
        name="coast",
        title="Two classes",
        classes=(LegendClass(1, "field", "#aaaaaa"), LegendClass(2, "wood", "#bbbbbb")),
        sea=(0,),
    )
    initial, said = np.array([[1, 2, 0]], np.uint8), np.array([[0, 2, 1]], np.uint8)
    row = score_rasters(initial, initial, said, coast)["pixel"]["simulated"]
    assert row["total"] == 2
    assert row["accuracy"] == row["outside"] == 0.5


def test_the_reference_protocol_counts_ocean() -> None:
    report = score_rasters(
        INITIAL, REFERENCE, SIMULATED, LANDUSE8, protocol=ScoredClasses.REFERENCE
    )
    row = report["pixel"]["simulated"]
    assert report["protocol"] == "reference"
    assert row["total"] == 6
    assert row["accuracy"] == pytest.approx(3 / 6)
    assert row["classes"]["ocean"]["support"] == 1


def test_persistence_always_stands_beside() -> None:
    report = score_rasters(INITIAL, REFERENCE, SIMULATED, LANDUSE8)
    persistence = report["pixel"]["persistence"]
    assert persistence["accuracy"] == pytest.approx(2 / 4)
    assert persistence["change"]["figure_of_merit"] == 0
    assert persistence["changed"]["accuracy"] == 0
    assert persistence["change"]["misses"] == 2


def test_resolutions_come_with_maps() -> None:
    report = score_rasters(INITIAL, REFERENCE, SIMULATED, LANDUSE8)
    rows = report["resolutions"]["rows"]
    merit = report["pixel"]["simulated"]["change"]["figure_of_merit"]
    assert rows[0]["figure_of_merit"] == pytest.approx(merit)
    assert rows[0]["disagreement"] == pytest.approx(2 / 4)
    assert [row["factor"] for row in rows] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    flat = score_rasters(INITIAL.ravel(), REFERENCE.ravel(), SIMULATED.ravel(), LANDUSE8)
    assert flat["resolutions"] is None
    assert flat["pixel"] == report["pixel"]


def test_areas_come_beside_pixels_and_the_report_says_so() -> None:
    per_pixel = score_rasters(INITIAL, REFERENCE, SIMULATED, LANDUSE8)
    assert per_pixel["weighting"] == "pixel"
    assert per_pixel["area"] is None
    areas = np.array([[1.0], [3.0]])
    report = score_rasters(INITIAL, REFERENCE, SIMULATED, LANDUSE8, areas)
    assert report["weighting"] == report["area"]["simulated"]["weighting"] == "area"
    assert report["pixel"] == per_pixel["pixel"]
    assert report["resolutions"]["weighting"] == "area"
    assert report["area"]["simulated"]["accuracy"] == pytest.approx((1 + 3) / 8)
    assert report["area"]["simulated"]["change"]["figure_of_merit"] == pytest.approx(1 / 5)
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_unusable_maps_are_refused() -> None:
    with pytest.raises(SampleError, match=r"No pixel[\s\S]*protocol land"):
        score_rasters(INITIAL * 0, REFERENCE, SIMULATED, LANDUSE8)
    with pytest.raises(GridError, match=r"simulated[\s\S]*\(2, 3\)[\s\S]*\(3, 2\)"):
        score_rasters(INITIAL, REFERENCE, SIMULATED.T, LANDUSE8)
    with pytest.raises(VocabularyError, match=r"landuse8[\s\S]*77 \(1 pixels\)"):
        score_rasters(INITIAL, REFERENCE, np.where(SIMULATED == 255, 77, SIMULATED), LANDUSE8)


def test_persistence_is_nowhere_better_than_itself() -> None:
    rng = np.random.default_rng(0)
    initial, reference = (rng.integers(1, 8, (90, 70)).astype(np.uint8) for _ in range(2))
    report = score_rasters(initial, reference, initial, LANDUSE8, rng.random((90, 70)))
    assert report["resolutions"]["null_resolution"] is None
    better = score_rasters(initial, reference, reference, LANDUSE8)
    assert better["resolutions"]["null_resolution"] == 1
