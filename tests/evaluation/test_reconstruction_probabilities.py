"""Probabilities kept beside the maps, and what a report says they are worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.cube import Cube, State
from ai4land.errors import ConfigError
from ai4land.evaluation import ProbabilityScores, evaluate
from ai4land.report import Table, score_tables
from ai4land.report.charts.probability_scores import probability_charts
from ai4land.rollout import Persistence, observed_state, rollout
from ai4land.samples import CubeDrivers, class_forcing
from ai4land.vocabulary import LAND_USE, NO_DATA
from tiny_cubes import FINE, LANDUSE8
from tiny_rollouts import LAND, Told

TICKS = (2003, 2004, 2005, 2006)
CLASSES = len(LANDUSE8)


def leaning(cube: Cube, seed: int = 0, sure: float = 3.0) -> Iterator[State]:
    """Persistence whose probabilities lean towards the truth and are else noise."""
    rng = np.random.default_rng(seed)
    start = observed_state(cube, LAND_USE, TICKS[0])
    for state in rollout(Persistence(LAND_USE, FINE), start, TICKS[1:]):
        if state.tick == TICKS[0]:
            yield state
            continue
        field = state["land_use"]
        said = rng.gamma(0.3, size=(CLASSES, *field.grid.shape)) + 1e-6
        truth = cube.read("land_use", state.tick)
        for k, code in enumerate(LANDUSE8.codes):
            said[k] += sure * ((truth == code) & (rng.random(truth.shape) < 0.7))
        said = (said / said.sum(axis=0)).astype(np.float32)
        yield replace(state, fields={"land_use": field.replaced(field.values, said)})


def saved(cube: Cube, path: Path, states: Iterator[State], *, probabilities: bool = True) -> Cube:
    return Told(states).save(cube, path, probabilities=probabilities)


@pytest.fixture(scope="module")
def kept(tiny_cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> Cube:
    return saved(tiny_cube, tmp_path_factory.mktemp("p") / "p.zarr", leaning(tiny_cube))


def scored(cube: Cube, tick: int) -> npt.NDArray[np.bool_]:
    """Land of whole coarse cells, as the headline has it."""
    known = [cube.read("land_use", t) for t in (TICKS[0], tick - 1, tick)]
    land = np.logical_and.reduce([(m != 0) & (m != NO_DATA) for m in known])
    land[:, :8] = False  # 3 of the 8 columns of these coarse cells are land
    return np.asarray(land)


def test_probabilities_are_kept_to_eleven_bits(tiny_cube: Cube, kept: Cube) -> None:
    for state in leaning(tiny_cube):
        found = kept.read("land_use_probability", state.tick)
        said = state["land_use"].probabilities
        if said is None:
            assert np.isnan(found).all(), "the initial map is observed"
            continue
        np.testing.assert_allclose(found, said, rtol=2.0**-12, atol=0)
        assert (found.view(np.uint32) & 0xFFF == 0).all(), "mantissas end in zeros"
        np.testing.assert_allclose(found.sum(axis=0), 1.0, atol=5e-4)
    assert kept.variable("land_use_probability").components == LANDUSE8.names
    drivers = CubeDrivers(kept, FINE)
    assert class_forcing(drivers, LAND, LANDUSE8) == (), "what a model believed asks for nothing"


def test_without_probabilities_none_are_kept_or_scored(tiny_cube: Cube, tmp_path: Path) -> None:
    cube = saved(tiny_cube, tmp_path / "p.zarr", leaning(tiny_cube), probabilities=False)
    assert cube.variables == ("land_use",)
    found = evaluate(cube, tiny_cube)
    assert set(found.to_dict()["details"]["probabilities"].values()) == {None}
    assert not [t for t in score_tables(found) if t.title.startswith("Probabilities")]


def test_a_rollout_without_any_cannot_keep_them(tiny_cube: Cube, tmp_path: Path) -> None:
    start = observed_state(tiny_cube, LAND_USE, TICKS[0])
    states = rollout(Persistence(LAND_USE, FINE), start, TICKS[1:])
    with pytest.raises(ConfigError, match="no probabilities to keep") as raised:
        saved(tiny_cube, tmp_path / "p.zarr", states)
    assert "land_use, 2004" in str(raised.value)


def test_brier_scores_are_those_of_the_formula(tiny_cube: Cube, kept: Cube) -> None:
    found = evaluate(kept, tiny_cube).to_dict()["details"]["probabilities"]["mine"]
    before = tiny_cube.read("land_use", TICKS[0])
    errors, still, pixels = [], 0, 0
    for tick in TICKS[1:]:
        mask, truth = scored(tiny_cube, tick), tiny_cube.read("land_use", tick)
        right = np.stack([truth == code for code in LANDUSE8.codes])
        said = kept.read("land_use_probability", tick).astype(np.float64)
        errors.append((((said - right) ** 2).sum(axis=0)[mask]).sum())
        still += int((truth == before)[mask].sum())
        pixels += int(mask.sum())
        one = found["times"][str(tick)]["reliability"]
        assert one["brier"] == pytest.approx(errors[-1] / mask.sum(), rel=1e-12)
    assert found["pooled"]["brier"] == pytest.approx(sum(errors) / pixels, rel=1e-12)
    assert found["pooled"]["persistence_brier"] == pytest.approx(2 * (1 - still / pixels))


def test_the_area_under_the_curve_is_the_share_of_pairs_ranked_rightly(
    tiny_cube: Cube, kept: Cube
) -> None:
    details = evaluate(kept, tiny_cube).to_dict()["details"]["probabilities"]["mine"]
    gains = details["times"]["2006"]["gains"]["gains"]
    mask, before = scored(tiny_cube, 2006), tiny_cube.read("land_use", TICKS[0])
    truth, said = tiny_cube.read("land_use", 2006), kept.read("land_use_probability", 2006)
    seen = 0
    for k, cls in enumerate(LANDUSE8.classes):
        able = mask & (before != cls.code)
        came, not_so = said[k][able & (truth == cls.code)], said[k][able & (truth != cls.code)]
        assert gains[cls.name]["extent"] == able.sum()
        assert gains[cls.name]["presence"] == came.size
        if came.size and not_so.size:
            pairs = came[:, np.newaxis] - not_so
            auc = ((pairs > 0) + 0.5 * (pairs == 0)).mean()
            assert gains[cls.name]["auc"] == pytest.approx(auc, abs=0.01)  # within an interval
            seen += 1
    assert seen >= 2


def table(found: tuple[Table, ...], title: str) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for t in found if t.title == title for row in t.rows}


def test_the_table_has_every_map_as_a_certainty_beside(tiny_cube: Cube, kept: Cube) -> None:
    evaluation = evaluate(kept, tiny_cube)
    rows = table(score_tables(evaluation), "Probabilities")
    assert list(rows)[:2] == ["mine, probabilities", "mine, as a certainty"]
    for row in ("persistence", "kernel", "random"):
        accuracy = evaluation.scores[row].leads[-1].confusion.accuracy
        assert rows[f"{row}, as a certainty"][-1] == f"{2 * (1 - accuracy):.4f}"
    scores = evaluation.to_dict()["details"]["probabilities"]["mine"]
    assert rows["skill over persistence"][1] == f"{scores['pooled']['brier_skill']:.3f}"


def test_truth_said_with_certainty_is_perfect(tiny_cube: Cube, tmp_path: Path) -> None:
    def oracle() -> Iterator[State]:
        for state in leaning(tiny_cube):
            field = state["land_use"]
            if field.probabilities is None:
                yield state
                continue
            codes = tiny_cube.read("land_use", state.tick)
            said = np.stack([codes == code for code in LANDUSE8.codes]).astype(np.float32)
            yield replace(state, fields={"land_use": field.replaced(codes, said)})

    cube = saved(tiny_cube, tmp_path / "p.zarr", oracle())
    found = evaluate(cube, tiny_cube).to_dict()["details"]["probabilities"]["mine"]
    assert found["pooled"]["brier"] == 0.0
    assert found["pooled"]["brier_skill"] == 1.0
    assert found["pooled"]["calibration_error"] == 0.0
    gains = found["times"]["2006"]["gains"]["gains"].values()
    assert {row["auc"] for row in gains} == {1.0, None}


def test_curves_say_what_the_tables_say(tiny_cube: Cube, kept: Cube) -> None:
    evaluation = evaluate(kept, tiny_cube)
    scores = evaluation.details.rollouts["mine"].probabilities
    charts = probability_charts(scores, LANDUSE8.names)
    reliable, *gains = charts
    (first, *_, last) = scores.reliability.values()
    assert f"2004 {100 * first.calibration_error:.2f} %" in reliable.said
    assert f"2006 {100 * last.calibration_error:.2f} %" in reliable.said
    shares = [float(row[3]) for row in reliable.values.rows if row[3] != "–"]
    assert sum(shares) == pytest.approx(1.0, abs=0.01)
    for chart in gains:
        assert chart.svg.startswith("<svg"), chart.title
        name = chart.title.removeprefix("Gain of ").partition(" by ")[0]
        curve = scores.gains[2006].curve(LANDUSE8.index(name.replace(" ", "_")))
        assert f"Area under it {curve.auc:.3f}" in chart.said
        assert chart.values.rows[0] == ("0", "0")
        ends = tuple(f"{end:,.0f}" for end in (curve.extent, curve.presence))
        assert chart.values.rows[-1] == ends
    assert len(gains) >= 2
    assert probability_charts(ProbabilityScores(), LANDUSE8.names) == []
