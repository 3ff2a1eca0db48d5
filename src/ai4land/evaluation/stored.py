"""Reading a saved reconstruction as the rollout it came from."""

from __future__ import annotations

from collections.abc import Iterator

from ai4land.cube import Cube, State, Status
from ai4land.errors import CubeError, GridError
from ai4land.rollout import BOOKS, stored_field
from ai4land.vocabulary import Kind, Target

__all__ = ["check_grids", "path_of", "predicted_targets", "stored_states"]


def predicted_targets(cube: Cube) -> tuple[Target, ...]:
    """What a saved reconstruction predicts, without the classes' probabilities and the books."""
    found = []
    for name in cube.variables:
        books = name in BOOKS or name.endswith("_gross_transitions")
        if not books and not name.endswith("_probability"):
            classes = cube.variable(name).variable.kind is Kind.CATEGORICAL
            activation = "softmax" if classes else "identity"
            found.append(Target(name, activation, cube.group(name).clock))
    return tuple(found)


def path_of(cube: Cube, target: Target) -> tuple[int, tuple[int, ...]]:
    """Initial time of a saved reconstruction, and the times after it in the order of the rollout.

    Raises:
        CubeError: If there is no observed map at one end to have started from.
    """
    status = cube.status(target.name)
    ticks = tuple(status)
    observed = [t for t in ticks if status[t] is not Status.PREDICTED]
    if len(ticks) > 1 and observed in ([ticks[0]], [ticks[-1]]):
        forward = observed == [ticks[0]]
        return observed[0], ticks[1:] if forward else ticks[-2::-1]
    raise CubeError(
        "This is not a reconstruction",
        where=str(cube.path),
        expected="one observed map at the first or last time, all others predicted",
        found=f"{len(observed)} observed of {len(ticks)} times",
        remedy="give the store that `ai4land reconstruct` wrote, and the labels as --truth",
    )


def stored_states(cube: Cube, target: Target, ticks: tuple[int, ...]) -> Iterator[State]:
    """The maps of a saved reconstruction as the states that it came from, read when asked for."""
    status, given = cube.status(target.name), target.probability in cube.variables
    for tick in ticks:
        known = target.probability if given and status[tick] is Status.PREDICTED else None
        field = stored_field(cube, target.name, tick, known)
        yield State(target.clock, tick, {target.name: field}, status[tick])


def check_grids(prediction: Cube, truth: Cube, target: Target) -> None:
    """Refuse two cubes that cannot be compared pixel by pixel.

    Raises:
        GridError: If they do not lie on one grid.
    """
    one, two = prediction.grid(target.name), truth.grid(target.name)
    if one != two:
        raise GridError(
            "Reconstruction and truth lie on different grids",
            where=f"{prediction.path} and {truth.path}",
            expected=two.describe(),
            found=one.describe(),
            remedy="score against the cube that drove the reconstruction",
        )
