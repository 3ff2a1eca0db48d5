"""A new target and its task: how many people live in a place, year by year."""

from __future__ import annotations

from ai4land.vocabulary import Clock, Direction, Target, Task

PEOPLE = Task(
    "people", (Target("population_density", "softplus", Clock.YEAR),), frozenset(Direction)
)
