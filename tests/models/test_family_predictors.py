"""Families that are no networks: each keeps the contract, and does what it says."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_families import random_boosting, random_chain, random_logistic

from ai4land.errors import CheckpointError, ConfigError
from ai4land.models import (
    FAMILIES,
    Inputs,
    InputSpec,
    Markov,
    MarkovOptions,
    Predictor,
    Stack,
    family_of,
    fitted_rows,
    mean_of,
    open_predictor,
)
from ai4land.testing.contracts.predictor import PredictorContract
from network_inputs import (
    LAND,
    array_inputs,
    class_spec,
    lively_predictor,
    number_spec,
    two_target_spec,
    with_seen,
)

SEEDS = (1, 5, 8)


def needs_trees(what: object = "boosting") -> None:
    if "boosting" in str(what):
        pytest.importorskip("xgboost", reason="the extra `trees` is not installed")


class _Classes(PredictorContract):
    @pytest.fixture
    def inputs(self) -> Inputs[npt.NDArray[Any]]:
        return array_inputs(class_spec(history=1), seeds=SEEDS)


class TestMarkov(_Classes):
    @pytest.fixture
    def predictor(self) -> Predictor:
        return random_chain(class_spec(history=1))


class TestLogistic(_Classes):
    @pytest.fixture
    def predictor(self) -> Predictor:
        return random_logistic(class_spec(history=1))


class TestBoosting(_Classes):
    @pytest.fixture
    def predictor(self) -> Predictor:
        needs_trees()
        return random_boosting(class_spec(history=1))


class TestStack(_Classes):
    """A chain, a regression and a network, by weights of their own in each direction."""

    @pytest.fixture
    def predictor(self) -> Predictor:
        spec = class_spec(history=1)
        parts = [random_chain(spec), random_logistic(spec), lively_predictor(spec, strength=5.0)]
        return Stack(parts, np.array([[0.2, 0.5, 0.3], [0.0, 0.9, 0.1]]))


class TestMeanOfStacks(_Classes):
    @pytest.fixture
    def predictor(self) -> Predictor:
        spec = class_spec(history=1)
        one = Stack([random_chain(spec), random_logistic(spec)], np.array([[0.1, 0.9], [1, 0]]))
        return mean_of([one, random_logistic(spec, seed=2)])


class TestStackOfNumbers(PredictorContract):
    @pytest.fixture
    def predictor(self) -> Predictor:
        parts = [lively_predictor(two_target_spec(), seed=s, strength=5.0) for s in (1, 2)]
        return mean_of(parts)

    @pytest.fixture
    def inputs(self) -> Inputs[npt.NDArray[Any]]:
        return array_inputs(two_target_spec(), seeds=SEEDS)


shares = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).dirichlet(np.full(5, 0.5), (2, 6))
)


@given(shares)
def test_fitted_rows_lead_from_share_to_share(pair: npt.NDArray[np.float64]) -> None:
    """Where every class may follow every other, whatever the change."""
    chances = 0.95 * np.eye(5) + 0.05 * np.random.default_rng(0).dirichlet(np.ones(5), 5)
    before, after = pair
    rows = fitted_rows(chances, before, after)
    np.testing.assert_allclose(rows.sum(axis=2), 1.0)
    np.testing.assert_allclose(np.einsum("nj,njk->nk", before, rows), after, atol=1e-5)


def test_fitted_rows_keep_zeros_and_the_gross_change() -> None:
    """What never happens stays so; without net change the chain's own exchange stays."""
    chances = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0], [0.0, 0.0, 1.0]])
    still = np.array([[0.4, 0.4, 0.2]])
    np.testing.assert_allclose(fitted_rows(chances, still, still)[0], chances, atol=1e-6)
    asked = fitted_rows(chances, still, np.array([[0.3, 0.4, 0.3]]))[0]
    assert asked[0, 2] == asked[1, 2] == 0
    nowhere = fitted_rows(chances, np.zeros((1, 3)), still)[0]
    np.testing.assert_array_equal(nowhere, chances)
    # by hand: of two classes, the odds of leaving change by one factor
    two = np.array([[0.8, 0.2], [0.1, 0.9]])
    rows = fitted_rows(two, np.array([[0.5, 0.5]]), np.array([[0.35, 0.65]]))[0]
    odds = (rows[:, 1] / rows[:, 0]) / (two[:, 1] / two[:, 0])
    assert odds[0] == pytest.approx(odds[1])
    assert 0.5 * rows[:, 0].sum() == pytest.approx(0.35, abs=1e-5)


