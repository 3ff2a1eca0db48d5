"""Damage to what a model is shown: how much is hidden, where noise comes from, what is dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
from assemblers import assembler_of, sampler_of
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ai4land.cube import Cube
from ai4land.errors import ConfigError
from ai4land.models import InputSpec
from ai4land.samples import (
    TRANSFORMS,
    ClassCoding,
    Drop,
    Hide,
    Noise,
    NumberCoding,
    Sample,
    SampleOptions,
    Subject,
    TargetSample,
    Transform,
    corrupted,
)
from ai4land.vocabulary import LAND_USE
from tiny_cubes import LANDUSE8, LEAF_AREA

LAND, LEAF = LAND_USE.targets[0].name, LEAF_AREA.targets[0].name
SHAPE = (40, 52)
Source = Literal["window", "uniform"] | dict[str, dict[str, float]]
SUBJECT = Subject(
    InputSpec(targets=(*LAND_USE.targets, *LEAF_AREA.targets)),
    {LAND: ClassCoding(LANDUSE8), LEAF: NumberCoding()},
)


def target(prior: npt.NDArray[Any], visible: npt.NDArray[np.bool_]) -> TargetSample:
    """A target of which only what is shown matters here."""
    shape, past = prior.shape, np.stack([prior] * 2)
    return TargetSample(
        prior=prior,
        visible=visible,
        domain=np.ones(shape, dtype=bool),
        before=prior,
        history=past,
        history_visible=np.stack([visible] * 2),
        targets=prior[None],
        valid=np.ones((1, *shape), dtype=bool),
        moves=np.ones(1, dtype=bool),
    )


def sample_of(**targets: TargetSample) -> Sample:
    """A sample of some targets, without drivers."""
    shape = next(iter(targets.values())).prior.shape
    nothing = np.empty((1, 0, *shape), np.float32)
    return Sample(
        targets=targets,
        forcing=np.empty((2, 0, *shape), np.float32),
        wanted=nothing,
        static=nothing,
        zones=nothing.astype(np.int64),
        series=nothing,
        flows=nothing,
        calendar=np.ones((1, 1), np.float32),
        cell=np.zeros(shape, np.int64),
        cell_share=np.zeros(shape, np.float32),
    )


def scene(seed: int = 0) -> Sample:
    """Classes 1…4 where the prior may be seen and 7 where it may not; numbers beside."""
    rng = np.random.default_rng(seed)
    visible = rng.random(SHAPE) < 0.7
    prior = np.where(visible, rng.integers(1, 5, SHAPE), 7).astype(np.uint8)
    height = np.where(visible, rng.random(SHAPE), -1.0).astype(np.float32)
    return sample_of(**{LAND: target(prior, visible), LEAF: target(height, visible)})


def damaged(sample: Sample, *transforms: Transform, seed: int = 0, progress: float = 0.0) -> Sample:
    return corrupted(sample, transforms, SUBJECT, np.random.default_rng(seed), progress)


def same(one: Sample, two: Sample) -> bool:
    arrays = [f.name for f in fields(Sample) if f.name != "targets"]
    maps = [f.name for f in fields(TargetSample)]
    return all(
        np.array_equal(getattr(one, name), getattr(two, name), equal_nan=True) for name in arrays
    ) and all(
        np.array_equal(getattr(one.targets[n], name), getattr(two.targets[n], name), equal_nan=True)
        for n in one.targets
        for name in maps
    )


@given(
    share=st.floats(0, 1),
    block=st.integers(1, 12),
    noise=st.floats(0, 1),
    by=st.sampled_from(["window", "uniform", {"urban": {"forest": 1.0}}]),
    seed=st.integers(0, 50),
)
@settings(max_examples=60, deadline=None)
def test_only_what_may_be_seen_is_damaged(
    share: float, block: int, noise: float, by: Source, seed: int
) -> None:
    before, kept = scene(seed), scene(seed)
    steps = (Noise(share=noise, by=by), Hide(share=share, block=block))
    after = damaged(before, *steps, seed=seed)
    assert same(before, kept), "the sample that came in stays as it was"
    assert same(after, damaged(scene(seed), *steps, seed=seed)), "the same seed, the same damage"
    for name, found in after.targets.items():
        old = before.targets[name]
        hidden = ~old.visible
        assert not (found.visible & hidden).any(), "corruption shows nothing"
        assert (found.prior[hidden] == old.prior[hidden]).all()
        # what is hidden now was not seen before either
        assert not (found.history_visible & ~found.visible).any()
        # noise comes from pixels that may be seen: the values of the others never spread
        assert by == "uniform" or not np.isin(found.prior[old.visible], old.prior[hidden]).any()
        for truth in ("before", "targets", "valid", "domain", "moves"):
            np.testing.assert_array_equal(getattr(found, truth), getattr(old, truth))
    assert (after.targets[LAND].visible == after.targets[LEAF].visible).all()


@given(share=st.floats(0, 1), block=st.integers(1, 9), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_the_share_asked_for_is_hidden_to_one_block(share: float, block: int, seed: int) -> None:
    shape = (6 * block, 7 * block)
    everything = target(np.ones(shape, np.uint8), np.ones(shape, dtype=bool))
    found = damaged(sample_of(**{LAND: everything}), Hide(share=share, block=block), seed=seed)
    blocks = found.targets[LAND].visible.reshape(6, block, 7, block).swapaxes(1, 2)
    seen = blocks.reshape(42, -1).mean(axis=1)
    assert np.isin(seen, (0.0, 1.0)).all(), "whole blocks are hidden"
    assert abs((1.0 - seen.mean()) - share) <= 1 / 42 + 1e-9


def test_shares_follow_the_training_or_vary_between_samples() -> None:
    everything = sample_of(**{LAND: target(np.ones(SHAPE, np.uint8), np.ones(SHAPE, dtype=bool))})

    def hidden(transform: Hide, seed: int = 0, progress: float = 0.0) -> float:
        found = damaged(everything, transform, seed=seed, progress=progress)
        return 1.0 - float(found.targets[LAND].visible.mean())

    rising = Hide(share=(0.6, 0.99), block=1)
    for progress, share in ((0.0, 0.6), (0.5, 0.795), (1.0, 0.99), (7.0, 0.99)):
        assert hidden(rising, progress=progress) == pytest.approx(share, abs=1e-3)
    varied = Hide(share=(0.2, 0.6), over="samples", block=1)
    shares = [hidden(varied, seed, progress=1.0) for seed in range(200)]
    assert 0.199 < min(shares) < 0.25
    assert 0.55 < max(shares) <= 0.61
    assert np.mean(shares) == pytest.approx(0.4, abs=0.03)


def test_the_share_of_samples_with_hidden_parts() -> None:
    before = scene()
    transform = Hide(probability=0.3, share=0.5)
    hit = [not same(damaged(before, transform, seed=seed), before) for seed in range(400)]
    assert np.mean(hit) == pytest.approx(0.3, abs=0.07)


def test_the_share_of_noise_and_where_it_comes_from() -> None:
    rng = np.random.default_rng(0)
    values = rng.permutation(10_000).reshape(100, 100).astype(np.float32)
    numbers = sample_of(**{LEAF: target(values, np.ones((100, 100), dtype=bool))})
    found = damaged(numbers, Noise(share=0.1)).targets[LEAF]
    assert (found.prior != values).mean() == pytest.approx(0.1, abs=0.015)
    assert set(found.prior.ravel()) <= set(values.ravel())
    assert found.prior.dtype == np.float32
    assert found.visible.all()
    # a confusion matrix says nothing of numbers
    untouched = damaged(numbers, Noise(share=1.0, by={"forest": {"water": 1.0}})).targets[LEAF]
    assert (untouched.prior == values).all()


def shares_after(by: Source, share: float = 1.0) -> Mapping[str, npt.NDArray[np.float64]]:
    """Class before → share of each class after noise."""
    prior = np.tile(np.arange(8, dtype=np.uint8), (200, 25))
    found = damaged(
        sample_of(**{LAND: target(prior, np.ones(prior.shape, dtype=bool))}),
        Noise(share=share, by=by),
    )
    after = found.targets[LAND].prior
    return {
        name: np.bincount(after[prior == k], minlength=8) / np.count_nonzero(prior == k)
        for k, name in enumerate(LANDUSE8.names)
    }


def test_a_confusion_matrix_says_what_is_taken_for_what() -> None:
    found = shares_after({"forest": {"grass_shrub": 3.0, "other": 1.0}, "urban": {"other": 1.0}})
    np.testing.assert_allclose(found["forest"], [0, 0, 0, 0, 0, 0.75, 0.25, 0], atol=0.02)
    np.testing.assert_array_equal(found["urban"], np.eye(8)[6])
    np.testing.assert_array_equal(found["cropland"], np.eye(8)[2])
    half = shares_after({"forest": {"grass_shrub": 1.0}}, share=0.5)["forest"]
    np.testing.assert_allclose(half[[4, 5]], 0.5, atol=0.02)
    with pytest.raises(ConfigError, match=r"(?s)unknown classes.*woods"):
        shares_after({"woods": {"forest": 1.0}})


def test_uniform_noise_gives_every_class_of_land_the_same_chance() -> None:
    for shares in shares_after("uniform").values():
        np.testing.assert_allclose(shares, [0, *[1 / 7] * 7], atol=0.02)


@pytest.mark.parametrize("transforms", [(), (Hide(probability=0.0, share=1.0),)])
def test_no_corruption_changes_nothing(transforms: Sequence[Transform]) -> None:
    assert same(damaged(scene(), *transforms), scene())


def test_nothing_visible_is_no_error() -> None:
    nothing = target(np.full(SHAPE, 255, np.uint8), np.zeros(SHAPE, dtype=bool))
    found = damaged(sample_of(**{LAND: nothing}), Noise(share=1.0), Hide(share=1.0)).targets[LAND]
    assert (found.prior == 255).all()
    assert not found.visible.any()


def test_variables_are_dropped_whole(tiny_cube: Cube) -> None:
    assembler = assembler_of(
        tiny_cube, ["land_use_fractions", "luh2_states"], ["elevation", "slope", "climate_zone"]
    )
    options = SampleOptions(window=16, recursion=2, augment=False)
    plain = sampler_of(assembler, options, (2000, 2006)).draw(np.random.default_rng(3))
    drop = {"name": "drop", "variables": ["luh2_states", "slope", "climate_zone"]}
    options = SampleOptions.model_validate({**options.model_dump(), "corruption": [drop]})
    found = sampler_of(assembler, options, (2000, 2006)).draw(np.random.default_rng(3))
    names = [name.partition("/")[0] for name in assembler.spec.forcing]
    gone = np.array(names) == "luh2_states"
    assert gone.any()
    assert np.isnan(found.forcing[:, gone]).all()
    np.testing.assert_array_equal(found.forcing[:, ~gone], plain.forcing[:, ~gone])
    slope = assembler.spec.static.index("slope")
    assert np.isnan(found.static[:, slope]).all()
    assert np.isfinite(np.delete(found.static, slope, axis=1)).all()
    assert (found.zones == 0).all()
    assert (plain.zones > 0).any()
    with pytest.raises(ConfigError, match=r"(?s)no input.*elevation.*roads"):
        corrupted(
            plain,
            [Drop(variables=("roads",))],
            Subject(assembler.spec, assembler.codings),
            np.random.default_rng(0),
        )


def test_a_sample_draws_one_of_several_block_sizes() -> None:
    everything = sample_of(**{LAND: target(np.ones(SHAPE, np.uint8), np.ones(SHAPE, dtype=bool))})
    whole = []
    for seed in range(24):
        found = damaged(everything, Hide(share=0.5, block=(1, 8)), seed=seed)
        visible = found.targets[LAND].visible
        cells = visible[:, :48].reshape(5, 8, 6, 8).swapaxes(1, 2).reshape(30, 64)
        whole.append(bool((cells.all(axis=1) | ~cells.any(axis=1)).all()))
    assert 5 < sum(whole) < 19, "blocks of 8 in about half of the samples, single pixels in others"


class Darken(Transform):
    """A transform from outside: hides the west."""

    def apply(
        self, sample: Sample, subject: Subject, rng: np.random.Generator, progress: float
    ) -> Sample:
        for name, found in sample.targets.items():
            visible = found.visible.copy()
            visible[:, : visible.shape[1] // 2] = False
            sample = sample.with_target(name, visible=visible)
        return sample


def test_a_new_transform_is_one_line_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"corruption": [{"name": "darken", "probability": 1.0}, {"name": "hide", "share": 0.5}]}
    with pytest.raises(ValidationError, match=r"named one of hide, noise, drop"):
        SampleOptions.model_validate(asked)

    class Named(Darken):
        name: str = "darken"

    monkeypatch.setitem(TRANSFORMS, "darken", Named)
    options = SampleOptions.model_validate(asked)
    assert options == SampleOptions.model_validate(options.model_dump(mode="json"))
    found = damaged(scene(), *options.corruption).targets[LAND]
    assert not found.visible[:, : SHAPE[1] // 2].any()
    assert found.visible[:, SHAPE[1] // 2 :].any()


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"name": "hid", "share": 0.5}, "did you mean 'hide'"),
        ({"name": "hide", "share": 1.5}, r"share.*less than or equal to 1"),
        ({"name": "hide"}, "share: Field required"),
        ({"name": "hide", "share": 0.5, "block": []}, "block"),
        ({"name": "hide", "share": 0.5, "blok": 3}, "not 'blok'; did you mean 'block'"),
        ({"name": "noise", "by": "magic"}, "by"),
        ({"share": 0.5}, "named one of"),
        ("hide", "named one of"),
        ({"name": "drop", "variables": []}, "variables"),
    ],
)
def test_mistakes_are_named(asked: object, text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        SampleOptions.model_validate({"corruption": [asked]})
