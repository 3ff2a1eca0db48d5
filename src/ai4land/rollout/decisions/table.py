"""All decisions by name, and as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from ai4land.errors import CheckpointError
from ai4land.rollout.decisions.by_odds import Faithful, Likely
from ai4land.rollout.decisions.sampled import Sampled
from ai4land.rollout.decisions.undecided import Decision

__all__ = ["DECISIONS", "decision_data", "decision_of"]

DECISIONS: dict[str, type[Decision]] = {
    Faithful.name: Faithful,
    Likely.name: Likely,
    Sampled.name: Sampled,
}
"""Decisions by the name that cards and commands use."""


def decision_of(data: Mapping[str, Any]) -> Decision:
    """A decision from plain data: its ``name`` and its constants; what is not said is default.

    Raises:
        CheckpointError: If the name or a constant is unknown.
    """
    constants = dict(data)
    name = constants.pop("name", Likely.name)
    if name not in DECISIONS:
        raise CheckpointError("Unknown decision", expected=", ".join(DECISIONS), found=name)
    try:
        return TypeAdapter(DECISIONS[name]).validate_python(constants)
    except ValueError as error:
        raise CheckpointError(
            "The decision of a checkpoint is damaged", where=name, found=error
        ) from error


def decision_data(decision: Decision) -> dict[str, Any]:
    """The inverse of ``decision_of``."""
    return {"name": decision.name, **asdict(decision)}  # type: ignore[call-overload]
