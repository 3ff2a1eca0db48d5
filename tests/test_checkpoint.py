from __future__ import annotations

import hashlib
import json
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from ai4land.checkpoint import Card, Domain, load_card, load_checkpoint, save_checkpoint
from ai4land.errors import CheckpointError, MissingFileError
from ai4land.grid import Grid
from ai4land.models.networks import Network, NetworkPredictor
from ai4land.vocabulary import (
    BlockSplit,
    Clock,
    Direction,
    SplitOptions,
    Target,
    TimeSplit,
    legend,
)
from network_inputs import LAND, LEAF, array_inputs, lively_network, two_target_spec

SPEC = two_target_spec(history=1)
SMALL = {"name": "unet", "widths": (4, 6), "embedding": 3}
FINE = Grid.regular(10.0, 50.0, "1/20", "1/20", (40, 48))


def network(seed: int = 0) -> Network:
    model = lively_network(SPEC, SMALL, seed)
    model.encoder.static_scale.fit(torch.tensor([120.0]), torch.tensor([35.0]))
    return model


def predictor(seed: int = 0) -> NetworkPredictor:
    return NetworkPredictor([network(seed)])


def card(model: NetworkPredictor) -> Card:
    return Card(
        task="land_use_and_leaf_area",
        recursive=(Direction.FORWARD,),
        architecture=json.loads(json.dumps(model.to_dict())),
        inputs=model.spec,
        legends={LAND: legend("landuse8")},
        grids={LAND: FINE, LEAF: FINE, "land_use_fractions": FINE.coarsen(8, 8)},
        strides=(1, 3),
        directions=(Direction.FORWARD, Direction.BACKWARD),
        split=SplitOptions(
            train=(1960, 1979),
            validation=(1979, 1989),
            rounds=(TimeSplit(train=(1979, 1989), validation=(1960, 1979)),),
            space=BlockSplit(seed=3),
        ),
        domain=Domain.of(FINE, (1960, 1979), (1979, 1989)),
        training={"seed": 4},
        data={"provenance": [{"sha256": "a" * 64}]},
        licences=("CC-BY-4.0",),
        scores={"validation": {"accuracy": 0.9}},
        code_version="0.1",
        decision={"default": "likely", "constants": {"likely": {"forward": 0.9}}, "margins": {}},
        calibration={"land_use": {"forward": {"temperature": 1.1}}},
    )


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads((folder / "card.json").read_text())
    change(data)
    (folder / "card.json").write_text(json.dumps(data))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = predictor()
    save_checkpoint(tmp_path / "model", model, card(model))
    return tmp_path / "model"


def test_a_predictor_comes_back_as_it_was(tmp_path: Path) -> None:
    model = predictor()
    written = save_checkpoint(tmp_path / "deep" / "model", model, card(model))
    loaded, read = load_checkpoint(tmp_path / "deep" / "model")
    assert isinstance(loaded, NetworkPredictor)
    assert read == written == load_card(tmp_path / "deep" / "model")
    assert replace(read, files={}) == card(model)
    weights = (tmp_path / "deep" / "model" / "model.safetensors").read_bytes()
    assert read.files == {"model.safetensors": hashlib.sha256(weights).hexdigest()}
    assert loaded.spec == model.spec
    assert loaded.networks[0].encoder.static_scale.mean.item() == 120.0
    assert not loaded.networks[0].training
    inputs = array_inputs(SPEC)
    for name, values in model.predict(inputs).items():
        assert (loaded.predict(inputs)[name] == values).all()


def test_a_card_is_plain_data_and_back() -> None:
    """Typed on one side, JSON on the other, and nothing is lost in between."""
    one = card(predictor())
    assert Card.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    whole = replace(
        one,
        base="b" * 64,
        files={"model.safetensors": "c" * 64},
        variables={LAND: {"units": "1"}},
        normaliser={"static": {"elevation": [120.0, 35.0]}},
        feedback="probabilities",
    )
    assert Card.from_dict(json.loads(json.dumps(whole.to_dict()))) == whole


