"""What a reconstruction was made from: its forcing, and the blocks its model never saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.checkpoint import Card
from ai4land.grid import Grid
from ai4land.samples import Labels, space_masks

__all__ = ["forcing_used", "held_out_blocks", "knew_too_much", "seen_elsewhere"]


def forcing_used(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the forcing variables behind a reconstruction; empty if it does not say."""
    card = card_of(attributes)
    if card is not None:
        return card.inputs.forcing_variables
    used = attributes.get("options", {}).get("forcing")
    return (used,) if used else ()


def card_of(attributes: Mapping[str, Any]) -> Card | None:
    """The card of the model behind a reconstruction; ``None`` if there is none."""
    checkpoint = attributes.get("checkpoint")
    return Card.from_dict(checkpoint["card"]) if checkpoint else None


def held_out_blocks(attributes: Mapping[str, Any], labels: Labels) -> npt.NDArray[np.bool_] | None:
    """Pixels that the checkpoint behind a reconstruction neither trained nor chose by.

    Args:
        attributes: Attributes of the reconstruction.
        labels: What it is judged by.

    Returns:
        ``(y, x)``, or ``None`` if nothing was held out in space, or it was trained elsewhere.
    """
    card = card_of(attributes)
    card = None if card is None else card.on(labels.target.name, labels.grid)
    if card is None or card.split.space is None or not card.inputs.forcing:
        return None
    dealt = next(t for t in card.targets if t.clock is card.task_of().clock)  # as in training
    if dealt.name not in labels.cube.variables:
        return None
    held = Labels(labels.cube, dealt)
    if card.grids.get(labels.target.name) != labels.grid:
        return None
    forcing = next(name for name in forcing_used(attributes) if name in card.grids)
    if card.split.space.fold is None:
        return None
    coarse = card.grids[forcing]
    return space_masks(
        labels.grid, coarse, card.split.space, held.land(card.split.dealt(held.ticks))
    ).test


def seen_elsewhere(attributes: Mapping[str, Any], labels: Labels) -> list[str]:
    """A note if blocks were held out on another grid of a region that is judged here.

    Args:
        attributes: Attributes of the reconstruction.
        labels: What it is judged by.
    """
    card = card_of(attributes)
    card = None if card is None else card.on(labels.target.name, labels.grid)
    trained = None if card is None else card.grids.get(labels.target.name)
    if card is None or card.split.space is None or trained is None or trained == labels.grid:
        return []
    if not _overlap(trained, labels.grid):
        return []
    return ["The model was trained on another grid: pixels it has seen may be among those scored."]


def knew_too_much(attributes: Mapping[str, Any]) -> list[str]:
    """A note on each input of a reconstruction that no forecast would have."""
    said: Mapping[str, str] = attributes.get("evidence") or {}
    return [f"{name}: {what}. A forecast knows less." for name, what in said.items()]


def _overlap(one: Grid, two: Grid) -> bool:
    """Whether two grids share any area."""
    offset = (two.west - one.west) % 360  # degrees that the second begins east of the first
    return max(one.south, two.south) < min(one.north, two.north) and (
        offset < one.dx * one.width or offset + two.dx * two.width > 360
    )
