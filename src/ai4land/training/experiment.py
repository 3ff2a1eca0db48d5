"""An experiment: one strict YAML that says what is trained on what, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ai4land.samples import SampleOptions
from ai4land.training.loss_options import LossOptions
from ai4land.vocabulary import SplitOptions, read_yaml, validated

__all__ = [
    "PATHS",
    "Experiment",
    "RegionOptions",
    "SeriesOptions",
    "TrainingOptions",
    "load_experiment",
]

PATHS: dict[str, Any] = {"cube": True, "cubes": {"__all__": {"cube": True}}}
"""What of an experiment is about one machine, for pydantic's ``exclude``."""

_RUNNING = frozenset(
    {"max_minutes", "checkpoint_every", "accelerator", "devices", "workers", "loggers"}
)
"""Options of a training that say where and for how long it runs, but not what is learned."""

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class TrainingOptions(BaseModel):
    """How the network is fitted.

    Attributes:
        seed: Of weights and samples; the same seed gives the same model on the same machine.
        members: Networks trained one after the other from ``seed``, ``seed + 1`` …; their mean
            probabilities decide. Each costs a whole training.
        steps: Optimiser steps at most.
        batch: Samples in one pass, of all processes together, which share it evenly.
        accumulate: Passes per step; a step learns from ``batch × accumulate`` samples, whatever
            the number of processes.
        learning_rate: Peak of AdamW's rate, reached after the warm-up.
        schedule: What follows the warm-up: a ``cosine`` or a ``linear`` decay to a hundredth of
            the peak at the last of ``steps``, or a ``constant`` rate.
        warm_up: Steps over which the rate rises linearly.
        weight_decay: AdamW's weight decay.
        loss: What is minimised.
        changed_weight: Pixels of another class than their visible prior count ``1 +
            changed_weight`` times in the pixelwise terms; predictions are freed of it.
        feedback: What later steps of a sample, and rollouts of the trained network, take as their
            prior: ``classes``, ``probabilities``, or ``samples``, a class drawn from the
            probabilities in training and the map itself in a rollout.
        gradient: ``pushforward`` feeds predictions back without gradient (Brandstetter et al.
            2022): memory stays that of one step. ``through`` lets the gradient of later steps
            through the prior fed back into earlier ones; it needs ``feedback: probabilities``.
        teacher_forcing: Share of samples in which a later step takes the truth as its prior; two
            numbers run from the first step of training to the last (``[1.0, 0.0]``: scheduled
            sampling, Bengio et al. 2015).
        balanced: Whether maps are decided on probabilities that add up to the coarse forcing;
            ignored where the forcing does not translate into the classes.
        calibration: How probabilities are scaled on the validation split: ``none``,
            ``temperature`` (and how much stays), or ``vector`` (and a constant for each class).
        ema: Decay of the moving average of the weights, which is what is kept.
        validate_every: Steps between validations.
        early_stop: Validations in a row without a better score after which training ends; ``None``
            for never.
        max_minutes: Time after which the training of each member ends and what is best so far is
            kept; the same run with a higher limit goes on.
        checkpoint_every: Steps between resumable checkpoints.
        precision: Of ``lightning-fabric``: ``32-true``, ``bf16-mixed`` …
        accelerator: ``auto``, ``cpu``, ``cuda``.
        devices: Number of devices, or ``auto``; under torchrun, what torchrun says.
        workers: Threads that draw samples ahead; the samples are the same for any number.
        loggers: Where figures go beside ``logs/curve.csv``: ``csv``, ``tensorboard``, ``mlflow``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    members: Positive = 1
    steps: Positive = 800
    batch: Positive = 4
    accumulate: Positive = 1
    learning_rate: Annotated[float, Field(gt=0)] = 3e-3
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warm_up: Annotated[int, Field(ge=0)] = 30
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    loss: LossOptions = LossOptions()
    changed_weight: Annotated[float, Field(ge=0)] = 0.0
    feedback: Literal["classes", "probabilities", "samples"] = "classes"
    gradient: Literal["pushforward", "through"] = "pushforward"
    teacher_forcing: Probability | tuple[Probability, Probability] = 0.0
    balanced: bool = True
    calibration: Literal["none", "temperature", "vector"] = "vector"
    ema: Share = 0.99
    validate_every: Positive = 200
    early_stop: Positive | None = None
    max_minutes: Annotated[float, Field(gt=0)] | None = None
    checkpoint_every: Positive = 200
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    accelerator: str = "auto"
    devices: int | str = 1
    workers: Annotated[int, Field(ge=0)] = 1
    loggers: tuple[Literal["csv", "tensorboard", "mlflow"], ...] = ("csv", "tensorboard")

    @model_validator(mode="after")
    def _differentiable(self) -> Self:
        if self.gradient == "through" and self.feedback != "probabilities":
            raise ValueError(
                f"`feedback: probabilities` with `gradient: through`, not {self.feedback!r}: "
                "classes have no gradient"
            )
        return self

    @property
    def handed_on(self) -> Literal["classes", "probabilities"]:
        """What a rollout of the trained model takes as its prior."""
        return "probabilities" if self.feedback == "probabilities" else "classes"


class SeriesOptions(BaseModel):
    """At which of its own times before the target's a driver is told.

    Attributes:
        lags: Ticks of its own clock before the one in which the target's time begins.
        mean: Ticks over which the mean is taken, each lag being the last of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lags: tuple[Annotated[int, Field(ge=0)], ...] = (1,)
    mean: Positive = 1