def test_a_card_knows_its_task() -> None:
    one = card(predictor())
    found = one.task_of()
    assert found.name == "land_use_and_leaf_area"
    assert found.recursive == {Direction.FORWARD}
    assert found.targets == (
        Target(LAND, "softmax", Clock.YEAR),
        Target(LEAF, "softplus", Clock.MONTH),
    )
    assert [target.layers for target in one.targets] == [4, 1]


def test_a_domain_holds_what_lies_within_it() -> None:
    domain = Domain.of(FINE, (1960, 1979), (1979, 1989))
    assert (domain.west, domain.south, domain.east, domain.north) == (10.0, 48.0, 12.4, 50.0)
    assert domain.holds(FINE)
    assert domain.holds(Grid.regular(10.5, 49.5, 0.1, 0.1, (5, 5)))
    assert domain.holds(Grid.regular(9.96, 50.04, "1/20", "1/20", (40, 48))), "but for a cell"
    assert not domain.holds(Grid.regular(9.0, 50.0, 0.1, 0.1, (5, 5)))
    assert not domain.holds(Grid.regular(11.5, 49.5, 0.1, 0.1, (5, 15)))


def test_a_checkpoint_is_two_files_and_nothing_else(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == ["card.json", "model.safetensors"]
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_saving_the_same_network_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    model = predictor()
    save_checkpoint(tmp_path / "again", model, card(model))
    for name in ("card.json", "model.safetensors"):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_tampered_weights_are_noticed(folder: Path) -> None:
    tensors = load_file(str(folder / "model.safetensors"))
    name = next(name for name in tensors if name.endswith("correction.bias"))
    tensors[name] = tensors[name] + 1e-3
    save_file(tensors, str(folder / "model.safetensors"))
    with pytest.raises(CheckpointError, match=r"(?s)not those of the card.*SHA-256 [0-9a-f]{64}"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1, 2]", "null", '{"format": 2}', '{"format": 2, "task": "land_use"}', '"card"'],
)
def test_a_damaged_card_is_one_clear_error(folder: Path, text: str) -> None:
    (folder / "card.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"(?s)card is damaged.*card\.json"):
        load_card(folder)
    with pytest.raises(CheckpointError, match="card is damaged"):
        load_checkpoint(folder)


def test_a_card_that_is_no_text_is_damaged(folder: Path) -> None:
    (folder / "card.json").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(CheckpointError, match="card is damaged"):
        load_card(folder)


def test_a_card_with_an_unknown_entry_is_damaged(folder: Path) -> None:
    edit(folder, lambda data: data.update(colour="red"))
    with pytest.raises(CheckpointError, match=r"(?s)damaged.*colour"):
        load_card(folder)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data.pop("legends"), id="a part is missing"),
        pytest.param(lambda data: data["domain"].pop("west"), id="a side is missing"),
        pytest.param(lambda data: data["domain"].update(trained=[1960]), id="half a span"),
        pytest.param(lambda data: data.update(directions=["sideways"]), id="a direction"),
        pytest.param(lambda data: data["split"].update(moon=1), id="a split"),
        pytest.param(lambda data: data["legends"][LAND].pop("classes"), id="a legend"),
        pytest.param(lambda data: data["grids"][LAND].pop("dx"), id="a grid"),
        pytest.param(lambda data: data.update(strides=3), id="strides"),
    ],
)
def test_a_damaged_part_of_a_card_is_one_clear_error(
    folder: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    edit(folder, change)
    with pytest.raises(CheckpointError, match=r"(?s)card is damaged.*card\.json"):
        load_checkpoint(folder)


def test_an_older_format_is_refused_with_the_remedy(folder: Path) -> None:
    edit(folder, lambda data: data.update(format=1))
    with pytest.raises(
        CheckpointError, match=r"(?s)another format.*expected: 3.*found: 1.*move_checkpoint\.py"
    ):
        load_checkpoint(folder)


@pytest.mark.parametrize("number", [99, None, "3"])
def test_another_format_is_named(folder: Path, number: object) -> None:
    edit(folder, lambda data: data.update(format=number))
    with pytest.raises(CheckpointError, match=r"(?s)another format.*expected: 3.*version of AI4L"):
        load_checkpoint(folder)


def test_an_unknown_architecture_is_named(folder: Path) -> None:
    edit(folder, lambda data: data["architecture"].update(name="transformer"))
    with pytest.raises(CheckpointError, match=r"(?s)do not fit.*transformer"):
        load_checkpoint(folder)


def test_another_shape_of_network_is_named(folder: Path) -> None:
    edit(folder, lambda data: data["architecture"].update(widths=[4, 8]))
    with pytest.raises(CheckpointError, match="do not fit the architecture"):
        load_checkpoint(folder)


def test_a_damaged_list_of_inputs_is_named(folder: Path) -> None:
    edit(folder, lambda data: data["inputs"].pop("forcing"))
    with pytest.raises(CheckpointError, match="inputs is damaged"):
        load_checkpoint(folder)


def test_weights_that_are_no_safetensors_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"torn")
    digest = hashlib.sha256(b"torn").hexdigest()
    edit(folder, lambda data: data.update(files={"model.safetensors": digest}))
    with pytest.raises(CheckpointError, match="do not fit the architecture"):
        load_checkpoint(folder)