def test_a_chain_of_other_lengths_is_a_power() -> None:
    spec = class_spec()
    yearly = np.array([[9, 1, 0, 0], [0, 8, 2, 0], [0, 0, 10, 0], [1, 0, 0, 9]], np.int64)
    chain = Markov(spec, {1.0: yearly})
    one = chain.chances(1.0)
    np.testing.assert_allclose(one, yearly / 10)
    np.testing.assert_allclose(chain.chances(3.0), one @ one @ one)
    np.testing.assert_allclose(chain.chances(-1.0), np.eye(4))  # a direction never seen
    triple = Markov(spec, {3.0: (1000 * one @ one @ one).astype(np.int64)})
    np.testing.assert_allclose(triple.chances(1.0), one, atol=0.02)
    assert triple.chances(0.5).min() >= 0
    unseen = Markov(spec, {1.0: np.diag([5, 5, 0, 5])})
    np.testing.assert_array_equal(unseen.chances(1.0), np.eye(4))


def test_a_chain_knows_no_place_but_its_cell() -> None:
    """Pixels of one class in one cell have one answer, and the cell's shares are those asked."""
    spec = class_spec()
    inputs = array_inputs(spec, seeds=(3,))
    seen = inputs.targets[LAND]
    inputs = with_seen(inputs, LAND, visible=np.ones_like(seen.visible))
    prior = seen.prior[0].argmax(axis=0)
    cell = np.s_[4:8, 8:12]
    own = np.stack([(prior[cell] == k).mean() for k in range(4)])
    shares = np.broadcast_to(own[:, None, None].astype(np.float32), inputs.forcing_prior[0].shape)
    wanted = np.roll(own, 1) * 0.3 + own * 0.7
    after = np.broadcast_to(wanted[:, None, None].astype(np.float32), shares.shape)
    inputs = inputs._replace(forcing_prior=shares[None], forcing_target=after[None])
    counts = np.full((4, 4), 3) + 50 * np.eye(4, dtype=int)
    found = Markov(spec, {1.0: counts}).predict(inputs)[LAND][0][:, *cell]
    np.testing.assert_allclose(found.mean(axis=(1, 2)), wanted, atol=1e-4)
    for k in np.unique(prior[cell]):
        assert np.ptp(found[:, prior[cell] == k], axis=1).max() == 0
    plain = Markov(spec, {1.0: counts}, MarkovOptions(fitted=False)).predict(inputs)[LAND][0]
    np.testing.assert_allclose(
        plain[:, prior == 2].mean(axis=1), np.array([3, 3, 53, 3]) / 62, rtol=1e-5
    )


@pytest.mark.parametrize("kind", [random_logistic, random_boosting])
def test_what_never_followed_gets_no_probability(kind) -> None:  # noqa: ANN001
    needs_trees(kind)
    spec = class_spec()
    inputs = array_inputs(spec, seeds=SEEDS)
    seen = inputs.targets[LAND]
    found = kind(spec).predict(inputs)[LAND]
    wood = (seen.prior[:, 2] > 0) & (seen.visible[:, 0] > 0)
    assert (found[:, 1][wood] == 0).all()  # wood → field was never counted
    assert (found[:, 3][wood] > 0).any()
    sea = (seen.prior[:, 0] > 0) & (seen.visible[:, 0] > 0)
    np.testing.assert_array_equal(found[:, 0][sea], 1.0)


def test_without_weights_a_regression_is_its_chain() -> None:
    spec = class_spec()
    made = random_logistic(spec)
    made.weights[:] = 0
    inputs = array_inputs(spec, seeds=SEEDS)
    visible = inputs.targets[LAND].visible > 0
    one, two = made.predict(inputs)[LAND], made.view.chain.predict(inputs)[LAND]
    np.testing.assert_allclose(np.where(visible, one, 0), np.where(visible, two, 0), atol=1e-5)


