"""Tasks: what a model predicts from what, on which clocks, and whether it recurses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ai4land.errors import VocabularyError
from ai4land.vocabulary.clocks import Clock
from ai4land.vocabulary.variables import Kind, Variable, nearest_name, variable

__all__ = [
    "LAND_USE",
    "LAND_USE_AND_LEAF_AREA",
    "LEAF_AREA",
    "TASKS",
    "Direction",
    "Driver",
    "Target",
    "Task",
    "single_task",
    "task",
]


class Direction(StrEnum):
    """Which way time runs in a rollout: a projection or a hindcast."""

    FORWARD = "forward"
    BACKWARD = "backward"

    @property
    def sign(self) -> int:
        """+1 forward, −1 backward."""
        return 1 if self is Direction.FORWARD else -1

    @classmethod
    def leading(cls, before: int, after: int) -> Direction:
        """That of a step from one time to another."""
        return cls.FORWARD if after > before else cls.BACKWARD


@dataclass(frozen=True, slots=True)
class Driver:
    """One thing that is given: a variable, and at which of its own times a model is told it.

    Attributes:
        name: Name of the variable.
        clock: Its own clock; ``STATIC`` for what never changes.
        lags: Ticks of its own clock before the one in which the target's time begins (0: that
            one itself, 1: the last that ended before). Without any it is told at the prior and
            at the target time.
        mean: Ticks over which the mean is taken, the lag being the last of them.
    """

    name: str
    clock: Clock
    lags: tuple[int, ...] = ()
    mean: int = 1

    def __post_init__(self) -> None:
        """Refuse lags into the future and means over nothing."""
        if self.mean < 1 or any(lag < 0 for lag in self.lags):
            raise VocabularyError(
                "A driver is told at lags from 0 on, as means over one tick or more",
                where=f"driver {self.name!r}",
                found=f"lags {list(self.lags)}, mean {self.mean}",
            )


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that is predicted.

    Attributes:
        name: Name of the variable.
        activation: Turns a model's output into values: ``softmax`` (classes), ``softplus``
            (non-negative), ``sigmoid`` (fractions) or ``identity``. What overlaps is always
            averaged after the activation (probabilities or physical values), never before.
        clock: The clock on which it changes.
        classes: Names of the classes of a map, where its legend is known; empty for numbers.
    """

    name: str
    activation: str
    clock: Clock
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an activation that cannot produce the variable."""
        if self.categorical != (self.activation == "softmax"):
            raise VocabularyError(
                "The activation does not fit the target",
                where=f"target {self.name!r}",
                expected="softmax for classes, another for numbers",
                found=self.activation,
            )

    @property
    def variable(self) -> Variable:
        """Its entry in the vocabulary."""
        return variable(self.name)

    @property
    def categorical(self) -> bool:
        """Whether it is a map of classes."""
        return self.variable.kind is Kind.CATEGORICAL

    @property
    def layers(self) -> int:
        """Channels of its values: one per class, or one number."""
        return max(len(self.classes), 1)

    @property
    def probability(self) -> str:
        """Name of the variable that holds the probabilities of its classes."""
        return f"{self.name}_probability"

    def with_classes(self, classes: tuple[str, ...]) -> Target:
        """The same target under a legend."""
        return replace(self, classes=classes)


@dataclass(frozen=True, slots=True)
class Task:
    """Targets on one fine grid that are learned and stepped together.

    Attributes:
        name: Name of the task.
        targets: What is predicted; finer labels enter as fractions on the grid.
        recursive: Directions in which a prediction may be the next step's prior. In a direction
            that is missing here, every step needs an observed prior.
    """

    name: str
    targets: tuple[Target, ...]
    recursive: frozenset[Direction]

    def __post_init__(self) -> None:
        """Refuse a task without targets, or with one twice."""
        names = [target.name for target in self.targets]
        if not names or len(set(names)) != len(names):
            raise VocabularyError(
                "A task needs targets, each once", where=f"task {self.name!r}", found=names
            )

    @property
    def clock(self) -> Clock:
        """The clock of its steps: the finest of its targets'."""
        return max((t.clock for t in self.targets), key=lambda clock: clock.ticks_per_year)

    def target(self, name: str) -> Target:
        """A target by name.

        Raises:
            VocabularyError: If it has no such target.
        """
        for target in self.targets:
            if target.name == name:
                return target
        raise VocabularyError(
            "The task has no such target",
            where=f"task {self.name!r}",
            expected=", ".join(t.name for t in self.targets),
            found=repr(name),
        )

    def moving(self, before: int, after: int) -> tuple[Target, ...]:
        """The targets whose own time changes in a step; the others stay as they are."""
        clock = self.clock
        return tuple(
            t
            for t in self.targets
            if clock.convert(before, t.clock) != clock.convert(after, t.clock)
        )


_LAND_USE = Target("land_use", "softmax", Clock.YEAR)
_LAND_COVER = Target("land_cover", "softmax", Clock.YEAR)
_LEAF_AREA = Target("leaf_area_index", "softplus", Clock.MONTH)

LAND_USE = Task("land_use", (_LAND_USE,), frozenset(Direction))
LAND_COVER = Task("land_cover", (_LAND_COVER,), frozenset(Direction))
LEAF_AREA = Task("leaf_area", (_LEAF_AREA,), frozenset({Direction.FORWARD}))
LAND_USE_AND_LEAF_AREA = Task(
    "land_use_and_leaf_area", (_LAND_USE, _LEAF_AREA), frozenset({Direction.FORWARD})
)


def single_task(target: Target) -> Task:
    """One target alone, that may be stepped both ways."""
    return Task(target.name, (target,), frozenset(Direction))


TASKS: dict[str, Task] = {
    t.name: t for t in (LAND_USE, LAND_COVER, LEAF_AREA, LAND_USE_AND_LEAF_AREA)
}
"""Tasks by name."""


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