def test_missing_files_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"(?s)no checkpoint here.*card\.json.*train"):
        load_checkpoint(tmp_path / "nowhere")
    (folder / "model.safetensors").unlink()
    with pytest.raises(MissingFileError, match=r"(?s)no weights.*model\.safetensors"):
        load_checkpoint(folder)


class _Trap:
    """Unpickling it leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.trace),)


def test_no_pickle_is_ever_loaded(folder: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    bomb = pickle.dumps(_Trap(trace))
    for name in ("model.pt", "model.pth", "pytorch_model.bin", "model.ckpt", "card.pkl"):
        (folder / name).write_bytes(bomb)
    load_checkpoint(folder)
    assert not trace.exists()
    # not even where a pickle stands in the place of the weights, with its hash on the card
    (folder / "model.safetensors").write_bytes(bomb)
    digest = hashlib.sha256(bomb).hexdigest()
    edit(folder, lambda data: data.update(files={"model.safetensors": digest}))
    with pytest.raises(CheckpointError):
        load_checkpoint(folder)
    assert not trace.exists()
    pickle.loads(bomb)
    assert trace.exists(), "the trap is armed"


def assert_same_weights(one: object, two: NetworkPredictor) -> None:
    assert isinstance(one, NetworkPredictor)
    first, second = one.networks[0].state_dict(), two.networks[0].state_dict()
    assert all(torch.equal(first[name], value) for name, value in second.items())


def test_a_file_outside_the_folder_is_not_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"elsewhere")
    digest = hashlib.sha256(b"elsewhere").hexdigest()
    edit(folder, lambda data: data.update(files={"../model.safetensors": digest}))
    with pytest.raises(MissingFileError, match="no weights"):
        load_checkpoint(folder)


def test_a_newer_checkpoint_takes_the_place_of_an_older_one(folder: Path) -> None:
    (folder / "left over.txt").write_text("from before")
    model = predictor(seed=7)
    save_checkpoint(folder, model, card(model))
    loaded, _ = load_checkpoint(folder)
    assert_same_weights(loaded, model)
    assert sorted(p.name for p in folder.iterdir()) == ["card.json", "model.safetensors"]
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_a_failed_save_leaves_the_older_checkpoint(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = predictor(seed=7)
    bad = replace(card(model), scores={"accuracy": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        save_checkpoint(folder, model, bad)
    real = os.replace

    def full_disk(source: str | Path, target: str | Path) -> None:
        if Path(target) == folder and not (Path(source) / "left.txt").exists():
            raise OSError("no space left on device")
        real(source, target)

    (folder / "left.txt").write_text("the older one")
    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(folder, model, card(model))
    loaded, _ = load_checkpoint(folder)
    assert_same_weights(loaded, predictor(seed=0))
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_nothing_but_a_checkpoint_is_replaced(tmp_path: Path) -> None:
    mine = tmp_path / "thesis"
    mine.mkdir()
    (mine / "chapter.tex").write_text("years of work")
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        save_checkpoint(mine, predictor(), card(predictor()))
    assert (mine / "chapter.tex").read_text() == "years of work"
