"""One statistic per region, lead or cell: the single way in which scores are binned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ai4land.errors import SampleError
from ai4land.metrics.tables.counting import as_weights, check_shapes
from ai4land.metrics.tables.sums import Counts, Sums

__all__ = ["Binned", "by"]

T = TypeVar("T", bound=Sums)
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Binned(Generic[T]):
    """Statistics of one kind under integer labels: regions, coarse cells, leads, years, blocks.

    They add label by label; a label that only one of two has is kept. The sums of all labels are
    held in one array each, so many of them are cheap and can be resampled at once.

    Attributes:
        labels: Ascending, none twice, int64 ``(n,)``.
        kind: A statistic of this kind with nothing counted.
        stacks: The sums of all labels, each ``(n, …)``, in the order of ``kind.parts()``.
    """

    labels: Labels
    kind: T
    stacks: tuple[Counts, ...]

    @classmethod
    def of(cls, tables: Mapping[int, T]) -> Self:
        """Collect statistics that are there already.

        Raises:
            SampleError: If there are none, or they do not add.
        """
        if not tables:
            raise SampleError("There is no statistic to collect")
        labels = sorted(tables)
        first = tables[labels[0]]
        for label in labels[1:]:
            first + tables[label]  # refuses what does not belong together
        parts = zip(*(tables[label].parts() for label in labels), strict=True)
        return cls(
            np.array(labels, np.int64), first.zeroed(), tuple(np.stack(part) for part in parts)
        )

    def __len__(self) -> int:
        """Number of labels."""
        return len(self.labels)

    def __iter__(self) -> Iterator[int]:
        """The labels, ascending."""
        return iter(self.labels.tolist())

    def __getitem__(self, label: int) -> T:
        """The statistic of one label.

        Raises:
            SampleError: If nothing was counted under it.
        """
        place = int(np.searchsorted(self.labels, label))
        if place == len(self.labels) or self.labels[place] != label:
            raise SampleError("Nothing was counted under this label", found=label)
        return self.kind.with_parts([stack[place] for stack in self.stacks])

    def items(self) -> Iterator[tuple[int, T]]:
        """Each label with its statistic."""
        for place, label in enumerate(self):
            yield label, self.kind.with_parts([stack[place] for stack in self.stacks])

    def __add__(self, other: Binned[T]) -> Binned[T]:
        """The statistics of both, label by label.

        Raises:
            SampleError: If the two are of different kinds or facts.
        """
        self.kind + other.kind  # refuses what does not belong together
        if np.array_equal(self.labels, other.labels):
            pairs = zip(self.stacks, other.stacks, strict=True)
            return Binned(self.labels, self.kind, tuple(one + two for one, two in pairs))
        labels = np.union1d(self.labels, other.labels)
        stacks = [
            np.zeros((len(labels), *one.shape[1:]), np.result_type(one, two))
            for one, two in zip(self.stacks, other.stacks, strict=True)
        ]
        for part in (self, other):
            places = np.searchsorted(labels, part.labels)
            for total, stack in zip(stacks, part.stacks, strict=True):
                total[places] += stack
        return Binned(labels, self.kind, tuple(stacks))

    def total(self) -> T:
        """The statistic of all labels together."""
        return self.kind.with_parts([stack.sum(axis=0) for stack in self.stacks])

    def scores(self, score: Callable[[T], float]) -> dict[int, float]:
        """A score of every label."""
        return {label: score(table) for label, table in self.items()}

    def weighted(self, weights: NDArray[np.floating[Any]]) -> Iterator[T]:
        """Sums in which labels count several times or not at all.

        Args:
            weights: How often each label counts, one row per sum, ``(m, n)``.

        Yields:
            ``m`` statistics, their sums in float64.
        """
        sums = [
            (weights @ stack.reshape(len(stack), -1).astype(np.float64)).reshape(
                -1, *stack.shape[1:]
            )
            for stack in self.stacks
        ]
        for parts in zip(*sums, strict=True):
            yield self.kind.with_parts(parts)


def by(
    regions: NDArray[np.integer[Any]],
    statistic: Callable[..., T],
    *maps: object,
    **named: object,
) -> Binned[T]:
    """Compute a statistic of pixels once per region.

    Every pixel is looked at once, however many regions there are. It works for all statistics
    that take maps of any shape, that is, that do not look at the pixels around a pixel.

    Args:
        regions: A region's number for every pixel, any integers: countries, biomes, climate
            zones, bands of latitude, coarse cells; negative where a pixel is in none.
        statistic: Takes flat maps and returns a statistic, such as ``three_maps``.
        *maps: Passed on. Arrays whose last axes are the pixels are cut by region, all else goes
            to every region as it is.
        **named: Likewise; ``weights`` may also be anything that broadcasts to the pixels.

    Returns:
        One statistic per region that has a pixel.

    Raises:
        SampleError: If no pixel is in a region, or no argument is a map.
        GridError: If weights do not fit the pixels.
    """
    weights = named.get("weights")
    if weights is not None:
        named = {**named, "weights": as_weights(cast(ArrayLike, weights), regions.shape)}
    order, labels, starts = _sorted(regions)
    cut = [_cut(value, regions.shape, order) for value in (*maps, *named.values())]
    if not len(labels) or all(isinstance(value, _Whole) for value in cut):
        raise SampleError(
            "Nothing to count by region",
            expected=f"regions not negative, and maps of {regions.shape}",
            found=f"{len(labels)} regions",
        )
    tables = {}
    for n, label in enumerate(labels.tolist()):
        values = [value.piece(slice(starts[n], starts[n + 1])) for value in cut]
        tables[label] = statistic(
            *values[: len(maps)], **dict(zip(named, values[len(maps) :], strict=True))
        )
    return Binned.of(tables)


@dataclass(frozen=True)
class _Whole:
    """An argument that every region gets as it is."""

    value: object

    def piece(self, _part: slice) -> object:
        return self.value


@dataclass(frozen=True)
class _Pixels:
    """A map with its pixels in the order of the regions."""

    value: NDArray[Any]

    def piece(self, part: slice) -> NDArray[Any]:
        return self.value[..., part]


def _cut(value: object, shape: tuple[int, ...], order: NDArray[np.intp]) -> _Whole | _Pixels:
    if not isinstance(value, np.ndarray) or not value.ndim:
        return _Whole(value)
    if value.ndim < len(shape) or value.shape[-len(shape) :] != shape:
        check_shapes(shape, map=value)
    flat = value.reshape(*value.shape[: value.ndim - len(shape)], -1)
    return _Pixels(flat[..., order])


def _sorted(
    regions: NDArray[np.integer[Any]],
) -> tuple[NDArray[np.intp], Labels, NDArray[np.int64]]:
    """Pixels region by region, the regions, and where each begins (and the last one ends)."""
    flat = regions.ravel()
    inside = np.flatnonzero(flat >= 0)
    numbers = flat[inside]
    if numbers.size and numbers.max() <= np.iinfo(np.uint16).max:
        numbers = numbers.astype(np.uint16)  # sorts by digits, much faster
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    new = np.ones(ordered.shape, np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    starts = np.flatnonzero(new)
    labels = ordered[starts].astype(np.int64)
    return inside[order], labels, np.append(starts, ordered.size)
