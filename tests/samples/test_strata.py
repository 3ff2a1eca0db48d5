"""Strata: rare classes are drawn, and weights undo what the strata did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from assemblers import assembler_of, sampler_of
from pydantic import ValidationError

from ai4land.grid import Grid
from ai4land.samples import Assembler, SampleOptions, stack
from tiny_cubes import write_labels

URBAN, CROPLAND, FOREST = 1, 2, 4
FINE = Grid.regular(0.0, 50.0, 0.05, 0.05, (96, 128))


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> Assembler:
    """Forest with one town, and one field that grows in the opposite corner."""
    before = np.full(FINE.shape, FOREST, np.uint8)
    before[10:13, 100:104] = URBAN
    before[70:80, 20:30] = CROPLAND
    before[:, :3] = 0
    after = before.copy()
    after[80:84, 20:30] = CROPLAND
    path: Path = tmp_path_factory.mktemp("sparse") / "cube.zarr"
    cube = write_labels(path, {2000: before, 2001: after}, FINE, FINE.coarsen(16, 16))
    return assembler_of(cube, ("land_use_fractions",))


def options(**changes: object) -> SampleOptions:
    said = {"window": 16, "recursion": 1, "augment": False, "changed_share": 0.0, **changes}
    return SampleOptions.model_validate(said)


def test_the_rare_share_is_drawn_around_rare_classes(sparse: Assembler) -> None:
    def held(rare_share: float, code: int) -> float:
        sampler = sampler_of(sparse, options(rare_share=rare_share), (2000, 2001))
        drawn = [sampler.draw(np.random.default_rng([1, k])) for k in range(150)]
        return float(np.mean([(s.targets["land_use"].before == code).any() for s in drawn]))

    # three classes of land: each has a third of the chance, whatever its area
    assert held(0.0, URBAN) < 0.12
    assert held(1.0, URBAN) > 0.28
    assert held(1.0, CROPLAND) > 0.28
    assert held(0.5, URBAN) > 0.13


@pytest.mark.parametrize(
    "strata",
    [{"changed_share": 0.5}, {"rare_share": 0.6}, {"changed_share": 0.3, "rare_share": 0.4}],
)
def test_weighted_draws_have_the_mean_of_all_land(
    sparse: Assembler, strata: dict[str, float]
) -> None:
    def statistics(n: int, **changes: object) -> np.ndarray:
        """Change, town and forest of windows with their weights, ``(n, 4)``."""
        sampler = sampler_of(sparse, options(**changes), (2000, 2001))
        rows = []
        for k in range(n):
            sample = sampler.draw(np.random.default_rng([7, k]))
            maps = sample.targets["land_use"]
            shares = [
                (maps.valid[0] & (maps.targets[0] != maps.before)).mean(),
                (maps.before == URBAN).mean(),
                (maps.before == FOREST).mean(),
            ]
            rows.append([float(sample.weight), *shares])
        return np.array(rows)

    plain = statistics(600)
    assert (plain[:, 0] == 1.0).all()
    drawn = statistics(600, weigh=True, **strata)
    weight, values = drawn[:, :1], drawn[:, 1:]
    bound = 1.0 / (1.0 - sum(strata.values()))
    assert 0 < weight.min() < 0.9
    assert weight.max() <= bound + 1e-6
    error = 4 * np.sqrt(
        (weight * values).var(axis=0) / len(drawn) + plain[:, 1:].var(axis=0) / len(plain)
    )
    assert (np.abs((weight * values).mean(axis=0) - plain[:, 1:].mean(axis=0)) < error).all()
    assert weight.mean() == pytest.approx(1.0, abs=0.12)
    # without weights the strata show: that is what they are for
    unweighted = np.abs(values.mean(axis=0) - plain[:, 1:].mean(axis=0))
    assert (unweighted > error).any()


def test_weights_are_one_unless_asked_for_and_stack(sparse: Assembler) -> None:
    plain = sampler_of(sparse, options(changed_share=0.5), (2000, 2001))
    batch = stack([plain.draw(np.random.default_rng(k)) for k in range(5)])
    np.testing.assert_array_equal(batch.weight, np.ones(5, np.float32))
    weighed = sampler_of(sparse, options(changed_share=0.5, weigh=True, augment=True), (2000, 2001))
    found = stack([weighed.draw(np.random.default_rng(k)) for k in range(5)])
    assert found.weight.shape == (5,)
    assert len(set(found.weight.tolist())) > 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"changed_share": 0.6, "rare_share": 0.5},
        {"changed_share": 1.0, "weigh": True},
        {"changed_share": 0.5, "rare_share": 0.5, "weigh": True},
    ],
)
def test_all_land_must_have_a_chance(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="all land"):
        SampleOptions.model_validate(wrong)
