"""Ensembles: the mean of what the members predict, in one checkpoint."""

from __future__ import annotations

import pytest
import torch

from ai4land.errors import ConfigError
from ai4land.models import Ensemble, InputSpec, UNet, UNetOptions, build_predictor
from network_inputs import OPTIONS, class_spec, lively_network, number_spec, random_inputs


@torch.inference_mode()
@pytest.mark.parametrize("spec", [class_spec(1), number_spec()], ids=["classes", "numbers"])
def test_it_predicts_the_mean_of_its_members(spec: InputSpec) -> None:
    members = [lively_network(spec, seed=seed) for seed in (1, 2, 3)]
    inputs = random_inputs(spec)
    single = [m.predict(inputs) for m in members]
    assert not torch.allclose(single[0], single[1], atol=1e-3)
    found = Ensemble(members).predict(inputs)
    torch.testing.assert_close(found, sum(single, torch.zeros_like(found)) / 3)
    if spec.classes:
        torch.testing.assert_close(found.sum(dim=1), torch.ones(1, 16, 24))


@torch.inference_mode()
def test_it_is_rebuilt_from_its_own_description() -> None:
    spec = class_spec()
    ensemble = Ensemble([lively_network(spec, seed=seed) for seed in (1, 2)])
    rebuilt = build_predictor(ensemble.to_dict(), spec).eval()
    assert isinstance(rebuilt, Ensemble)
    rebuilt.load_state_dict(ensemble.state_dict())
    inputs = random_inputs(spec)
    assert torch.equal(rebuilt.predict(inputs), ensemble.predict(inputs))
    assert isinstance(build_predictor(UNet(spec, OPTIONS).to_dict(), spec), UNet)


def test_members_must_be_alike() -> None:
    one = UNet(class_spec(), OPTIONS)
    with pytest.raises(ConfigError, match="one architecture"):
        Ensemble([one, UNet(class_spec(), UNetOptions(widths=(4,), embedding=2))])
    with pytest.raises(ConfigError, match="one architecture"):
        Ensemble([one, UNet(class_spec(1), OPTIONS)])
    with pytest.raises(ConfigError, match=r"(?s)Impossible ensemble.*0"):
        build_predictor({**one.to_dict(), "members": 0}, class_spec())
