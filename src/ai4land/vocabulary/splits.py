"""Descriptions of splits: which times and which blocks train, validate and test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["BlockSplit", "SplitOptions", "TimeSplit"]

Span = tuple[int, int]


class _Split(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BlockSplit(_Split):
    """Spatial cross-validation in blocks aligned to coarse cells.

    Attributes:
        cells: Side of a block in coarse cells.
        folds: Number of parts into which blocks are dealt.
        fold: The part held out for the test; nothing is chosen by it. ``null`` holds out none:
            all blocks train or validate, as for a single pair of years tested elsewhere.
        validation_share: Share of the other blocks held out for validation.
        buffer: Coarse cells around held-out blocks that train nothing. The prior there and in
            the blocks is hidden from training, so that no receptive field reaches across.
        seed: Deals the blocks.
        turn: Which draw of validation blocks; members of an ensemble take turns.
    """

    cells: Annotated[int, Field(ge=1)] = 4
    folds: Annotated[int, Field(ge=2)] = 5
    fold: Annotated[int, Field(ge=0)] | None = 0
    validation_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.15
    buffer: Annotated[int, Field(ge=1)] = 1
    seed: int = 0
    turn: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.fold is not None and self.fold >= self.folds:
            raise ValueError(f"fold {self.fold} does not exist: folds are 0…{self.folds - 1}")
        return self


class TimeSplit(_Split):
    """Times of training and of validation.

    Attributes:
        train: First and last tick of training, inclusive.
        validation: First and last tick of validation; both ends of every step lie inside.
    """

    train: Span
    validation: Span

    @model_validator(mode="after")
    def _holds_steps(self) -> Self:
        for name, (first, last) in (("train", self.train), ("validation", self.validation)):
            if first >= last:
                raise ValueError(f"{name} {first}…{last} holds no step")
        return self

    @property
    def disjoint(self) -> bool:
        """Whether the two share at most their border."""
        return self.train[1] <= self.validation[0] or self.validation[1] <= self.train[0]


class SplitOptions(TimeSplit):
    """Which times, and optionally which blocks, belong to training and to validation.

    Attributes:
        rounds: Further splits of the same years: the members of an ensemble take turns, so that
            together they learn from all of them and are each judged on what they have not seen.
        space: Blocks held out in space. With it, training and validation may share years.
        region: Of an experiment on several cubes, the name of the one that is held out whole: it
            neither trains nor chooses, and is what the model is tested on.
    """

    rounds: tuple[TimeSplit, ...] = ()
    space: BlockSplit | None = None
    region: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        splits: tuple[TimeSplit, ...] = (self, *self.rounds)
        for split in splits:
            if self.space is None and not split.disjoint:
                raise ValueError(
                    f"train {split.train} and validation {split.validation} share years; they may "
                    "share at most their border year unless `space` holds blocks out"
                )
        return self

    def dealt(self, ticks: Sequence[int]) -> int:
        """The labelled time by whose land blocks are dealt: the first of training."""
        return min(t for t in ticks if t >= min(self.train[0], ticks[-1]))

    def turns(self, members: int) -> int:
        """Number of different splits that so many members see."""
        return members if self.space is not None else min(members, 1 + len(self.rounds))

    def turn(self, number: int) -> SplitOptions:
        """The split of one turn, from 0."""
        splits: tuple[TimeSplit, ...] = (self, *self.rounds)
        times = splits[number % len(splits)]
        space = None if self.space is None else self.space.model_copy(update={"turn": number})
        return SplitOptions(
            train=times.train, validation=times.validation, space=space, region=self.region
        )
