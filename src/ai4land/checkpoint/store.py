"""The trained model's folder: its weights and a JSON card, nothing that can run code."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from ai4land.checkpoint.card import Card
from ai4land.errors import CheckpointError, ConfigError, MissingFileError
from ai4land.models import Predictor, open_predictor

__all__ = ["load_card", "load_checkpoint", "save_checkpoint"]

_CARD = "card.json"


def save_checkpoint(path: str | Path, predictor: Predictor, card: Card) -> Card:
    """Write a checkpoint folder, all or nothing.

    Args:
        path: Folder; replaced if it holds a checkpoint.
        predictor: The model, which writes its own weights.
        card: The card; the hashes of the weights are filled in.

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
        predictor.save(work)
        files = sorted(f for f in work.rglob("*") if f.is_file())
        hashes = {f.relative_to(work).as_posix(): _sha256(f) for f in files}
        written = replace(card, files=hashes)
        text = json.dumps(written.to_dict(), indent=1, sort_keys=True, allow_nan=False)
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
            expected=f"a folder with weights and {_CARD}",
            remedy="train one with `ai4land train EXPERIMENT`",
        )
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError("The card is damaged", where=file, found=error) from error
    if not isinstance(data, dict):
        raise CheckpointError("The card is damaged", where=file, found=type(data).__name__)
    return Card.from_dict(data, file)


def load_checkpoint(path: str | Path, device: str = "cpu") -> tuple[Predictor, Card]:
    """Read a checkpoint, check its hashes, and open its predictor.

    Raises:
        MissingFileError: If there is no checkpoint, or a file of it is missing.
        CheckpointError: If weights and card do not belong together, or the architecture is unknown.
    """
    path = Path(path)
    card = load_card(path)
    for name, expected in card.files.items():
        file = path / name
        if Path(name).is_absolute() or ".." in Path(name).parts or not file.is_file():
            raise MissingFileError("The checkpoint has no weights", where=file)
        found = _sha256(file)
        if found != expected:
            raise CheckpointError(
                "The weights are not those of the card",
                where=file,
                expected=f"SHA-256 {expected}",
                found=found,
                remedy="copy the checkpoint again from where it came",
            )
    try:
        return open_predictor(card.architecture, card.inputs, path, device), card
    except ConfigError as error:
        raise CheckpointError(
            "The weights do not fit the architecture", where=path, found=error
        ) from error


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