class RegionOptions(BaseModel):
    """One of several cubes that a model learns from.

    Attributes:
        cube: Path of the cube, as ``Experiment.cube``.
        name: How the experiment calls it; default the name of its folder.
        weight: Chance of a sample to come from it, relative to the others.
        split: Its own times and blocks; default those of the experiment.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cube: str
    name: str = ""
    weight: Annotated[float, Field(gt=0)] = 1.0
    split: SplitOptions | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:  # noqa: ANN401
        if isinstance(data, dict) and data.get("cube") and not data.get("name"):
            return {**data, "name": Path(str(data["cube"])).stem}
        return data


class Experiment(BaseModel):
    """What is trained on what.

    Attributes:
        title: One line for people.
        cube: Path of the cube, relative to the experiment's file; ``${VAR}`` is expanded.
        cubes: In its place several cubes, each on its own grid, whose samples are mixed.
        legend: Classes in which all cubes are read, by crosswalk from their own; default their
            own, which then must be the same.
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
    cube: str = ""
    cubes: tuple[RegionOptions, ...] = ()
    legend: str | None = None
    task: str = "land_use"
    forcing: tuple[str, ...]
    trust: Annotated[float, Field(gt=0, le=1)] = 1.0
    static: tuple[str, ...] = ()
    series: dict[str, SeriesOptions] = {}
    split: SplitOptions
    samples: SampleOptions = SampleOptions()
    model: dict[str, Any] = {"name": "unet"}
    training: TrainingOptions = TrainingOptions()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.cube) == bool(self.cubes):
            raise ValueError("either `cube` or `cubes`")
        names = [region.name for region in self.cubes]
        if len(set(names)) < len(names):
            raise ValueError(f"cubes of different names, not {', '.join(names)}")
        held = self.split.region
        if held is not None and (held not in names or len(names) < 2):
            raise ValueError(f"split.region {held!r} among cubes {', '.join(names)}, not alone")
        return self

    @property
    def regions(self) -> tuple[RegionOptions, ...]:
        """The cubes that train and choose; without the one held out."""
        if not self.cubes:
            return (RegionOptions(cube=self.cube),)
        return tuple(region for region in self.cubes if region.name != self.split.region)

    def alone(self, region: RegionOptions) -> Experiment:
        """The same experiment on one of its cubes, with the split of that one."""
        split = region.split or self.split.model_copy(update={"region": None})
        return self.model_copy(update={"cube": region.cube, "cubes": (), "split": split})

    def learned(self) -> dict[str, Any]:
        """All of it that decides the weights, as plain data."""
        said = self.model_dump(mode="json", exclude={"title": True, **PATHS})
        said["training"] = {k: v for k, v in said["training"].items() if k not in _RUNNING}
        return said

    def turns(self, members: int) -> int:
        """Number of different splits that so many members see."""
        return max(self.alone(region).split.turns(members) for region in self.regions)


def load_experiment(path: str | Path) -> Experiment:
    """Read an experiment and resolve the paths of its cubes.

    Raises:
        MissingFileError: If there is no such file.
        ConfigError: If it is not an experiment, or names an unset environment variable.
    """
    data, place = read_yaml(Path(path))
    experiment = validated(data, Experiment, place)
    cubes = tuple(
        region.model_copy(update={"cube": str(place.resolve(region.cube, ("cubes", i)).resolve())})
        for i, region in enumerate(experiment.cubes)
    )
    cube = str(place.resolve(experiment.cube, ("cube",)).resolve()) if experiment.cube else ""
    return experiment.model_copy(update={"cube": cube, "cubes": cubes})
