"""Several regions: chosen by weight, drawn as alone, stacked together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from assemblers import assembler_of, sampler_of

from ai4land.cube import Cube
from ai4land.samples import MixedSampler, SampleOptions, Sampler, mixed, stack
from tiny_cubes import COARSE, FINE, land_maps, write_labels

OPTIONS = SampleOptions(window=16, strides=(1, 3), recursion=3, augment=False)


@pytest.fixture(scope="module")
def samplers(tiny_cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> tuple[Sampler, Sampler]:
    """A long series, and a single pair of years three years apart that has a sea of its own."""
    maps = land_maps((2000, 2003))
    for codes in maps.values():
        codes[:, :20] = 0
    path: Path = tmp_path_factory.mktemp("pair") / "pair.zarr"
    pair = write_labels(path, maps, FINE, COARSE)
    forcing = ("land_use_fractions",)
    return (
        sampler_of(assembler_of(tiny_cube, forcing), OPTIONS, (2000, 2011)),
        sampler_of(assembler_of(pair, forcing), OPTIONS, (2000, 2003)),
    )


def test_one_region_is_itself(samplers: tuple[Sampler, Sampler]) -> None:
    assert mixed(samplers[:1], [3.0]) is samplers[0]
    assert samplers[0].parts == (samplers[0],)
    assert mixed(samplers, [1.0, 1.0]).parts == samplers


def test_regions_are_chosen_by_weight(samplers: tuple[Sampler, Sampler]) -> None:
    both = MixedSampler(samplers, [1.0, 3.0])
    drawn = [both.draw(np.random.default_rng([5, k])) for k in range(240)]
    pairs = np.array([not s.targets["land_use"].moves[1:].any() for s in drawn])
    assert pairs.mean() == pytest.approx(0.75, abs=0.08)
    again = both.draw(np.random.default_rng([5, 17]))
    np.testing.assert_array_equal(
        again.targets["land_use"].prior, drawn[17].targets["land_use"].prior
    )


def test_a_short_series_is_filled_up_without_loss(samplers: tuple[Sampler, Sampler]) -> None:
    assert [s.read(s.steps[0], FINE.window).steps for s in samplers] == [3, 1]
    alone = samplers[1].draw(np.random.default_rng(0))
    filled = alone.filled_up(3)
    maps = filled.targets["land_use"]
    assert filled.steps == 3
    assert maps.moves.tolist() == [True, False, False]
    assert maps.valid[0].any()
    assert not maps.valid[1:].any()
    assert filled.forcing.shape[0] == 4
    np.testing.assert_array_equal(maps.targets[2], alone.targets["land_use"].targets[0])
    np.testing.assert_array_equal(filled.forcing[3], alone.forcing[1])
    np.testing.assert_array_equal(maps.prior, alone.targets["land_use"].prior)
    assert alone.filled_up(1) is alone
    batch = stack([MixedSampler(samplers, [1, 1]).draw(np.random.default_rng(k)) for k in range(8)])
    assert batch.targets["land_use"].moves.shape == (8, 3)
    assert len(set(batch.targets["land_use"].moves.sum(axis=1).tolist())) == 2, "both regions"
