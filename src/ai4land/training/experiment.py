"""An experiment: one strict YAML that says what is trained on what, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ai4land.samples import SampleOptions
from ai4land.vocabulary import SplitOptions, read_yaml, validated

__all__ = ["Experiment", "SeriesOptions", "TrainingOptions", "load_experiment"]

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class TrainingOptions(BaseModel):
    """How the network is fitted.

    Attributes:
        seed: Of weights and samples; the same seed gives the same model on the same machine.
        members: Networks trained one after the other from ``seed``, ``seed + 1`` …; their mean
            probabilities decide. Each costs a whole training.
        steps: Optimiser steps.
        batch: Samples per step and device.
        learning_rate: Peak of AdamW's rate, after a short warm-up, before a cosine decay.
        weight_decay: AdamW's weight decay.
        changed_weight: Changed pixels count ``1 + changed_weight`` times in the loss.
        feedback: ``classes`` or ``probabilities``: what later steps of a sample, and rollouts of
            the trained network, take as their prior.
        balanced: Whether maps are decided on probabilities that add up to the coarse forcing;
            ignored where the forcing does not translate into the classes.
        ema: Decay of the moving average of the weights, which is what is kept.
        validate_every: Steps between validations.
        checkpoint_every: Steps between resumable checkpoints.
        precision: Of ``lightning-fabric``: ``32-true``, ``bf16-mixed`` …
        accelerator: ``auto``, ``cpu``, ``cuda``.
        devices: Number of devices, or ``auto``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    members: Positive = 1
    steps: Positive = 800
    batch: Positive = 4
    learning_rate: Annotated[float, Field(gt=0)] = 3e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    changed_weight: Annotated[float, Field(ge=0)] = 1.0
    feedback: Literal["classes", "probabilities"] = "classes"
    balanced: bool = True
    ema: Share = 0.99
    validate_every: Positive = 200
    checkpoint_every: Positive = 200
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    accelerator: str = "auto"
    devices: int | str = 1


class SeriesOptions(BaseModel):
    """At which of its own times before the target's a driver is told.

    Attributes:
        lags: Ticks of its own clock before the one in which the target's time begins.
        mean: Ticks over which the mean is taken, each lag being the last of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lags: tuple[Annotated[int, Field(ge=0)], ...] = (1,)
    mean: Positive = 1


class Experiment(BaseModel):
    """What is trained on what.

    Attributes:
        title: One line for people.
        cube: Path of the cube, relative to the experiment's file; ``${VAR}`` is expanded.
        task: Name of the task.
        forcing: Variables known at prior and target time; gross transitions of the step, beside
            the fractions that they change.
        trust: How far gross transitions are believed; the rest goes by the net change alone.
        static: Slow variables, taken at the prior time: terrain, soil, climate zones.
        series: Variables told at lags before the target time, such as monthly climate or CO2.
        split: Times and blocks of training and validation.
        samples: How windows are drawn.
        model: Architecture ``name`` and its options.
        training: How the network is fitted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    cube: str
    task: str = "land_use"
    forcing: tuple[str, ...]
    trust: Annotated[float, Field(gt=0, le=1)] = 1.0
    static: tuple[str, ...] = ()
    series: dict[str, SeriesOptions] = {}
    split: SplitOptions
    samples: SampleOptions = SampleOptions()
    model: dict[str, Any] = {"name": "unet"}
    training: TrainingOptions = TrainingOptions()


def load_experiment(path: str | Path) -> Experiment:
    """Read an experiment and resolve the path of its cube.

    Raises:
        MissingFileError: If there is no such file.
        ConfigError: If it is not an experiment, or names an unset environment variable.
    """
    data, place = read_yaml(Path(path))
    experiment = validated(data, Experiment, place)
    cube = place.resolve(experiment.cube, ("cube",))
    return experiment.model_copy(update={"cube": str(cube.resolve())})
