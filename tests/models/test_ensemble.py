"""Ensembles: the mean of what the members predict, in one predictor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ai4land.errors import ConfigError
from ai4land.models import InputSpec
from ai4land.models.networks import (
    NetworkPredictor,
    build_network,
    combine,
    load_predictor,
)
from network_inputs import (
    CLASSES,
    LAND,
    LEAF,
    OPTIONS,
    array_inputs,
    class_spec,
    lively_network,
    lively_predictor,
    number_spec,
    two_target_spec,
)


@pytest.mark.parametrize(
    "spec",
    [class_spec(1), number_spec(), two_target_spec()],
    ids=["classes", "numbers", "two targets"],
)
def test_it_predicts_the_mean_of_its_members(spec: InputSpec) -> None:
    members = [lively_predictor(spec, seed=seed) for seed in (1, 2, 3)]
    inputs = array_inputs(spec)
    single = [m.predict(inputs) for m in members]
    found = combine(members).predict(inputs)
    assert set(found) == {target.name for target in spec.targets}
    for name, values in found.items():
        assert not np.allclose(single[0][name], single[1][name], atol=1e-3)
        np.testing.assert_allclose(values, np.mean([s[name] for s in single], axis=0), atol=1e-6)
    if LAND in found:
        np.testing.assert_allclose(found[LAND].sum(axis=1), 1.0, atol=1e-5)


def test_it_is_rebuilt_from_its_own_description(tmp_path: Path) -> None:
    spec = class_spec()
    ensemble = combine([lively_predictor(spec, seed=seed) for seed in (1, 2)])
    assert ensemble.to_dict()["members"] == 2
    ensemble.save(tmp_path)
    rebuilt = load_predictor(ensemble.to_dict(), spec, tmp_path)
    assert len(rebuilt.networks) == 2
    inputs = array_inputs(spec)
    assert np.array_equal(rebuilt.predict(inputs)[LAND], ensemble.predict(inputs)[LAND])
    one, two = rebuilt.members()
    assert not np.array_equal(one.predict(inputs)[LAND], two.predict(inputs)[LAND])
    assert "members" not in one.to_dict()
    assert one.members() == (one,)


def test_members_must_be_alike() -> None:
    one = build_network(OPTIONS, class_spec())
    other = build_network({**OPTIONS, "widths": (4,), "embedding": 2}, class_spec())
    with pytest.raises(ConfigError, match="one architecture"):
        NetworkPredictor([one, other])
    with pytest.raises(ConfigError, match="one architecture"):
        NetworkPredictor([one, build_network(OPTIONS, class_spec(1))])
    with pytest.raises(ConfigError, match=r"(?s)one architecture.*0 members"):
        NetworkPredictor([])
    with pytest.raises(ConfigError, match=r"(?s)Impossible ensemble.*0"):
        load_predictor({**one.to_dict(), "members": 0}, class_spec(), Path())


def test_what_any_member_saw_may_follow() -> None:
    spec = two_target_spec()
    members = [lively_network(spec, seed=seed) for seed in (1, 2)]
    for number, network in enumerate(members):
        counts = network.transitions()[LAND].counts
        counts[0, 1, 1] = 5
        counts[0, 0, number] = 3
    found = NetworkPredictor(members).followers(LAND)
    assert found is not None
    assert found.shape == (2, len(CLASSES), len(CLASSES))
    expected = np.eye(len(CLASSES), dtype=bool)
    expected[0, 1] = True
    np.testing.assert_array_equal(found[0], expected)
    assert found[1].all(), "nothing was seen backward, so all is possible"
    assert NetworkPredictor(members).followers(LEAF) is None
