"""The trained model's file: safetensors weights and a JSON card, nothing that can run code."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file

from ai4land.errors import CheckpointError, ConfigError, MissingFileError
from ai4land.models import Ensemble, InputSpec, UNet, build_predictor

__all__ = ["Card", "load_card", "load_checkpoint", "save_checkpoint"]

FORMAT = 1
_WEIGHTS, _CARD = "model.safetensors", "card.json"


@dataclass(frozen=True, slots=True)
class Card:
    """What a user must know of a trained model; all of it plain data.

    Attributes:
        task: Name of the task.
        architecture: Name and options of the network.
        inputs: The named inputs, see ``InputSpec``.
        legend: Legend of a categorical target.
        clock: Clock of the task.
        grids: Variable → grid of training.
        strides: Step lengths in ticks seen in training.
        directions: Directions seen in training.
        training: Years, split, seed, steps, and the resolved experiment.
        data: Provenance of the cube: file names, SHA-256, versions.
        licences: Licences of the inputs.
        domain: Region (degrees) and years in which the model was trained and validated.
        scores: Scores on the validation split, with persistence beside.
        decision: Choices made on the validation split that a rollout needs.
        code_version: Version of AI4Land.
        variables: Target and drivers: units, kind, source, and the legend of classes.
        normaliser: Group → means and spreads by channel, in those units; a copy for people of
            what stands in the weights.
        base: SHA-256 of the weights this is a delta on; ``None`` if it is whole.
        weights_sha256: Filled when saved.
        format: Version of this file's form.
    """

    task: str
    architecture: Mapping[str, Any]
    inputs: Mapping[str, Any]
    legend: Mapping[str, Any] | None
    clock: str
    grids: Mapping[str, Any]
    strides: tuple[int, ...]
    directions: tuple[str, ...]
    training: Mapping[str, Any]
    data: Mapping[str, Any]
    licences: tuple[str, ...]
    domain: Mapping[str, Any]
    scores: Mapping[str, Any]
    code_version: str
    decision: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    normaliser: Mapping[str, Any] = field(default_factory=dict)
    base: str | None = None
    weights_sha256: str = ""
    format: int = FORMAT


def save_checkpoint(path: str | Path, network: UNet | Ensemble, card: Card) -> Card:
    """Write a checkpoint folder, all or nothing.

    Args:
        path: Folder; replaced if it holds a checkpoint.
        network: The network, with its normalisers as buffers.
        card: The card; the hash of the weights is filled in.

    Returns:
        The card as written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not (path / _CARD).exists():
        raise CheckpointError(
            "Something that is not a checkpoint lies where it should go",
            where=path,
            remedy="choose another path",
        )
    work = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        tensors = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
        save_file(tensors, str(work / _WEIGHTS))
        written = {**asdict(card), "weights_sha256": _sha256(work / _WEIGHTS)}
        text = json.dumps(written, indent=1, sort_keys=True, allow_nan=False)
        (work / _CARD).write_text(text + "\n", encoding="utf-8")
        _replace(work, path)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return load_card(path)


def load_card(path: str | Path) -> Card:
    """Read the card alone.

    Raises:
        MissingFileError: If there is no checkpoint.
        CheckpointError: If the card is damaged or of another format.
    """
    file = Path(path) / _CARD
    if not file.is_file():
        raise MissingFileError(
            "There is no checkpoint here",
            where=path,
            expected=f"a folder with {_WEIGHTS} and {_CARD}",
            remedy="train one with `ai4land train EXPERIMENT`",
        )
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise CheckpointError(
                "The checkpoint has another format",
                where=file,
                expected=FORMAT,
                found=data["format"],
            )
        for name in ("strides", "directions", "licences"):
            data[name] = tuple(data[name])
        return Card(**data)
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError("The card is damaged", where=file, found=error) from error


def load_checkpoint(path: str | Path, device: str = "cpu") -> tuple[UNet | Ensemble, Card]:
    """Read a checkpoint, check its hash, and build the network in evaluation mode.

    Raises:
        MissingFileError: If there is no checkpoint.
        CheckpointError: If weights and card do not belong together, or the architecture is unknown.
    """
    path = Path(path)
    card = load_card(path)
    weights = path / _WEIGHTS
    if not weights.is_file():
        raise MissingFileError("The checkpoint has no weights", where=weights)
    found = _sha256(weights)
    if found != card.weights_sha256:
        raise CheckpointError(
            "The weights are not those of the card",
            where=weights,
            expected=f"SHA-256 {card.weights_sha256}",
            found=found,
            remedy="copy the checkpoint again from where it came",
        )
    try:
        network = build_predictor(card.architecture, InputSpec.from_dict(card.inputs))
        network.load_state_dict(load_file(str(weights)))
    except (RuntimeError, ConfigError, safetensors.SafetensorError) as error:
        raise CheckpointError(
            "The weights do not fit the architecture", where=path, found=error
        ) from error
    return network.to(torch.device(device)).eval(), card


def _replace(work: Path, path: Path) -> None:
    """Put a finished folder in the place of an older one, which is kept until it stands."""
    older = Path(f"{work}-older")
    had = path.exists()
    if had:
        os.replace(path, older)
    try:
        os.replace(work, path)
    except OSError:
        if had:
            os.replace(older, path)
        raise
    shutil.rmtree(older, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
