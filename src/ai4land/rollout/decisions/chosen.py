"""What a model's card says of decisions: which is the default, and the constants of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ai4land.errors import CheckpointError
from ai4land.rollout.decisions.by_odds import Faithful, Likely
from ai4land.rollout.decisions.recurrence import Recurrence
from ai4land.rollout.decisions.table import DECISIONS, decision_of
from ai4land.rollout.decisions.undecided import Decision

__all__ = ["Decisions"]


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decisions with the constants that the validation split gave them.

    Attributes:
        default: Name of the one that is taken if none is asked for.
        constants: Name → constants; a decision that is not named has its own defaults.
        margins: Name → direction → accuracy that the decision must expect beyond its bound, because
            on the validation split the expectation was so much too high.
        recurrences: Direction → how change strikes again in the labels, as plain data.
    """

    default: str = Likely.name
    constants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    margins: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    recurrences: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, name: str | None = None) -> Decision:
        """A decision with its constants, by default the default one.

        Raises:
            CheckpointError: If it is unknown, or its constants are damaged.
        """
        name = name or self.default
        return decision_of({"name": name, **self.constants.get(name, {})})

    def margin(self, name: str, direction: str) -> float:
        """The margin of a decision in a direction."""
        return float(self.margins.get(name, {}).get(direction, 0.0))

    def recurrence(self, direction: str) -> Recurrence:
        """How change strikes again in a direction."""
        return Recurrence(**self.recurrences.get(direction, {}))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as cards hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Decisions:
        """The inverse of ``to_dict``; an empty card has nothing but defaults.

        Raises:
            CheckpointError: If it is damaged.
        """
        try:
            made = cls(**data)
            unknown = {made.default, *made.constants} - set(DECISIONS)
        except TypeError as error:
            raise CheckpointError(
                "The decisions of a checkpoint are damaged", found=error
            ) from error
        if unknown:
            raise CheckpointError(
                "Unknown decision", expected=", ".join(DECISIONS), found=", ".join(sorted(unknown))
            )
        for name in made.constants:
            made.of(name)
        return made

    @staticmethod
    def preferred(asks: bool) -> str:
        """The default of a model: faithful where its forcing asks for areas."""
        return Faithful.name if asks else Likely.name
