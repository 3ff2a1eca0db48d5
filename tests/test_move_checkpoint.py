"""A checkpoint of format 1 is moved once: today's names, today's card, the same predictions."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ai4land.checkpoint import Domain, load_checkpoint, save_checkpoint
from ai4land.errors import CheckpointError
from ai4land.grid import Grid
from ai4land.models import InputSpec
from ai4land.models.networks import Network, NetworkPredictor
from ai4land.vocabulary import Direction, task
from network_inputs import array_inputs, class_spec, lively_network, number_spec

SMALL = {"name": "unet", "widths": (4, 6), "embedding": 3}
FINE = Grid.regular(10.0, 50.0, "1/20", "1/20", (40, 48))
CLASSES = [[0, "sea", "#0000ff"], [1, "field", "#ffff00"], [2, "wood", "#00aa00"]]
LEGEND = {"name": "four", "classes": [*CLASSES, [3, "grass", "#aaff00"]]}
SPLIT = {"train": [1960, 1979], "validation": [1979, 1989]}

NAMES = {
    "encoder.forcing_scale": "forcing_scale",
    "encoder.change_scale": "change_scale",
    "encoder.static_scale": "static_scale",
    "encoder.target_scales.{target}": "target_scale",
    "encoder.embed_prior.{target}": "embed_prior",
    "encoder.embed_forcing": "embed_forcing",
    "encoder.embed_demand": "embed_demand",
    "encoder.embed_history.{target}": "embed_history",
    "encoder.embed_static": "embed_static",
    "encoder.embed_zones": "embed_zones",
    "encoder.translation": "translation",
    "backbone.down": "down",
    "backbone.reduce": "reduce",
    "backbone.up": "up",
    "backbone.embed_step": "embed_step",
    "heads.{target}.correction": "head",
    "heads.{target}.gates": "gates",
    "heads.{target}.transitions": "transitions",
}
"""What a weight is called, and was in format 1, of one target."""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parents[1] / "scripts" / "move_checkpoint.py"
    found = importlib.util.spec_from_file_location("move_checkpoint", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def network(spec: InputSpec, seed: int) -> Network:
    """A network that no default could stand in for."""
    model, rng = lively_network(spec, SMALL, seed), torch.Generator().manual_seed(seed)
    for name, buffer in model.named_buffers():
        if name.endswith(("scale.mean", "scale.spread", "target_scales.leaf_area_index.mean")):
            buffer.copy_(torch.rand(buffer.shape, generator=rng) + 0.5)
        if name.endswith("counts"):
            buffer.copy_(torch.randint(0, 2, buffer.shape, generator=rng))
    return model


def old_state(model: Network) -> dict[str, Tensor]:
    """The weights of one network as format 1 called them."""
    (target,) = model.spec.targets
    places = {new.format(target=target.name): old for new, old in NAMES.items()}
    found = {}
    for full, values in model.state_dict().items():
        if full.startswith("encoder.series_scale."):
            continue  # there was no such thing
        (place,) = (p for p in places if full.startswith(f"{p}.") or full == p)
        found[places[place] + full.removeprefix(place)] = values.contiguous()
    if target.categorical:
        found |= {f"target_scale.{part}": torch.zeros(0) for part in ("mean", "spread")}
    else:
        for part in ("weight", "bias"):  # gates of what numbers never had
            one = found[f"gates.{part}"]
            found[f"gates.{part}"] = torch.cat([one, torch.full_like(one, 9.0), one - 7.0])
        found["transitions.counts"] = torch.zeros(2, 0, 0, dtype=torch.int64)
    return found


def old_card(models: Sequence[Network], name: str, weights: bytes) -> dict[str, Any]:
    """The card as format 1 had it."""
    spec, ensemble = models[0].spec, len(models) > 1
    (target,) = spec.targets
    said = models[0].to_dict()
    return {
        "format": 1,
        "task": name,
        "architecture": {**said, **({"members": len(models)} if ensemble else {})},
        "inputs": {
            "target": target.name,
            "activation": target.activation,
            "classes": list(target.classes),
            "forcing": list(spec.forcing),
            "static": list(spec.static),
            "zones": [list(zone) for zone in spec.zones],
            "translation": [list(row) for row in spec.translation],
            "closed_loop": spec.closed_loop,
            "history": spec.history,
        },
        "legend": LEGEND if target.categorical else None,
        "clock": target.clock.value,
        "grids": {target.name: FINE.to_dict()},
        "strides": [1, 3],
        "directions": ["forward"],
        "training": {"experiment": {"split": SPLIT, "title": "old"}, "digest": "d" * 64, "seed": 4},
        "data": {"title": "Tiny", "provenance": []},
        "licences": ["CC-BY-4.0"],
        "domain": {
            **{"west": 10.0, "south": 48.0, "east": 12.4, "north": 50.0},
            **{"trained": [1960, 1979], "validated": [1979, 1989]},
        },
        "scores": {"validation": {"accuracy": 0.9}},
        "code_version": "0.1",
        "decision": {"forward": 0.05, "balanced": True, "feedback": "probabilities"},
        "variables": {target.name: {"units": "1"}},
        "normaliser": {},
        "base": None,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }


def write_old(folder: Path, models: Sequence[Network], name: str) -> Path:
    """A checkpoint as format 1 wrote it."""
    folder.mkdir()
    states = [old_state(model) for model in models]
    if len(states) == 1:
        tensors = states[0]
    else:
        tensors = {f"networks.{i}.{k}": v for i, s in enumerate(states) for k, v in s.items()}
    save_file(tensors, str(folder / "model.safetensors"))
    card = old_card(models, name, (folder / "model.safetensors").read_bytes())
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def moved(script: ModuleType, folder: Path) -> Path:
    script.main(folder, folder.parent / "new")
    return folder.parent / "new"


CASES = {
    "classes": ("land_use", class_spec()),
    "classes with history": ("land_use", class_spec(history=2)),
    "classes, no crosswalk": ("land_use", class_spec(translated=False)),
    "numbers": ("leaf_area", number_spec()),
    "numbers with history": ("leaf_area", number_spec(history=1)),
}


@pytest.mark.parametrize("seeds", [(5,), (5, 6)], ids=["one", "ensemble"])
@pytest.mark.parametrize("case", CASES)
def test_predictions_are_those_of_the_old_network(
    script: ModuleType, case: str, seeds: tuple[int, ...], tmp_path: Path
) -> None:
    name, spec = CASES[case]
    if not spec.targets[0].categorical:  # months knew no season
        spec = InputSpec(spec.targets, spec.forcing, history=spec.history)
    models = [network(spec, seed) for seed in seeds]
    found, card = load_checkpoint(moved(script, write_old(tmp_path / "old", models, name)))
    assert isinstance(found, NetworkPredictor)
    assert found.spec == card.inputs == spec
    assert found.to_dict() == NetworkPredictor(models).to_dict()
    for new, old in zip(found.networks, models, strict=True):
        assert new.state_dict().keys() == old.state_dict().keys()
        assert all(torch.equal(new.state_dict()[key], v) for key, v in old.state_dict().items())
    inputs = array_inputs(spec)
    expected = NetworkPredictor(models).predict(inputs)
    for target, values in found.predict(inputs).items():
        np.testing.assert_array_equal(values, expected[target])


def test_what_the_card_said_it_says(script: ModuleType, tmp_path: Path) -> None:
    old = write_old(tmp_path / "old", [network(class_spec(), 5)], "land_use")
    folder = moved(script, old)
    _, card = load_checkpoint(folder)
    assert card.task_of() == task("land_use")
    assert card.recursive == (Direction.BACKWARD, Direction.FORWARD)
    assert card.decision["default"] == "faithful"
    likely = card.decision["constants"]["likely"]
    assert likely == {"forward": pytest.approx(1.05 / 0.95), "backward": 1.0, "balanced": True}
    assert card.feedback == "probabilities"
    assert card.legends["land_use"].names == ("sea", "field", "wood", "grass")
    assert card.grids == {"land_use": FINE}
    assert card.domain == Domain.of(FINE, (1960, 1979), (1979, 1989))
    assert (card.split.train, card.split.validation) == ((1960, 1979), (1979, 1989))
    assert card.training == {
        "experiment": {"split": SPLIT, "title": "old"},
        "digest": "d" * 64,
    }
    assert (card.strides, card.directions) == ((1, 3), (Direction.FORWARD,))
    assert (card.licences, card.scores) == (("CC-BY-4.0",), {"validation": {"accuracy": 0.9}})
    weights = (folder / "model.safetensors").read_bytes()
    assert card.files == {"model.safetensors": hashlib.sha256(weights).hexdigest()}


def test_the_old_folder_is_left_as_it_is(script: ModuleType, tmp_path: Path) -> None:
    old = write_old(tmp_path / "old", [network(class_spec(), 5)], "land_use")
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    new = moved(script, old)
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before
    with pytest.raises(CheckpointError, match=r"move_checkpoint\.py"):
        load_checkpoint(old)
    with pytest.raises(FileExistsError):
        script.main(old, new)


def test_what_was_moved_is_saved_again_as_it_is(script: ModuleType, tmp_path: Path) -> None:
    old = write_old(tmp_path / "old", [network(class_spec(), s) for s in (5, 6)], "land_use")
    new = moved(script, old)
    predictor, card = load_checkpoint(new)
    again = save_checkpoint(tmp_path / "again", predictor, card)
    one, two = (load_file(str(p / "model.safetensors")) for p in (new, tmp_path / "again"))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], values) for key, values in two.items())
    assert again.inputs == card.inputs


def test_today_s_format_is_refused(script: ModuleType, tmp_path: Path) -> None:
    new = moved(script, write_old(tmp_path / "old", [network(class_spec(), 5)], "land_use"))
    with pytest.raises(SystemExit, match="format 3, nothing to move"):
        script.main(new, tmp_path / "newer")
    assert not (tmp_path / "newer").exists()
