"""Provenance of a rollout: the attributes it is saved with, and where it leaves its training."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from ai4land.checkpoint import Card
from ai4land.cube import Cube, Status, evidence, flagged, years_behind
from ai4land.vocabulary import Clock, Direction

__all__ = ["domain_warnings", "prediction_attributes"]


def prediction_attributes(
    stepper: str,
    cube: Cube,
    path: Sequence[int],
    options: Mapping[str, Any],
    card: Card | None = None,
    clock: Clock = Clock.YEAR,
) -> dict[str, Any]:
    """What a saved reconstruction says of itself; the same run says the same, to be resumed.

    Args:
        stepper: Name of the stepper.
        cube: The cube that drove it.
        path: All times, the initial one first.
        options: Options of the run.
        card: Card of the checkpoint; ``None`` for a baseline.
        clock: The clock of the path.
    """
    title = str(cube.attributes.get("title", cube.path.name))
    years = years_behind(clock, path)
    return {
        "title": f"{title}: {clock.label(path[0])} → {clock.label(path[-1])} by {stepper}",
        "stepper": stepper,
        "path": list(path),
        "options": dict(options),
        "checkpoint": None if card is None else {"files": dict(card.files), "card": card.to_dict()},
        "cube": {"title": title, "recipe": cube.attributes.get("recipe")},
        "provenance": list(cube.attributes.get("provenance", [])),
        "inputs_outside_their_products": flagged(cube, years),
        "evidence": {} if card is None else evidence(cube, card.inputs.told_variables),
    }


def domain_warnings(card: Card, cube: Cube, path: Sequence[int]) -> list[str]:
    """In which ways a rollout leaves what the checkpoint was trained on.

    Args:
        card: Card of the checkpoint.
        cube: The cube that drives the rollout.
        path: All times, the initial one first.
    """
    found = []
    target = card.targets[0].name
    grid = cube.grid(target)
    card = card.on(target, grid)
    (first, last), clock = card.domain.trained, card.task_of().clock
    outside = [t for t in path[1:] if not first <= t <= last]
    if outside:
        found.append(
            f"{len(outside)} of {len(path) - 1} steps go to {clock.noun} outside the training "
            f"({clock.span((first, last))}): {clock.span((min(outside), max(outside)))}."
        )
    direction = Direction.leading(path[0], path[-1])
    if direction not in card.directions:
        trained_on = ", ".join(card.directions)
        found.append(f"The model never stepped {direction}; it was trained on {trained_on}.")
    strides = sorted({abs(b - a) for a, b in itertools.pairwise(path)} - set(card.strides))
    if strides:
        found.append(f"Steps of {strides} ticks were never trained, only {list(card.strides)}.")
    box, trained = card.domain, card.grids[target]
    if not box.holds(grid):
        found.append(
            "The cube reaches beyond the region of training "
            f"({box.west:.4g}…{box.east:.4g}° E, {box.south:.4g}…{box.north:.4g}° N)."
        )
    if abs(float(grid.dx / trained.dx) - 1.0) > 0.01:
        found.append(
            f"Pixels of {float(grid.dx):.4g}° were never trained, only {float(trained.dx):.4g}°."
        )
    found += _status_warnings(card, cube, path)
    return found


def _status_warnings(card: Card, cube: Cube, path: Sequence[int]) -> list[str]:
    """Forcing that is not what its product says of the year."""
    # the assembler refuses a variable that is not there, with all that is missing
    known = [name for name in card.inputs.told_variables if name in cube.variables]
    years = years_behind(card.task_of().clock, path)
    found = []
    for name, kinds in flagged(cube, years, known).items():
        clock, status = cube.group(name).clock, cube.status(name)
        for kind, stretches in kinds.items():
            ticks = [t for t, s in status.items() if s is Status[kind.upper()]]
            count = sum(t // clock.ticks_per_year in years for t in ticks)
            found.append(
                f"{name} is {kind} in {count} {clock.noun}, {', '.join(stretches[:3])}"
                f"{' …' if len(stretches) > 3 else ''}: it says nothing of them."
            )
    return found
