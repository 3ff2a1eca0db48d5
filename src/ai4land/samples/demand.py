"""Demand: what the coarse forcing asks of the classes, relative to a map both describe."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from ai4land.allocation import target_counts
from ai4land.cube import Cube, Field, State
from ai4land.errors import ConfigError
from ai4land.samples.reader import WindowReader, class_lookup, crosswalk_source
from ai4land.vocabulary import NO_DATA, Crosswalk, Kind, Legend, Task, crosswalk

__all__ = ["Demand", "class_forcing"]

IntArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.floating]


class Demand:
    """What the coarse forcing asks of a fine map, relative to a reference map.

    The forcing's change since the reference time is added to the reference map's own counts, so
    that a constant disagreement between the two products asks for nothing, and changes of less
    than a pixel a year add up instead of being rounded away each year.

    Args:
        reader: Serves the cube.
        forcing: Name of a fraction variable of the cube.
        reference: A state both products describe, usually the initial state of the rollout.

    Raises:
        ConfigError: If no crosswalk leads from the forcing to the map's legend.
    """

    def __init__(self, reader: WindowReader, forcing: str, reference: State) -> None:
        self.reader = reader
        self.forcing = forcing
        field = reference[reader.task.target]
        if field.legend is None:
            raise ConfigError("Only maps of classes can be bound to coarse fractions")
        self.legend = field.legend
        self.groups, self._matrix, per_land = _translation(reader, forcing, field.legend)
        self.cells = reader.cells(forcing)
        self._lookup = _group_lookup(field.legend, self.groups)
        self._reference = self.counts(field).astype(np.float64)
        self._reference_tick = reference.tick
        domain = reader.domain(field.values)
        counted = np.where(domain if per_land else np.ones_like(domain), 0, NO_DATA)
        self._pixels = self.cells.counts(counted.astype(np.uint8), 1)[0].astype(np.float64)

    def positions(self, field: Field) -> npt.NDArray[np.uint8]:
        """Class positions of a map, 255 missing."""
        return np.asarray(class_lookup(self.legend)[field.values], dtype=np.uint8)

    def group_positions(self, field: Field) -> npt.NDArray[np.uint8]:
        """Which group the class of each pixel belongs to, 255 for none."""
        return np.asarray(self._lookup[field.values], dtype=np.uint8)

    def counts(self, field: Field) -> IntArray:
        """Pixels of each group in each coarse cell, ``(groups, cells)``."""
        return self.cells.counts(self.group_positions(field), len(self.groups)).astype(np.int32)

    def bound_pixels(self, field: Field) -> IntArray:
        """Pixels of a map whose class is in some group, ``(cells,)``."""
        return np.asarray(self.counts(field).sum(axis=0), dtype=np.int32)

    def change(self, field: Field, tick: int) -> IntArray:
        """Whole pixels that a map must gain or lose to meet the demand, ``(groups, cells)``.

        Gains and losses of a cell sum to 0; what the groups together want more than they have is
        not asked for.
        """
        now = self.counts(field)
        wanted = self.wanted(tick, now.sum(axis=0))
        return np.where(wanted.sum(axis=0) > 0, wanted - now, 0).astype(np.int32)

    def wanted(self, tick: int, pixels: npt.NDArray[np.integer]) -> IntArray:
        """Whole pixels of each group that the forcing asks for, ``(groups, cells)``.

        Args:
            tick: The time.
            pixels: Pixels to share out in each cell, ``(cells,)``.
        """
        return target_counts(self.shares(tick), pixels)

    def shares(self, tick: int) -> FloatArray:
        """Share of each group in what the groups together cover, as the forcing asks for it.

        Returns:
            ``(groups, cells)``, sums of 1, or all 0 where the groups have nothing.
        """
        change = self._forced(tick) - self._forced_then
        asked = np.maximum(self._reference + self._pixels * change, 0.0)
        total = asked.sum(axis=0)
        return np.asarray(np.divide(asked, total, out=np.zeros_like(asked), where=total > 0))

    def class_shares(self, tick: int, own: FloatArray) -> FloatArray:
        """Share of each class that the forcing asks for, in cells that now hold other shares.

        Within a group the classes keep the proportions they have now (equal ones where the group
        is new to the cell); classes of no group stay.

        Args:
            tick: The time.
            own: ``(K, Y, X)`` shares of the classes now, see ``Coupling.shares``.

        Returns:
            ``(K, Y, X)`` float32, with the sums of ``own``.
        """
        wanted = self.shares(tick).reshape(len(self.groups), *own.shape[1:])
        result = own.astype(np.float64)
        bound = sum(own[list(group)].sum(axis=0) for group in self.groups)
        for share, group in zip(wanted, self.groups, strict=True):
            members = own[list(group)].astype(np.float64)
            whole = members.sum(axis=0)
            even = np.full_like(members, 1.0 / len(group))
            part = np.divide(members, whole, out=even, where=whole > 0)
            result[list(group)] = share * bound * part
        asked = wanted.sum(axis=0) > 0
        return np.where(asked, result, own).astype(np.float32)

    @functools.cached_property
    def _forced_then(self) -> FloatArray:
        """The forcing at the reference time, from which every change is counted."""
        return self._forced(self._reference_tick)

    def _forced(self, tick: int) -> FloatArray:
        values = np.asarray(self.reader.cube.read(self.forcing, tick), dtype=np.float64)
        flat = np.nan_to_num(values.reshape(values.shape[0], -1), nan=0.0)
        return np.asarray(self._matrix @ flat, dtype=np.float64)


def class_forcing(cube: Cube, task: Task, preferred: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Fraction variables of a cube that can be translated into its labels' classes.

    The preferred ones come first, then those made of the labels' own classes.
    """
    legend = cube.variable(task.target).legend
    if legend is None:
        return ()
    own, walked = [], []
    for name in cube.variables:
        spec = cube.variable(name)
        if spec.variable.kind is not Kind.FRACTION or not spec.components:
            continue
        if name == task.probability:  # what a model believed asks for nothing
            continue
        if spec.components == legend.names:
            own.append(name)
        elif crosswalk_source(spec, legend) is not None:
            walked.append(name)
    return tuple(sorted((*own, *walked), key=lambda name: name not in preferred))


def _translation(
    reader: WindowReader, forcing: str, legend: Legend
) -> tuple[tuple[tuple[int, ...], ...], FloatArray, bool]:
    """Groups as class positions, the matrix (groups, components), and the denominator."""
    spec = reader.cube.variable(forcing)
    if spec.components == legend.names:
        land = [i for i, code in enumerate(legend.codes) if code not in legend.sea]
        groups = tuple((i,) for i in land)
        return groups, np.eye(len(legend))[land], True
    walk: Crosswalk = crosswalk(crosswalk_source(spec, legend) or forcing, legend.name)
    names = walk.shared
    matrix = np.array(walk.matrix).T  # target × source
    rows = [[walk.target_classes.index(name) for name in group] for group in names]
    shares = np.stack([matrix[row].sum(axis=0) for row in rows])
    order = [walk.source_classes.index(c) for c in spec.components]
    positions = tuple(tuple(legend.index(name) for name in group) for group in names)
    return positions, shares[:, order], walk.denominator == "land"


def _group_lookup(legend: Legend, groups: tuple[tuple[int, ...], ...]) -> npt.NDArray[np.uint8]:
    """Table ``(256,)`` from class codes to groups; 255 for a class in none."""
    of_class = np.full(256, 255, dtype=np.uint8)
    for number, group in enumerate(groups):
        of_class[list(group)] = number
    return of_class[class_lookup(legend)]