def test_a_stack_weighs_each_direction() -> None:
    spec = class_spec()
    parts = [random_chain(spec), random_logistic(spec)]
    stack = Stack(parts, np.array([[1.0, 0.0], [0.25, 0.75]]))
    inputs = array_inputs(spec, seeds=(1, 2))
    inputs.calendar[1] = -1.0
    one, two = (p.predict(inputs)[LAND] for p in parts)
    found = stack.predict(inputs)[LAND]
    np.testing.assert_array_equal(found[0], one[0])
    np.testing.assert_allclose(found[1], 0.25 * one[1] + 0.75 * two[1], atol=1e-6)
    numbers = number_spec()
    both = [lively_predictor(numbers, seed=seed) for seed in (1, 2)]
    winter = array_inputs(numbers, seeds=(1, 2))
    winter.calendar[:, 1:] = -0.7  # the season is no direction
    first = Stack(both, np.array([[1.0, 0.0], [0.0, 1.0]])).predict(winter)
    np.testing.assert_array_equal(
        first["leaf_area_index"], both[0].predict(winter)["leaf_area_index"]
    )
    for bad in ([[1.0, 0.0]], [[0.6, 0.6], [1.0, 0.0]], [[1.5, -0.5], [1.0, 0.0]]):
        with pytest.raises(ConfigError, match="Impossible weights"):
            Stack(parts, np.array(bad))
    with pytest.raises(ConfigError, match="same inputs"):
        Stack([random_chain(spec), random_chain(class_spec(history=1))])


ARCHITECTURES = {
    "markov": {},
    "logistic": {"radii": [1, 2]},
    "boosting": {"depth": 4},
    "stack": {"members": [{"name": "markov"}, {"name": "unet", "widths": [8, 12]}]},
}


def test_every_family_stands_here() -> None:
    assert set(ARCHITECTURES) == set(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_says_what_it_would_be(name: str) -> None:
    needs_trees(name)
    said: dict[str, Any] = {"name": name, **ARCHITECTURES[name]}
    built = family_of(said).build(said, class_spec())
    assert built.parameters > 0
    assert built.multiple == (2 if name == "stack" else 1)
    with pytest.raises(ConfigError, match=r"(?s)Unknown key.*model: optoin"):
        family_of(said).build({**said, "optoin": 1}, class_spec())


@pytest.mark.parametrize("spec", [number_spec(), two_target_spec()])
@pytest.mark.parametrize("name", ["markov", "logistic", "boosting"])
def test_numbers_are_refused(name: str, spec: InputSpec) -> None:
    needs_trees(name)
    with pytest.raises(ConfigError, match=r"(?s)one map of classes.*leaf_area_index"):
        family_of({"name": name}).build({"name": name}, spec)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"name": "logistic", "penalties": []}, "model: penalties"),
        ({"name": "logistic", "radii": [40]}, "Impossible neighbourhood"),
        ({"name": "boosting", "rate": 0}, "model: rate"),
        ({"name": "stack", "members": []}, "model: members"),
        ({"name": "stack", "members": [{"name": "markov", "fited": 1}]}, "did you mean 'fitted'"),
        ({"name": "stack", "members": [{"name": "forest"}]}, "Unknown architecture"),
    ],
)
def test_impossible_options_are_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        family_of(said).build(said, class_spec())


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, *rest: Any) -> Any:  # noqa: ANN401
        if name == "xgboost":
            raise ImportError("No module named 'xgboost'")
        return real(name, *rest)

    real = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigError, match=r"(?s)not installed.*ai4land\[trees\]"):
        family_of({"name": "boosting"}).build({"name": "boosting"}, class_spec())


@pytest.mark.parametrize("kind", [random_chain, random_logistic, random_boosting])
def test_damaged_weights_are_refused(kind, tmp_path) -> None:  # noqa: ANN001
    needs_trees(kind)
    made = kind(class_spec())
    made.save(tmp_path)
    with pytest.raises(CheckpointError, match="do not fit"):
        open_predictor(
            made.to_dict(),
            class_spec(history=1) if kind is not random_chain else _five_classes(),
            tmp_path,
        )
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(CheckpointError):
        open_predictor(made.to_dict(), class_spec(), tmp_path)


def _five_classes() -> InputSpec:
    target = class_spec().targets[0].with_classes(("a", "b", "c", "d", "e"))
    return InputSpec(targets=(target,))
