"""Tasks: what a model predicts, on which clock, in which directions, and how it recurses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ai4land.errors import VocabularyError
from ai4land.vocabulary.clocks import Clock
from ai4land.vocabulary.variables import Kind, Variable, nearest_name, variable

__all__ = ["LAND_USE", "TASKS", "Direction", "Task", "task"]


class Direction(StrEnum):
    """Which way time runs in a rollout: a projection or a hindcast."""

    FORWARD = "forward"
    BACKWARD = "backward"

    @property
    def sign(self) -> int:
        """+1 forward, −1 backward."""
        return 1 if self is Direction.FORWARD else -1


@dataclass(frozen=True, slots=True)
class Task:
    """A declaration that samples, networks and rollouts follow.

    Attributes:
        name: Name of the task.
        target: Name of the predicted variable.
        clock: The clock it steps on.
        recursive: Directions in which a prediction may be the next step's prior. In a direction
            that is missing here, every step needs an observed prior.
        activation: Turns network output into values: ``softmax`` (classes), ``softplus``
            (non-negative), ``sigmoid`` (fractions) or ``identity``.

    Overlapping windows always average what the activation returns (probabilities or physical
    values), never logits.
    """

    name: str
    target: str
    clock: Clock
    recursive: frozenset[Direction]
    activation: str

    def __post_init__(self) -> None:
        """Refuse a task whose activation cannot produce its target."""
        categorical = variable(self.target).kind is Kind.CATEGORICAL
        if categorical != (self.activation == "softmax"):
            raise VocabularyError(
                "The activation does not fit the target",
                where=f"task {self.name!r}, target {self.target!r}",
                expected="softmax for classes, another for numbers",
                found=self.activation,
            )

    @property
    def variable(self) -> Variable:
        """The target's entry in the vocabulary."""
        return variable(self.target)

    @property
    def probability(self) -> str:
        """Name of the variable that holds the probabilities of a target's classes."""
        return f"{self.target}_probability"

    @property
    def categorical(self) -> bool:
        """Whether the target is a map of classes."""
        return self.variable.kind is Kind.CATEGORICAL


LAND_USE = Task("land_use", "land_use", Clock.YEAR, frozenset(Direction), "softmax")

TASKS: MappingProxyType[str, Task] = MappingProxyType({LAND_USE.name: LAND_USE})


def task(name: str) -> Task:
    """Look a task up by name.

    Raises:
        VocabularyError: If there is no such task.
    """
    if name not in TASKS:
        close = nearest_name(name, TASKS)
        raise VocabularyError(
            "Unknown task",
            found=repr(name),
            expected=f"one of {', '.join(TASKS)}",
            remedy=f"did you mean {close!r}?" if close else None,
        )
    return TASKS[name]
