"""Cards of older formats, brought to the present one: the only place that knows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ai4land.errors import CheckpointError

__all__ = ["decisions_by_odds", "migrated"]


def migrated(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """A card as its present format would say it; of an unknown format it comes back as it is.

    Raises:
        CheckpointError: If what must be moved is damaged.
    """
    try:
        while (step := _STEPS.get(str(data.get("format")))) is not None:
            data = step(data)
    except (AttributeError, TypeError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError("The card is damaged", found=error) from error
    return data


def decisions_by_odds(old: Mapping[str, Any]) -> dict[str, Any]:
    """The decisions of a card of format 3 from the one decision of format 2.

    There a constant was added to the probability of the prior's class. Between two classes a
    constant c and odds (1 + c) / (1 − c) are the same decision.
    """
    balanced = bool(old.get("balanced", False))
    likely: dict[str, Any] = {"balanced": balanced}
    if old.get("name", "most_likely") == "most_likely":
        for direction in ("forward", "backward"):
            constant = float(old.get(direction, 0.0))
            likely[direction] = (1.0 + constant) / (1.0 - constant)
    others = {name: {"balanced": balanced} for name in ("faithful", "sampled")}
    default = "faithful" if balanced else "likely"
    return {"default": default, "constants": {"likely": likely, **others}, "margins": {}}


def _to_3(data: Mapping[str, Any]) -> Mapping[str, Any]:
    decision = decisions_by_odds(data.get("decision", {}))
    return {**data, "format": 3, "decision": decision, "calibration": {}}


_STEPS: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {"2": _to_3}
