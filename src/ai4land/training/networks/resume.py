"""Resuming: everything a training needs to go on to the same weights, without pickle."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ai4land.errors import CheckpointError, ConfigError

__all__ = ["load_progress", "save_progress"]

_TENSORS, _FACTS = "state.safetensors", "state.json"
_PLAIN = torch.contiguous_format


def save_progress(
    folder: Path,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    facts: Mapping[str, Any],
) -> None:
    """Write networks, optimiser and plain facts into a folder, all or nothing.

    Args:
        folder: Replaced as a whole, so that a killed process leaves the older one.
        modules: Name → module.
        optimizer: Its moments are kept per parameter.
        facts: JSON data: the record of the training, hash of the experiment.
    """
    tensors: dict[str, Tensor] = {}
    for name, module in modules.items():
        tensors |= {f"{name}.{k}": v for k, v in module.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
    work, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    for path in (work, old):
        shutil.rmtree(path, ignore_errors=True)
    work.mkdir(parents=True)
    # copies in one layout: averages may share memory, and weights may lie channels last
    copies = {k: v.detach().cpu().clone(memory_format=_PLAIN) for k, v in tensors.items()}
    save_file(copies, str(work / _TENSORS))
    (work / _FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")
    if folder.exists():
        os.replace(folder, old)
    os.replace(work, folder)
    shutil.rmtree(old, ignore_errors=True)


def load_progress(
    folder: Path,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    digest: str,
) -> dict[str, Any] | None:
    """Restore what ``save_progress`` wrote; ``None`` where there is nothing.

    Args:
        folder: As for ``save_progress``.
        modules: Name → module; filled in place.
        optimizer: Filled in place.
        digest: Hash of the experiment, as it must stand among the facts.

    Raises:
        ConfigError: If the folder holds another experiment.
        CheckpointError: If the files are damaged or belong to another network.
    """
    old = folder.with_name(folder.name + ".old")
    if not folder.exists() and old.exists():
        os.replace(old, folder)  # killed between the two renames
    if not folder.exists():
        return None
    try:
        facts: dict[str, Any] = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        same = facts["digest"] == digest
        if same:
            _restore(load_file(str(folder / _TENSORS)), modules, optimizer)
    except (
        OSError,
        ValueError,
        TypeError,
        RuntimeError,
        KeyError,
        safetensors.SafetensorError,
    ) as error:
        raise CheckpointError(
            "The training cannot be resumed from its last checkpoint",
            where=folder,
            found=str(error)[:300],
            remedy="remove the folder to train from the start",
        ) from error
    if not same:
        raise ConfigError(
            "This folder holds a run of another experiment, or on another cube",
            where=folder.parent,
            remedy="choose another folder, or remove this one to train from the start",
        )
    return facts


def _restore(
    tensors: Mapping[str, Tensor],
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Fill networks and optimiser with what was saved of them."""
    for name, module in modules.items():
        prefix = f"{name}."
        own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        module.load_state_dict(own)
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, moment = key.split(".", 2)
            like = weights[int(index)]
            # moments lie in memory as their weights do, as if they had never been away
            laid = torch.empty_like(like).copy_(value) if value.shape == like.shape else value
            state.setdefault(int(index), {})[moment] = laid.detach()
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
