"""What a trainer of any family of models is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from ai4land.models import ClassModelOptions, Predictor, class_options
from ai4land.training.experiment import Experiment
from ai4land.training.setting import Setting
from ai4land.training.validation import Validation

__all__ = ["FamilyTrainer", "Progress", "Report", "Trained", "Trainer"]

Report = Callable[[int, dict[str, float]], None]
"""Hears of a step and its figures."""

Progress = Callable[[int, int, dict[str, float]], None]
"""Hears what is done, of how much, and the latest figures."""


@dataclass(frozen=True, eq=False)
class Trained:
    """One trained model.

    Attributes:
        predictor: The model.
        verdict: Its scores on the validation split.
        statistics: Group → channel → mean and spread, for people.
        history: How the training went, as JSON data: of networks ``steps`` done, why it ``ended``,
            and the learning ``curve``.
    """

    predictor: Predictor
    verdict: Validation
    statistics: Mapping[str, Any] = field(default_factory=dict)
    history: Mapping[str, Any] = field(default_factory=dict)


Options = TypeVar("Options", bound=ClassModelOptions)


class Trainer(Protocol):
    """Fits models of one family."""

    @property
    def writes(self) -> bool:
        """Whether this process writes what comes of it; of several, one does."""

    def fit(self, setting: Setting, folder: Path, seed: int, report: Report) -> Trained:
        """Fit one model, from the start or from where it was killed.

        Args:
            setting: What it is trained and judged on.
            folder: Keeps what is needed to go on.
            seed: Of weights and samples.
            report: Called after each step with the step and its figures.
        """


class FamilyTrainer(Generic[Options]):
    """What the trainers of families that are no networks share: strict options, one process.

    Args:
        experiment: Whose models are fitted.

    Raises:
        ConfigError: If an option of its model is unknown or impossible.
    """

    writes = True
    kind: ClassVar[type[ClassModelOptions]]

    def __init__(self, experiment: Experiment) -> None:
        self.options = cast(Options, class_options(self.kind, experiment.model))
