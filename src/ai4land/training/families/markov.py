"""The trainer of Markov chains: it counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.models import Markov, MarkovOptions, class_options, class_target
from ai4land.training.experiment import Experiment
from ai4land.training.families.judging import judged
from ai4land.training.setting import Setting
from ai4land.training.trainer import Report, Trained
from ai4land.training.transitions import transition_counts

__all__ = ["MarkovTrainer", "counted_chain", "markov_trainer"]


class MarkovTrainer:
    """Counts which class follows which in the training split.

    Args:
        options: Options of the chain.
    """

    writes = True

    def __init__(self, options: MarkovOptions) -> None:
        self.options = options

    def fit(self, setting: Setting, folder: Path, seed: int, report: Report) -> Trained:
        """Count all steps of the training split; see ``Trainer``."""
        chain = counted_chain(setting, self.options)
        verdict, figures = judged(chain, setting)
        report(setting.experiment.training.steps, figures)
        return Trained(chain, verdict)


def markov_trainer(experiment: Experiment) -> MarkovTrainer:
    """The trainer of an experiment's chain."""
    return MarkovTrainer(class_options(MarkovOptions, experiment.model))


def counted_chain(setting: Setting, options: MarkovOptions | None = None) -> Markov:
    """The chain of all steps of the training split."""
    target = class_target(setting.spec, "markov")
    clock = target.clock
    counts: dict[float, npt.NDArray[np.int64]] = {}
    for (before, after), table in transition_counts(setting.sampler, target.name).items():
        years = clock.years(after - before)
        counts[years] = counts.get(years, 0) + table
    return Markov(setting.spec, counts, options)
