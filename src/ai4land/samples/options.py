"""What may be asked of samples: windows, steps and corruption of the prior."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ai4land.vocabulary import Direction

__all__ = ["Corruption", "SampleOptions"]

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Corruption(_Options):
    """How the prior is damaged in training, so that the network learns not to lean on it.

    Attributes:
        hide_probability: Share of samples of which a part of the prior is hidden.
        hide_share: Share of the prior hidden in such a sample, in square blocks (the reference
            system hides 0.75 of it).
        block: Side of a hidden block in pixels.
        noise: Share of prior pixels whose class is replaced by that of a random pixel of the
            window (the reference system: 0.10); numbers are exchanged in the same way.
    """

    hide_probability: Share = 0.0
    hide_share: Share = 0.75
    block: Annotated[int, Field(ge=1)] = 8
    noise: Share = 0.0


class SampleOptions(_Options):
    """How windows are drawn.

    Attributes:
        window: Side of a window in fine pixels.
        strides: Step lengths in ticks from which each sample draws one.
        stride_decay: A step of length n is drawn in proportion to n to the power of minus this.
        recursion: Steps that follow each other on the model's own predictions.
        history: Maps before the prior that the network looks at, one step length apart.
        history_drop: Share of samples without any, so that a rollout can start without.
        directions: Directions in which samples run.
        changed_share: Share of samples drawn where land changed; the rest from all land.
        moving_share: Share of samples in which every target moves, where their clocks differ; in
            the rest those of slower clocks stay as they are.
        corruption: Damage to the prior.
        augment: Flip and turn windows at random (terrain aspect turns with them).
    """

    window: Annotated[int, Field(ge=8)] = 64
    strides: tuple[Annotated[int, Field(ge=1)], ...] = (1,)
    stride_decay: Annotated[float, Field(ge=0.0)] = 1.0
    recursion: Annotated[int, Field(ge=1, le=8)] = 2
    history: Annotated[int, Field(ge=0, le=8)] = 0
    history_drop: Share = 0.2
    directions: tuple[Direction, ...] = (Direction.FORWARD,)
    changed_share: Share = 0.5
    moving_share: Share = 0.5
    corruption: Corruption = Corruption()
    augment: bool = True
