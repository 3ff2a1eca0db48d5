"""Neighbourhood features: numbers by hand, and what is hidden reaches none of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from ai4land.errors import ConfigError
from ai4land.models import Neighbourhood, densities, distances, expected_classes, log_odds
from ai4land.models.networks import expectation as of_networks
from ai4land.models.networks.densities import densities as densities_of_networks
from network_inputs import LAND, array_inputs, class_spec, two_target_spec, with_seen

F32 = npt.NDArray[np.float32]

MAP = np.array(
    [
        [0, 0, 0, 1, 1],
        [0, 2, 0, 1, 1],
        [0, 0, 9, 1, 1],  # 9 is hidden
        [0, 0, 0, 1, 9],
        [2, 0, 0, 1, 1],
    ]
)
SEEN: F32 = np.stack([k == MAP for k in range(3)]).astype(np.float32)[None]
VISIBLE: F32 = (MAP != 9).astype(np.float32)[None, None]


def test_densities_by_hand() -> None:
    """Among the visible pixels of the square, which ends at the edge of the window."""
    found = densities(SEEN, VISIBLE, (1, 2))[0]
    assert found.shape == (6, 5, 5)
    np.testing.assert_allclose(found[:3, 0, 0], [3 / 4, 0, 1 / 4], atol=1e-6)
    np.testing.assert_allclose(found[:3, 2, 2], [4 / 8, 3 / 8, 1 / 8], atol=1e-6)
    np.testing.assert_allclose(found[:3, 4, 4], [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(found[3:, 2, 2], [12 / 23, 9 / 23, 2 / 23], atol=1e-6)
    np.testing.assert_allclose(found[3:, 0, 0], [7 / 8, 0, 1 / 8], atol=1e-6)
    nothing = densities(SEEN * 0, VISIBLE * 0, (1, 2))
    np.testing.assert_array_equal(nothing, 0.0)


def test_densities_are_counts_in_any_map() -> None:
    rng = np.random.default_rng(3)
    codes, known = rng.integers(0, 4, (2, 17, 23)), rng.random((2, 17, 23)) > 0.4
    seen = np.stack([(codes == k) & known for k in range(4)], axis=1).astype(np.float32)
    visible = known[:, None].astype(np.float32)
    for radius in (1, 4, 8):
        found = densities(seen, visible, (radius,))
        for b, row, col in ((0, 0, 0), (1, 16, 5), (0, 9, 22), (1, 8, 8)):
            square = np.s_[max(row - radius, 0) : row + radius + 1]
            beside = np.s_[max(col - radius, 0) : col + radius + 1]
            share = seen[b, :, square, beside].sum(axis=(1, 2))
            count = visible[b, 0, square, beside].sum()
            np.testing.assert_allclose(found[b, :, row, col], share / count, atol=1e-5)


def test_distances_by_hand() -> None:
    found = distances(SEEN, cap=3)[0]
    assert found[2, 1, 1] == 0
    assert found[2, 0, 0] == pytest.approx(np.sqrt(2))
    assert found[2, 0, 4] == 3  # √10 is more than is looked at
    assert found[1, 2, 2] == 1  # a hidden pixel has a distance all the same
    np.testing.assert_array_equal(distances(SEEN * 0, cap=3), 3.0)


def test_a_distance_does_not_depend_on_what_lies_beyond_the_reach() -> None:
    rng = np.random.default_rng(1)
    wide = (rng.random((1, 3, 60, 60)) < 0.003).astype(np.float32)
    whole = distances(wide, cap=8)
    assert (whole == 8).any()
    np.testing.assert_array_equal(
        distances(wide[..., 12:48, 12:48], cap=8)[..., 8:-8, 8:-8], whole[..., 20:40, 20:40]
    )


def test_the_expectation_is_that_of_the_networks() -> None:
    inputs = array_inputs(class_spec(), seeds=(1, 2))
    seen = inputs.targets[LAND]
    shown = seen.prior * seen.visible
    given = (inputs.forcing_prior, inputs.forcing_target, shown, seen.visible)
    found = expected_classes(*given)
    theirs = of_networks.expected_classes(*map(torch.from_numpy, given)).numpy()
    np.testing.assert_allclose(found, theirs, atol=1e-6)
    theirs = of_networks.log_odds(torch.from_numpy(found)).numpy()
    np.testing.assert_allclose(log_odds(found), theirs, atol=1e-5)


def test_densities_are_those_of_the_networks() -> None:
    seen = array_inputs(class_spec(), seeds=(3, 4)).targets[LAND]
    shown, radii = seen.prior * seen.visible, (1, 3, 8)
    theirs = densities_of_networks(torch.from_numpy(shown), torch.from_numpy(seen.visible), radii)
    np.testing.assert_allclose(densities(shown, seen.visible, radii), theirs.numpy(), atol=1e-5)


@pytest.mark.parametrize("spec", [class_spec(2), class_spec(translated=False), two_target_spec(1)])
def test_features_have_names_and_hidden_pixels_reach_none(spec) -> None:  # noqa: ANN001
    view = Neighbourhood(spec)
    inputs = array_inputs(spec, seeds=(1, 4))
    layers = view.layers(inputs)
    assert layers.shape == (2, len(view.names), *inputs.static.shape[-2:])
    assert layers.dtype == np.float32
    assert len(set(view.names)) == len(view.names)
    seen = inputs.targets[LAND]
    scrambled = with_seen(
        inputs,
        LAND,
        prior=np.where(seen.visible > 0, seen.prior, np.nan),
        history=np.where(seen.history_visible[:, :, None] > 0, seen.history, 7.0),
    )
    np.testing.assert_array_equal(view.layers(scrambled), layers)
    other = with_seen(inputs, LAND, visible=np.ones_like(seen.visible))
    assert (view.layers(other) != layers).any()


def test_features_are_what_their_names_say() -> None:
    spec = class_spec(history=1)
    view = Neighbourhood(spec, radii=(3,), reach=5)
    inputs = array_inputs(spec, seeds=(2,))
    inputs.calendar[:] = -4.0
    layers = dict(zip(view.names, view.layers(inputs)[0], strict=True))
    seen = inputs.targets[LAND]
    np.testing.assert_array_equal(layers["is hidden"], 1 - seen.visible[0, 0])
    np.testing.assert_array_equal(layers["is wood"], seen.prior[0, 2] * seen.visible[0, 0])
    np.testing.assert_array_equal(
        layers["was field"], seen.history[0, 0, 1] * seen.history_visible[0, 0]
    )
    np.testing.assert_array_equal(layers["elevation"], inputs.static[0, 0])
    np.testing.assert_array_equal(layers["climate_zone 3"], inputs.zones[0, 0] == 3)
    change = inputs.forcing_target[0, 3] - inputs.forcing_prior[0, 3]
    np.testing.assert_array_equal(layers["change of grass"], change)
    assert (layers["years"] == -4).all()
    assert np.allclose(layers["log of years"], np.log(4))
    logs = Neighbourhood(spec, radii=(3,), reach=5, logs=True)
    found = dict(zip(logs.names, logs.layers(inputs)[0], strict=True))
    np.testing.assert_array_equal(found["wood within 3"], layers["wood within 3"])
    wanted = np.log(layers["wood within 3"] + 0.02)
    np.testing.assert_allclose(found["log of wood within 3"], wanted, rtol=1e-6)
    wanted = np.log(1 + layers["distance to field"])
    np.testing.assert_allclose(found["log of distance to field"], wanted, rtol=1e-6)
    assert layers["distance to wood"].max() <= 5


@pytest.mark.parametrize("options", [{"radii": (0,)}, {"radii": (2, 2)}, {"reach": 17}])
def test_what_tiles_do_not_hold_is_refused(options) -> None:  # noqa: ANN001
    with pytest.raises(ConfigError, match="Impossible neighbourhood"):
        Neighbourhood(class_spec(), **options)
