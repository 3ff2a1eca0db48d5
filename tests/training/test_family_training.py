"""Each family trains, stands in a checkpoint, rolls out and is described, like any network."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.checkpoint import load_checkpoint
from ai4land.cube import Cube
from ai4land.errors import CheckpointError, MissingFileError
from ai4land.grid import Window
from ai4land.models import Boosting, Logistic, LogisticOptions, Markov, Stack, family_of
from ai4land.rollout import Tiling, open_model, rollout
from ai4land.training import Experiment, prepare, train
from ai4land.training.families import (
    MarkovTrainer,
    StackTrainer,
    mixture_weights,
    truth_probabilities,
)
from ai4land.training.families.markov import counted_chain
from ai4land.training.families.pixels import SplitWindows, joined, pixel_batches
from ai4land.training.train import TRAINERS
from experiments import small_experiment
from tiny_cubes import FINE

FEW: dict[str, Any] = {"pixels": 6000, "radii": [1, 3], "reach": 6}
MODELS: dict[str, dict[str, Any]] = {
    "markov": {"name": "markov"},
    "logistic": {"name": "logistic", **FEW, "penalties": [100, 1], "iterations": 15},
    "boosting": {"name": "boosting", **FEW, "rounds": 8, "depth": 3, "least": 1},
    "boosting on disk": {"name": "boosting", **FEW, "rounds": 3, "depth": 2, "external": True},
    "stack": {
        "name": "stack",
        "members": [
            {"name": "markov"},
            {"name": "unet", "widths": [4, 6], "embedding": 3},
            {"name": "logistic", **FEW, "penalties": [100], "iterations": 5},
        ],
    },
}
KINDS = {"markov": Markov, "logistic": Logistic, "boosting": Boosting, "stack": Stack}


def needs_trees(name: str) -> None:
    if name.startswith("boosting"):
        pytest.importorskip("xgboost", reason="the extra `trees` is not installed")


@pytest.mark.parametrize("name", MODELS)
def test_a_family_trains_and_rolls_out(name: str, tiny_cube: Cube, tmp_path: Path) -> None:
    needs_trees(name)
    seen: list[tuple[int, int]] = []
    experiment = small_experiment(tiny_cube, model=MODELS[name])
    checkpoint = train(experiment, tmp_path / "run", progress=lambda n, of, _: seen.append((n, of)))
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] == 6
    predictor, card = load_checkpoint(checkpoint)
    assert isinstance(predictor, KINDS[name.partition(" ")[0]])
    assert card.architecture["name"] == experiment.model["name"]
    assert card.scores["validation"]["accuracy"] > 0.9
    assert "rollout_faithful_forward_figure_of_merit" in card.scores["validation"]
    assert not list((tmp_path / "run").rglob("*.npz"))
    for path in ((2008, 2009, 2010), (2008, 2007)):
        stepper, initial, _ = open_model(checkpoint, tiny_cube, path, tiling=Tiling(32, 16))
        *_, last = rollout(stepper, initial, path[1:])
        field = last["land_use"]
        codes = tiny_cube.read("land_use", 2008)
        land = (codes != 0) & (codes != 255)
        assert field.probabilities is not None
        np.testing.assert_allclose(field.probabilities[:, land].sum(axis=0), 1.0, atol=1e-5)
        np.testing.assert_array_equal(field.values[~land], codes[~land])


@pytest.mark.parametrize("name", ["logistic", "boosting"])
def test_the_same_seed_gives_the_same_weights(name: str, tiny_cube: Cube, tmp_path: Path) -> None:
    needs_trees(name)
    setting = prepare(small_experiment(tiny_cube, model=MODELS[name]))
    trainer = TRAINERS[family_of(MODELS[name]).__name__](setting.experiment)
    held = []
    for run in ("one", "two"):
        (tmp_path / run).mkdir()
        trainer.fit(setting, tmp_path / run, 3, lambda *_: None).predictor.save(tmp_path / run)
        held.append({f.name: f.read_bytes() for f in (tmp_path / run).iterdir() if f.is_file()})
    assert held[0] == held[1]
    assert set(held[0]) >= {"transitions.json"}
    if name == "boosting":
        gains = json.loads(held[0]["gain.json"])
        assert sum(gains.values()) == pytest.approx(1.0)


def test_seeds_of_a_family_are_averaged(tiny_cube: Cube, tmp_path: Path) -> None:
    """Regressions as a stack with equal weights, chains as one chain."""
    two = {"members": 2}
    small = small_experiment(tiny_cube, model=MODELS["logistic"], training=two)
    predictor, card = load_checkpoint(train(small, tmp_path / "logistic"))
    assert [type(member) for member in predictor.members()] == [Logistic, Logistic]
    assert card.architecture["name"] == "stack"
    assert "member1/regression.json" in card.files
    open_model(tmp_path / "logistic" / "checkpoint", tiny_cube, (2008, 2009), member=2)
    (tmp_path / "logistic" / "checkpoint" / "member1" / "regression.json").unlink()
    with pytest.raises(MissingFileError, match="has no weights"):
        load_checkpoint(tmp_path / "logistic" / "checkpoint")
    chains = small_experiment(tiny_cube, model=MODELS["markov"], training=two)
    predictor, _ = load_checkpoint(train(chains, tmp_path / "markov"))
    assert isinstance(predictor, Markov)


def test_a_damaged_member_is_found(tiny_cube: Cube, tmp_path: Path) -> None:
    model = {"name": "stack", "members": [{"name": "markov"}, {"name": "markov", "fitted": False}]}
    checkpoint = train(small_experiment(tiny_cube, model=model), tmp_path / "run")
    file = checkpoint / "member1" / "transitions.json"
    file.write_text(file.read_text().replace("1", "2", 1))
    with pytest.raises(CheckpointError, match="not those of the card"):
        load_checkpoint(checkpoint)


def _setting(cube: Cube, **samples: object) -> Any:  # noqa: ANN401
    calm = {"corruption": [], "history": 0, "recursion": 1, **samples}
    spans = {"validation": [2006, 2008]}
    return prepare(small_experiment(cube, split=spans, samples=calm, model={"name": "markov"}))


def test_pixels_are_all_that_changed_and_others_by_weight(tiny_cube: Cube) -> None:
    """The weights of a draw add up to the counts of the split."""
    setting = _setting(tiny_cube)
    chain = counted_chain(setting)
    view = LogisticOptions(radii=(1,), reach=2).view(chain)
    total = sum(chain.counts.values())
    changed = int(total.sum() - np.trace(total))

    def drawn(pixels: int, seed: int = 0) -> Any:  # noqa: ANN401
        rng = np.random.default_rng(seed)
        return joined(list(pixel_batches(setting.sampler, view, pixels, rng, damaged=False)))

    every = drawn(10**9)
    assert len(every.truth) == total.sum()
    assert set(every.weight) == {1.0}
    pairs = np.zeros_like(total)
    np.add.at(pairs, (every.rows.prior, every.truth), 1)
    np.testing.assert_array_equal(pairs, total)
    some = drawn(4 * changed)
    moved = some.rows.prior != some.truth
    assert moved.sum() == changed
    assert set(some.weight[moved]) == {1.0}
    assert len(some.truth) == pytest.approx(4 * changed, rel=0.1)
    assert some.weight.sum() == pytest.approx(total.sum(), rel=0.1)
    few = drawn(changed)
    assert few.weight[few.rows.prior != few.truth].sum() == pytest.approx(changed, rel=0.2)
    np.testing.assert_array_equal(drawn(changed).truth, few.truth)


def test_pixels_are_shown_as_in_one_piece(tiny_cube: Cube) -> None:
    """What a learner is given of a pixel does not depend on the window it was read in."""
    setting = _setting(tiny_cube, directions=["forward"])
    view = LogisticOptions(radii=(1, 3), reach=6).view(counted_chain(setting))
    rng = np.random.default_rng(0)
    batch = next(pixel_batches(setting.sampler, view, 10**9, rng, damaged=False))
    names = list(view.names)
    rows = batch.rows.features
    elevation = rows[:, names.index("elevation")]
    where = np.argsort(elevation)  # it names its pixel, row by row
    codes = tiny_cube.read("land_use", setting.sampler.steps[0][0])
    land = (codes != 0) & (codes != 255)
    wide = np.pad(codes == 5, 3)
    known = np.pad(codes != 255, 3)
    square = np.s_[: FINE.height, : FINE.width]
    counts = [
        sum(
            part[i : i + FINE.height, j : j + FINE.width][square].astype(int)
            for i in range(7)
            for j in range(7)
        )
        for part in (wide, known)
    ]
    share = (counts[0] / np.maximum(counts[1], 1))[land]
    np.testing.assert_allclose(rows[where, names.index("grass_shrub within 3")], share, atol=1e-5)


def test_windows_of_several_regions_are_counted_through(tiny_cube: Cube) -> None:
    """Every step of every region with every window that holds a pixel of its split, once."""
    one, two = _setting(tiny_cube).sampler, _setting(tiny_cube, strides=[2]).sampler
    two.mask[:20] = False
    both: Any = SimpleNamespace(parts=(one, two))
    windows = SplitWindows(both, 16)
    found = [windows[i] for i in range(len(windows))]
    expected = [
        (part, times, Window(row, col, 16, 16))
        for part in (one, two)
        for times in sorted(part.steps)
        for row in range(0, 40, 16)
        for col in range(0, 48, 16)
        if part is one or row > 0
    ]
    assert found == expected
    assert {after - before for part, (before, after), _ in found if part is two} == {-2, 2}


def test_damaged_priors_are_learned_from(tiny_cube: Cube) -> None:
    """Hidden pixels are a kind of their own; impossible steps are left out."""
    corruption = [
        {"name": "noise", "share": 0.2},
        {"name": "hide", "probability": 0.9, "share": 0.5},
    ]
    setting = _setting(tiny_cube, corruption=corruption)
    view = LogisticOptions(radii=(1,), reach=2).view(counted_chain(setting))
    rng = np.random.default_rng(0)
    batch = joined(list(pixel_batches(setting.sampler, view, 10**9, rng, damaged=True)))
    hidden = batch.rows.prior == 8
    assert 0.2 < hidden.mean() < 0.8
    ways, prior = batch.rows.backward.astype(int), batch.rows.prior
    assert (view.possible[ways[~hidden], prior[~hidden], batch.truth[~hidden]] > 0).all()


def test_mixture_weights_of_a_case_with_a_known_best() -> None:
    """Of two outcomes that come three times in four, experts of .9 and .3 mix to .75."""
    given = np.array([[0.9, 0.3]] * 75 + [[0.1, 0.7]] * 25)
    weights = mixture_weights(given)
    assert 0.9 * weights[0] + 0.3 * weights[1] == pytest.approx(0.75, abs=1e-3)
    np.testing.assert_allclose(
        mixture_weights(np.array([[0.9, 0.2], [0.8, 0.1]])), [1, 0], atol=1e-6
    )
    np.testing.assert_allclose(mixture_weights(np.full((5, 4), 0.3)), 0.25)
    np.testing.assert_allclose(mixture_weights(np.empty((0, 2))), 0.5)
    assert np.isfinite(mixture_weights(np.zeros((3, 2)))).all()


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_a_mixture_is_never_worse_than_its_best_member(seed: int, members: int) -> None:
    rng = np.random.default_rng(seed)
    given_: npt.NDArray[np.float64] = rng.beta(0.3, 0.3, (40, members))
    weights = mixture_weights(given_)
    assert weights.sum() == pytest.approx(1.0)
    logs = np.log(np.maximum(given_, 1e-12))
    mixed = np.log(np.maximum(given_, 1e-12) @ weights).mean()
    assert mixed >= logs.mean(axis=0).max() - 1e-12


def test_a_stack_is_never_worse_than_its_best_member_on_validation(
    tiny_cube: Cube, tmp_path: Path
) -> None:
    """In log loss, in both directions; its members are those that train alone."""
    model: dict[str, Any] = {
        "name": "stack",
        "members": [MODELS["markov"], {"name": "markov", "fitted": False}, MODELS["logistic"]],
    }
    experiment: Experiment = small_experiment(tiny_cube, model=model)
    setting = prepare(experiment)
    trained = StackTrainer(experiment, TRAINERS).fit(setting, tmp_path, 0, lambda *_: None)
    made = trained.predictor
    assert isinstance(made, Stack)
    given_, backward = truth_probabilities([made, *made.predictors], setting.judge)
    assert backward.any()
    assert not backward.all()
    for way in (False, True):
        loss = -np.log(np.maximum(given_[backward == way], 1e-12)).mean(axis=0)
        assert loss[0] <= loss[1:].min() + 1e-6
    alone = MarkovTrainer(experiment.model_copy(update={"model": MODELS["markov"]}))
    chain = alone.fit(setting, tmp_path, 0, lambda *_: None).predictor
    one, two = truth_probabilities([chain, made.predictors[0]], setting.judge)[0].T
    np.testing.assert_array_equal(one, two)
    plain = StackTrainer(
        small_experiment(tiny_cube, model={**model, "weights": "mean"}), TRAINERS
    ).fit(setting, tmp_path / "mean", 0, lambda *_: None)
    assert len(plain.predictor.members()) == 3
