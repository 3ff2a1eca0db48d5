"""What may be asked of samples: windows, steps and corruption of the prior."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ai4land.samples.corruption import Corruption
from ai4land.vocabulary import Direction

__all__ = ["SampleOptions"]

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class SampleOptions(BaseModel):
    """How windows are drawn.

    Attributes:
        window: Side of a window in fine pixels.
        strides: Step lengths in ticks from which each sample draws one.
        stride_decay: A step of length n is drawn in proportion to n to the power of minus this.
        recursion: Steps that follow each other on the model's own predictions.
        history: Maps before the prior that the network looks at, one step length apart.
        history_drop: Share of samples without any, so that a rollout can start without.
        directions: Directions in which samples run.
        changed_share: Share of samples drawn where land changed.
        rare_share: Share of samples drawn where rare classes are: every class of the first map has
            the same chance, whatever its area. The rest is drawn from all land.
        weigh: Whether a sample counts in the loss by the chance of its place among all land over
            the chance with which it was drawn there, so that ``changed_share`` and ``rare_share``
            bias no probability. Which steps are drawn is left as ``strides``, ``stride_decay`` and
            ``moving_share`` say: a model is told the length of its step.
        moving_share: Share of samples in which every target moves, where their clocks differ; in
            the rest those of slower clocks stay as they are.
        corruption: Transforms that damage what the model is shown, applied in order, such as
            ``[{name: hide, share: [0.6, 0.99], block: 8}, {name: noise, share: 0.1}]``; see
            ``samples.corruption``. ``probability`` is the share of samples that one is applied to.
        damaged_validation: Whether validation shows its windows so damaged, too; by default as they
            are.
        augment: Flip and turn windows at random (terrain aspect turns with them).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: Annotated[int, Field(ge=8)] = 64
    strides: tuple[Annotated[int, Field(ge=1)], ...] = (1,)
    stride_decay: Annotated[float, Field(ge=0.0)] = 1.0
    recursion: Annotated[int, Field(ge=1, le=8)] = 2
    history: Annotated[int, Field(ge=0, le=8)] = 0
    history_drop: Share = 0.2
    directions: tuple[Direction, ...] = (Direction.FORWARD,)
    changed_share: Share = 0.5
    rare_share: Share = 0.0
    weigh: bool = False
    moving_share: Share = 0.5
    corruption: Corruption = ()
    # left out of digests where it is not asked for, so that older trainings are known again
    damaged_validation: Annotated[bool, Field(exclude_if=lambda asked: not asked)] = False
    augment: bool = True

    @model_validator(mode="after")
    def _leaves_land(self) -> Self:
        together = self.changed_share + self.rare_share
        if together > 1.0 or (self.weigh and together == 1.0):
            raise ValueError(
                f"changed_share and rare_share together at most 1, below 1 with `weigh`: all land "
                f"must have a chance, not {together:g}"
            )
        return self
