"""The decision: how class probabilities become a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ai4land.errors import CheckpointError

__all__ = ["Decision"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done to probabilities before the most likely class is taken.

    Attributes:
        forward: Added to the probability of the prior's class in steps forward; below 0 the maps
            change more boldly than the probabilities alone would have it.
        backward: The same for steps backward.
        balanced: Whether the probabilities of each coarse cell are first fitted to what the
            forcing asks for, see ``balance``.
        feedback: What the next step takes as its prior: ``classes`` or ``probabilities``.
    """

    forward: float = 0.0
    backward: float = 0.0
    balanced: bool = False
    feedback: str = "classes"

    def __post_init__(self) -> None:
        """Refuse what a checkpoint cannot mean."""
        if self.feedback not in {"classes", "probabilities"}:
            raise CheckpointError(
                "Unknown feedback", expected="classes or probabilities", found=self.feedback
            )

    def stay(self, ticks: int) -> float:
        """What is added to the probability of the prior's class in a step of so many ticks."""
        return self.forward if ticks > 0 else self.backward

    def to_dict(self) -> dict[str, Any]:
        """The decision as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Decision:
        """The inverse of ``to_dict``; what is not said takes its default.

        Raises:
            CheckpointError: If there is more or other in it.
        """
        try:
            known = cls(**data)
            return cls(
                float(known.forward), float(known.backward), bool(known.balanced), known.feedback
            )
        except CheckpointError:
            raise
        except (TypeError, ValueError) as error:
            raise CheckpointError(
                "The decision of a checkpoint is damaged",
                expected="forward, backward, balanced, feedback",
                found=dict(data),
            ) from error
