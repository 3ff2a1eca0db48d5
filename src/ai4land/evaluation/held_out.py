"""What a reconstruction was made from: its forcing, and the blocks its model never saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.samples import WindowReader, space_masks
from ai4land.vocabulary import BlockSplit

__all__ = ["forcing_used", "held_out_blocks"]


def forcing_used(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the forcing variables behind a reconstruction; empty if it does not say."""
    checkpoint = attributes.get("checkpoint")
    if checkpoint:
        channels = checkpoint["card"]["inputs"]["forcing"]
        return tuple(dict.fromkeys(full.partition("/")[0] for full in channels))
    used = attributes.get("options", {}).get("forcing")
    return (used,) if used else ()


def held_out_blocks(
    attributes: Mapping[str, Any], reader: WindowReader
) -> npt.NDArray[np.bool_] | None:
    """Pixels that the checkpoint behind a reconstruction neither trained nor chose by.

    Args:
        attributes: Attributes of the reconstruction.
        reader: Serves the labels that it is judged by.

    Returns:
        ``(y, x)``, or ``None`` if nothing was held out in space, or it was trained elsewhere.
    """
    checkpoint = attributes.get("checkpoint")
    if not checkpoint:
        return None
    card = checkpoint["card"]
    said = card["training"]["experiment"]
    split, forcing = said["split"], said.get("forcing") or []
    first = split["train"][0]
    if split.get("space") is None or not forcing or first not in reader.group.ticks:
        return None
    grids = {name: Grid.from_dict(grid) for name, grid in card["grids"].items()}
    if grids[reader.task.target] != reader.grid:
        return None
    space = BlockSplit(**split["space"])
    return space_masks(reader.grid, grids[forcing[0]], space, reader.land(first)).test
