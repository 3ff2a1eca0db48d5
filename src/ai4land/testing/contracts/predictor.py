"""The contract that every predictor keeps; one is done when its tests inherit this suite."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.models import Inputs, InputSpec, Predictor, Seen, open_predictor

__all__ = ["PredictorContract"]

Array = npt.NDArray[Any]
_HARMLESS = {".safetensors", ".json", ".ubj", ".onnx"}  # files that cannot run code
_THREADS = 8


class PredictorContract:
    """Inherit it and override the fixtures ``predictor`` and ``inputs``."""

    @pytest.fixture
    def predictor(self) -> Predictor:
        """The predictor."""
        raise NotImplementedError

    @pytest.fixture
    def inputs(self) -> Inputs[Array]:
        """A batch of two windows or more, a part of each prior hidden."""
        raise NotImplementedError

    def test_it_is_a_predictor(self, predictor: Predictor, inputs: Inputs[Array]) -> None:
        """It names its inputs, and the batch is one of them."""
        assert isinstance(predictor, Predictor)
        assert set(inputs.targets) == {target.name for target in predictor.spec.targets}
        assert len(inputs.calendar) > 1, "a contract of one window proves little"
        height, width = inputs.static.shape[-2:]
        assert height % predictor.multiple == 0
        assert width % predictor.multiple == 0
        assert all((seen.visible == 0).any() for seen in inputs.targets.values())

    def test_every_target_is_predicted(self, predictor: Predictor, inputs: Inputs[Array]) -> None:
        """Layers as the target has them, ``float32``, on every pixel a number."""
        found = predictor.predict(inputs)
        assert list(found) == [target.name for target in predictor.spec.targets]
        count, (height, width) = len(inputs.calendar), inputs.static.shape[-2:]
        for target in predictor.spec.targets:
            values = found[target.name]
            assert values.shape == (count, target.layers, height, width)
            assert values.dtype == np.float32
            assert np.isfinite(values).all()

    def test_values_are_what_the_target_allows(
        self, predictor: Predictor, inputs: Inputs[Array]
    ) -> None:
        """Probabilities sum to 1; numbers keep within the bounds of their activation."""
        for name, values in predictor.predict(inputs).items():
            target = predictor.spec.target(name)
            if target.categorical:
                assert values.min() >= 0.0
                np.testing.assert_allclose(values.sum(axis=1), 1.0, atol=1e-5)
            elif target.activation != "identity":
                assert values.min() >= 0.0
                assert values.max() <= (1.0 if target.activation == "sigmoid" else np.inf)

    def test_the_same_question_has_the_same_answer(
        self, predictor: Predictor, inputs: Inputs[Array]
    ) -> None:
        """Also after another one, and what is asked is left as it was."""
        kept = inputs.map(np.copy)
        first = predictor.predict(inputs)
        predictor.predict(inputs.map(lambda part: part[::-1]))
        _same(predictor.predict(inputs), first)
        for one, two in zip(_parts(inputs), _parts(kept), strict=True):
            np.testing.assert_array_equal(one, two)

    def test_windows_do_not_see_each_other(
        self, predictor: Predictor, inputs: Inputs[Array]
    ) -> None:
        """A window is predicted the same alone and in a batch, to 1e-5."""
        together = predictor.predict(inputs)
        for i in range(len(inputs.calendar)):
            alone = predictor.predict(_rolled(inputs, i).map(lambda part: part[:1]))
            for name, values in alone.items():
                np.testing.assert_allclose(values[0], together[name][i], atol=1e-5, rtol=1e-5)

    def test_what_is_hidden_reaches_nothing(
        self, predictor: Predictor, inputs: Inputs[Array]
    ) -> None:
        """Hidden parts of priors and earlier maps may hold anything, even no number."""
        hidden = {name: _scrambled(seen) for name, seen in inputs.targets.items()}
        _same(predictor.predict(inputs._replace(targets=hidden)), predictor.predict(inputs))

    def test_what_is_visible_reaches_the_answer(
        self, predictor: Predictor, inputs: Inputs[Array]
    ) -> None:
        """A predictor that looks at nothing would keep the rest of this contract."""
        turned = {
            name: seen._replace(prior=np.ascontiguousarray(seen.prior[..., ::-1, :]))
            for name, seen in inputs.targets.items()
        }
        found = predictor.predict(inputs)
        other = predictor.predict(inputs._replace(targets=turned))
        assert all(not np.array_equal(found[name], other[name]) for name in found)

    def test_missing_drivers_are_no_obstacle(
        self, predictor: Predictor, inputs: Inputs[Array]
    ) -> None:
        """Where a driver is missing there is a prediction all the same."""
        names = ("forcing_prior", "forcing_target", "static", "series", "flows")
        holes = {name: getattr(inputs, name).copy() for name in names}
        for values in holes.values():
            values[..., :3, :] = np.nan
        for values in predictor.predict(inputs._replace(**holes)).values():
            assert np.isfinite(values).all()

    def test_it_comes_back_from_its_own_description(
        self, predictor: Predictor, inputs: Inputs[Array], tmp_path: Path
    ) -> None:
        """Saved and opened again it predicts the same bytes, and saves the same files."""
        first, second = tmp_path / "first", tmp_path / "second"
        first.mkdir()
        second.mkdir()
        predictor.save(first)
        said = json.loads(json.dumps({"is": predictor.to_dict(), "in": predictor.spec.to_dict()}))
        opened = open_predictor(said["is"], InputSpec.from_dict(said["in"]), first)
        assert opened.spec == predictor.spec
        assert opened.multiple == predictor.multiple
        assert json.loads(json.dumps(opened.to_dict())) == said["is"]
        _same(opened.predict(inputs), predictor.predict(inputs))
        opened.save(second)
        assert {Path(name).suffix for name in _contents(first)} <= _HARMLESS
        assert _contents(first) == _contents(second)

    def test_many_threads_may_ask_at_once(
        self, predictor: Predictor, inputs: Inputs[Array]
    ) -> None:
        """Each gets the bytes it would get alone."""
        questions = [_rolled(inputs, i) for i in range(2)]
        alone = [predictor.predict(question) for question in questions]
        turns = [i % 2 for i in range(2 * _THREADS)]
        with ThreadPoolExecutor(_THREADS) as pool:
            answers = list(pool.map(lambda i: predictor.predict(questions[i]), turns))
        for i, answer in zip(turns, answers, strict=True):
            _same(answer, alone[i])

    def test_it_is_the_mean_of_its_members(
        self, predictor: Predictor, inputs: Inputs[Array]
    ) -> None:
        """Each member is a predictor of the same inputs; one that is none is its own member."""
        members = predictor.members()
        assert members
        assert all(member.spec == predictor.spec for member in members)
        single = [member.predict(inputs) for member in members]
        for name, values in predictor.predict(inputs).items():
            mean = np.mean([found[name] for found in single], axis=0)
            np.testing.assert_allclose(values, mean, atol=1e-5, rtol=1e-5)

    def test_followers_are_said_of_classes_alone(self, predictor: Predictor) -> None:
        """Where it is known which class may follow which, every class may stay."""
        for target in predictor.spec.targets:
            found = predictor.followers(target.name)
            if found is None:
                continue
            assert target.categorical
            assert found.shape == (2, target.layers, target.layers)
            assert found.dtype == np.bool_
            assert found[:, range(target.layers), range(target.layers)].all()


def _scrambled(seen: Seen[Array]) -> Seen[Array]:
    """Other values wherever nothing may be seen."""
    rng = np.random.default_rng(9)

    def other(values: Array, visible: Array) -> Array:
        noise = rng.uniform(-10.0, 50.0, values.shape).astype(values.dtype)
        noise[..., ::3] = np.nan
        return np.where(visible > 0, values, noise)

    return seen._replace(
        prior=other(seen.prior, seen.visible),
        history=other(seen.history, seen.history_visible[:, :, None]),
    )


def _rolled(inputs: Inputs[Array], count: int) -> Inputs[Array]:
    """The same batch with another window first."""
    return inputs.map(lambda part: np.roll(part, -count, axis=0))


def _same(one: Mapping[str, Array], two: Mapping[str, Array]) -> None:
    assert set(one) == set(two)
    for name, values in one.items():
        np.testing.assert_array_equal(values, two[name], err_msg=name)


def _parts(inputs: Inputs[Array]) -> list[Array]:
    """All arrays of a batch."""
    return [*inputs[1:], *(part for seen in inputs.targets.values() for part in seen)]


def _contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
