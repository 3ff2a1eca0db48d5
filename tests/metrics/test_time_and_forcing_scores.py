"""Scores over time and against the forcing: flicker, rates through seams, unclosed area."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from class_maps import NAMES, K, patchy
from numpy.typing import NDArray

from ai4land.errors import GridError, SampleError
from ai4land.metrics import change_rates, fidelity, flicker, unclosed_area
from ai4land.vocabulary import NO_DATA

ND = NO_DATA


def series(*pixels: list[int]) -> NDArray[np.uint8]:
    """Maps over time from the histories of single pixels, ``(time, 1, pixel)``."""
    return np.array(pixels, np.uint8).T[:, np.newaxis, :]


def test_flicker_by_hand() -> None:
    maps = series(
        [0, 1, 0, 0, 0, 0],  # undone within 2 steps
        [0, 1, 1, 0, 0, 0],  # within 3
        [0, 1, 2, 2, 0, 0],  # within 4, by way of another class
        [0, 1, 1, 1, 1, 1],  # never
        [1, 1, 1, 1, 1, 1],
        [2, 2, 2, 2, 2, 0],  # nothing is known of what follows
    )
    found = flicker(maps, K, windows=(2, 3, 5))
    # Followed for 2 steps: all departures but the last pixel's. Of these one returned.
    assert found.changes[0].tolist() == [4, 3, 1]
    assert found.returns[0].tolist() == [1, 0, 0]
    # Followed for 3 steps: not the departure from c, two steps before the end.
    assert found.changes[1].tolist() == [4, 3, 0]
    assert found.returns[1].tolist() == [2, 0, 0]
    assert found.changes[2].tolist() == [4, 0, 0]
    assert found.returns[2].tolist() == [3, 0, 0]
    assert found.share(5) == 3 / 4
    scores = found.scores(NAMES)
    assert scores["windows"]["3"]["share"] == pytest.approx(2 / 7)
    assert scores["windows"]["5"]["classes"] == {"a": 0.75, "b": None, "c": None}
    assert scores["windows"]["5"]["changes"] == 4
    assert json.dumps(scores, allow_nan=False)


def test_a_missing_map_hides_what_followed() -> None:
    maps = series([0, 1, ND, 0, 0], [0, 1, 0, 0, ND])
    found = flicker(iter(maps), K, windows=(2, 4), weights=[[2.0, 3.0]])
    assert found.changes.tolist() == [[3.0, 3.0, 0.0], [0.0, 0.0, 0.0]]
    assert found.returns[0, 0] == 3.0
    assert math.isnan(found.share(4))
    assert found.weighting == "area"
    with pytest.raises(SampleError, match="window of this table"):
        found.share(3)
    with pytest.raises(SampleError, match="two steps"):
        flicker(maps, K, windows=(1,))
    with pytest.raises(GridError, match="one shape"):
        flicker([maps[0], maps[0][:, :1]], K)


def test_no_flicker_in_a_map_that_stays() -> None:
    still = flicker([patchy(1)[0]] * 7, K)
    assert still.changes.sum() == 0
    assert still.scores(NAMES)["windows"]["3"]["share"] is None


def test_rates_by_hand() -> None:
    maps = series([0, 0, 1], [0, 1, 1], [1, 1, 2], [ND, 2, 2])
    found = change_rates(zip((2000, 2001, 2003), maps, strict=True), K)
    assert found.gains.tolist() == [[0, 1, 0], [0, 1, 1]]
    assert found.losses.tolist() == [[1, 0, 0], [1, 1, 0]]
    assert found.areas.tolist() == [[2, 1, 0], [1, 2, 1], [0, 2, 2]]
    assert found.gross.tolist() == [1 / 3, 2 / 4 / 2]
    np.testing.assert_allclose(found.net, [[-1 / 3, 1 / 3, 0], [-1 / 8, 0, 1 / 8]])
    backward = change_rates(zip((2003, 2001, 2000), maps[::-1], strict=True), K)
    np.testing.assert_array_equal(backward.gains[::-1], found.losses)
    np.testing.assert_array_equal(backward.losses[::-1], found.gains)


def yearly(changed: list[int]) -> list[tuple[int, NDArray[np.uint8]]]:
    """Maps from 1890 on, in each year of which some of 1000 pixels go from a to b."""
    done = np.cumsum([0, *changed])
    return [(1890 + n, (np.arange(1000) < many).astype(np.uint8)) for n, many in enumerate(done)]


def test_a_break_at_a_seam_is_seen() -> None:
    rng = np.random.default_rng(0)
    usual = rng.integers(8, 12, 20).tolist()
    smooth = change_rates(yearly(usual), 2)
    broken = change_rates(yearly([*usual[:9], 40, *usual[10:]]), 2)
    found = broken.seam(1899)
    assert (found["from"], found["to"], found["steps"]) == (1899, 1900, 19)
    assert found["gross"]["seam"] == pytest.approx(0.04)
    others = np.array([*usual[:9], *usual[10:]]) / 1000
    assert found["gross"]["mean"] == pytest.approx(others.mean())
    assert found["gross"]["spread"] == pytest.approx(others.std(ddof=1))
    assert found["gross"]["jump"] > 10
    assert found["net"][1]["jump"] == pytest.approx(found["gross"]["jump"])
    assert smooth.seam(1899)["gross"]["jump"] < 3
    scores = broken.scores(("a", "b"))
    assert list(scores["seams"]) == ["start of labels"]
    assert scores["seams"]["start of labels"]["net"]["b"]["jump"] > 10
    assert scores["times"][:2] == [1890, 1891]
    assert json.dumps(scores, allow_nan=False)
    named = broken.scores(("a", "b"), {"end of labels": 1905})
    assert list(named["seams"]) == ["end of labels"]


def test_rates_that_cannot_be_told_are_refused() -> None:
    few = change_rates(yearly([10, 10, 10]), 2)
    with pytest.raises(SampleError, match="Too few steps"):
        few.seam(1891)
    assert few.scores(("a", "b"), {"early": 1891})["seams"] == {}
    with pytest.raises(SampleError, match=r"crosses the seam[\s\S]*2015 to 2016"):
        few.seam(2015)
    with pytest.raises(SampleError, match=r"order of time[\s\S]*\[1890\]"):
        change_rates(yearly([])[:1], 2)


def test_unclosed_area_by_hand() -> None:
    # Two classes, three cells, in km²: closed; 2 of 10 apart; no land.
    mapped = 1e6 * np.array([[4.0, 7.0, 0.0], [6.0, 3.0, 0.0]])
    asked = 1e6 * np.array([[4.0, 5.0, 0.0], [6.0, 5.0, 0.0]])
    found = fidelity(mapped, asked)
    scores = found.scores(("a", "b"))
    assert scores["unclosed_km2"] == 2
    assert scores["unclosed_percent"] == pytest.approx(10)
    assert scores["imbalance_percent"] == pytest.approx(10)
    assert scores["cells"] == 2
    assert scores["cells_beyond"] == {"0.1": 0.5, "1": 0.5, "5": 0.5}
    assert scores["classes"]["a"] == {
        "asked_km2": 9,
        "mapped_km2": 11,
        "error_km2": 2,
        "error_percent": pytest.approx(100 * 2 / 9),
    }
    np.testing.assert_allclose(unclosed_area(mapped, asked), [0, 2e6, 0])
    other_way = fidelity(asked[:, 1:], mapped[:, 1:])
    both = found + other_way
    assert both.unclosed == 4e6
    assert both.imbalance == 0  # errors of cells cancel
    masked = fidelity(mapped, asked, np.array([True, False, True]))
    assert masked.unclosed == 0
    assert masked.scores(("a", "b"))["cells"] == 1


def test_areas_that_cannot_be_compared_are_refused() -> None:
    areas = np.ones((2, 3))
    with pytest.raises(GridError, match="one shape"):
        fidelity(areas, areas[:, :2])
    with pytest.raises(GridError, match="mask does not fit"):
        fidelity(areas, areas, np.ones(2, bool))
    broken = areas.copy()
    broken[0, 1] = np.nan
    with pytest.raises(SampleError, match="asked"):
        fidelity(areas, broken)
    assert fidelity(areas, broken, np.array([True, False, True])).unclosed == 0
    assert fidelity(areas * 0, areas * 0).scores("ab")["unclosed_percent"] is None
    with pytest.raises(SampleError, match="different thresholds"):
        fidelity(areas, areas) + fidelity(areas, areas, thresholds=(0.1, 0.2, 0.3))
