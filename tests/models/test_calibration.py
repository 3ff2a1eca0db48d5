"""Calibration: what was distorted is found again, and impossible stays impossible."""

from __future__ import annotations

import numpy as np
import pytest

from ai4land.allocation import gumbel_noise
from ai4land.errors import CheckpointError
from ai4land.grid import Grid, Mesh
from ai4land.models import Calibration, Scaling
from ai4land.training.calibration import Observed, fit_scaling, reach_of


def truths(seed: int, size: int = 60_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True probabilities ``(3, n)`` that lean to a prior, the prior, and what came."""
    rng = np.random.default_rng(seed)
    prior = rng.integers(0, 3, size).astype(np.uint8)
    logits = rng.normal(size=(3, size)) + 2.5 * (prior == np.arange(3)[:, None])
    chance = np.exp(logits)
    chance /= chance.sum(axis=0)
    came = (rng.random(size) > np.cumsum(chance, axis=0)).sum(axis=0).astype(np.uint8)
    return chance.astype(np.float32), prior, np.minimum(came, 2)


@pytest.mark.parametrize(
    "wrong", [Scaling(0.6, 0.0), Scaling(1.7, -0.8), Scaling(1.0, 0.0, (0.5, 0.0, -0.5))]
)
def test_a_distortion_is_undone(wrong: Scaling) -> None:
    chance, prior, came = truths(1)
    said = wrong.applied(chance, prior)
    fitted = fit_scaling(Observed(said, prior, came), classes=bool(wrong.classes))
    mended = fitted.applied(said, prior)
    assert np.abs(mended - chance).mean() < 0.01
    assert np.abs(said - chance).mean() > 4 * np.abs(mended - chance).mean()
    np.testing.assert_allclose(mended.sum(axis=0), 1.0, atol=1e-5)


def test_what_is_right_is_left() -> None:
    chance, prior, came = truths(2)
    fitted = fit_scaling(Observed(chance, prior, came), classes=True)
    assert fitted.temperature == pytest.approx(1.0, abs=0.03)
    assert fitted.stay == pytest.approx(0.0, abs=0.06)
    assert np.abs(fitted.classes).max() < 0.06


def test_the_impossible_stays_so_and_the_unknown_is_not_favoured() -> None:
    chance = np.array([[0.5, 0.5], [0.5, 0.3], [0.0, 0.2]], np.float32)
    found = Scaling(2.0, 1.0).applied(chance, np.array([0, 255], np.uint8))
    assert found[2, 0] == 0.0
    np.testing.assert_allclose(found.sum(axis=0), 1.0, rtol=1e-6)
    assert found[0, 0] == pytest.approx(np.e / (1 + np.e), rel=1e-5)
    roots = np.sqrt([0.5, 0.3, 0.2])
    np.testing.assert_allclose(found[:, 1], roots / roots.sum(), rtol=1e-5)


def test_too_little_change_fits_nothing() -> None:
    chance, prior, _ = truths(3, 500)
    assert fit_scaling(Observed(chance, prior, prior), classes=True) == Scaling()


def test_it_survives_its_card() -> None:
    said = Calibration(Scaling(1.1, 0.2, (0.0, 0.1)), Scaling())
    assert Calibration.from_dict(said.to_dict()) == said
    assert Calibration.from_dict({}) == Calibration()
    assert said.of(3) == said.forward
    assert said.of(-1) == Scaling()
    for damage in ({"forward": {"heat": 1}}, {"sideways": {}}, {"forward": {"temperature": 0}}):
        with pytest.raises(CheckpointError, match="damaged"):
            Calibration.from_dict(damage)


@pytest.mark.parametrize(("reach", "chance"), [(0.7, 0.1), (1.5, 0.1), (1.5, 0.4), (3.0, 0.02)])
def test_the_reach_of_a_field_is_found_from_its_events(reach: float, chance: float) -> None:
    mesh = Mesh(grid := Grid.regular(0, 0, 0.1, 0.1, (700, 700)), grid.coarsen(70, 70))
    noise = gumbel_noise(mesh, grid.window, 4, 2000, 1, reach=reach)[0]
    events = noise > -np.log(-np.log(1.0 - chance))
    assert events.mean() == pytest.approx(chance, rel=0.1)
    found = float(np.corrcoef(events[:, 1:].ravel(), events[:, :-1].ravel())[0, 1])
    assert reach_of(found, chance) == pytest.approx(reach, rel=0.08)
    assert reach_of(0.0, chance) == 0.0
    assert reach_of(1.0, chance) == 4.0
