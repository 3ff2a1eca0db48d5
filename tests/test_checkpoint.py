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

from ai4land.checkpoint import Card, load_card, load_checkpoint, save_checkpoint
from ai4land.errors import CheckpointError, MissingFileError
from ai4land.models import Inputs, InputSpec, UNet, UNetOptions

SPEC = InputSpec(
    target="land_use",
    classes=("field", "wood", "grass"),
    forcing=("population_density",),
    static=("elevation",),
    zones=(("climate_zone", 4),),
)


def network(seed: int = 0) -> UNet:
    torch.manual_seed(seed)
    model = UNet(SPEC, UNetOptions(widths=(4, 6), embedding=3))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model.forcing_scale.fit(torch.tensor([120.0]), torch.tensor([35.0]))
    return model.eval()


def card(model: UNet) -> Card:
    return Card(
        task="land_use",
        architecture=model.to_dict(),
        inputs=model.spec.to_dict(),
        legend=None,
        clock="year",
        grids={},
        strides=(1, 3),
        directions=("forward", "backward"),
        training={"years": [1960, 1979], "seed": 4},
        data={"provenance": [{"sha256": "a" * 64}]},
        licences=("CC-BY-4.0",),
        domain={"west": 1.0},
        scores={"validation": {"accuracy": 0.9}},
        code_version="0.1",
        decision={"forward": 0.05},
    )


def inputs() -> Inputs:
    rng = torch.Generator().manual_seed(2)

    def noise(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, 8, 8, generator=rng)

    return Inputs(
        prior=noise(1, 3),
        visible=torch.ones(1, 1, 8, 8),
        domain=torch.ones(1, 1, 8, 8),
        forcing_prior=noise(1, 1) * 200,
        forcing_target=noise(1, 1) * 200,
        static=noise(1, 1),
        zones=torch.ones(1, 1, 8, 8, dtype=torch.int64),
        history=torch.zeros(1, 0, 3, 8, 8),
        history_visible=torch.zeros(1, 0, 8, 8),
        years=torch.ones(1),
    )


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads((folder / "card.json").read_text())
    change(data)
    (folder / "card.json").write_text(json.dumps(data))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = network()
    save_checkpoint(tmp_path / "model", model, card(model))
    return tmp_path / "model"


@torch.inference_mode()
def test_a_network_comes_back_as_it_was(tmp_path: Path) -> None:
    model = network()
    written = save_checkpoint(tmp_path / "deep" / "model", model, card(model))
    loaded, read = load_checkpoint(tmp_path / "deep" / "model")
    assert isinstance(loaded, UNet)
    assert read == written == load_card(tmp_path / "deep" / "model")
    assert replace(read, weights_sha256="") == replace(
        card(model),
        architecture=json.loads(json.dumps(model.to_dict())),
        inputs=json.loads(json.dumps(model.spec.to_dict())),
    )
    weights = (tmp_path / "deep" / "model" / "model.safetensors").read_bytes()
    assert read.weights_sha256 == hashlib.sha256(weights).hexdigest()
    assert not loaded.training
    assert loaded.spec == model.spec
    assert loaded.forcing_scale.mean.item() == 120.0
    assert torch.equal(loaded(inputs()), model(inputs()))


def test_a_checkpoint_is_two_files_and_nothing_else(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == ["card.json", "model.safetensors"]
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_saving_the_same_network_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    model = network()
    save_checkpoint(tmp_path / "again", model, card(model))
    for name in ("card.json", "model.safetensors"):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_tampered_weights_are_noticed(folder: Path) -> None:
    tensors = load_file(str(folder / "model.safetensors"))
    tensors["head.bias"] = tensors["head.bias"] + 1e-3
    save_file(tensors, str(folder / "model.safetensors"))
    with pytest.raises(CheckpointError, match=r"(?s)not those of the card.*SHA-256 [0-9a-f]{64}"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1, 2]", "null", '{"format": 1}', '{"task": "land_use"}', '"card"'],
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


def test_another_format_is_named(folder: Path) -> None:
    edit(folder, lambda data: data.update(format=99))
    with pytest.raises(CheckpointError, match=r"(?s)another format.*expected: 1.*found: 99"):
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
    edit(folder, lambda data: data.update(weights_sha256=digest))
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
    edit(folder, lambda data: data.update(weights_sha256=hashlib.sha256(bomb).hexdigest()))
    with pytest.raises(CheckpointError):
        load_checkpoint(folder)
    assert not trace.exists()
    pickle.loads(bomb)
    assert trace.exists(), "the trap is armed"


def test_a_newer_checkpoint_takes_the_place_of_an_older_one(folder: Path) -> None:
    (folder / "left over.txt").write_text("from before")
    model = network(seed=7)
    save_checkpoint(folder, model, card(model))
    loaded, _ = load_checkpoint(folder)
    assert isinstance(loaded, UNet)
    assert torch.equal(loaded.head.weight, model.head.weight)
    assert sorted(p.name for p in folder.iterdir()) == ["card.json", "model.safetensors"]
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_a_failed_save_leaves_the_older_checkpoint(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network(seed=7)
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
    assert isinstance(loaded, UNet)
    assert torch.equal(loaded.head.weight, network(seed=0).head.weight)
    assert [p.name for p in folder.parent.iterdir()] == ["model"]


def test_nothing_but_a_checkpoint_is_replaced(tmp_path: Path) -> None:
    mine = tmp_path / "thesis"
    mine.mkdir()
    (mine / "chapter.tex").write_text("years of work")
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        save_checkpoint(mine, network(), card(network()))
    assert (mine / "chapter.tex").read_text() == "years of work"
