"""The trainer of Markov chains: it counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.models import Markov, MarkovOptions, class_target
from ai4land.training.families.judging import judged
from ai4land.training.setting import Setting
from ai4land.training.trainer import FamilyTrainer, Report, Trained
from ai4land.training.transitions import transition_counts

__all__ = ["MarkovTrainer", "counted_chain"]


class MarkovTrainer(FamilyTrainer[MarkovOptions]):
    """Counts which class follows which in the training split."""

    kind = MarkovOptions

    def fit(self, setting: Setting, folder: Path, seed: int, report: Report) -> Trained:
        """Count all steps of the training split; see ``Trainer``."""
        chain = counted_chain(setting, self.options)
        verdict, figures = judged(chain, setting)
        report(setting.experiment.training.steps, figures)
        return Trained(chain, verdict)


def counted_chain(setting: Setting, options: MarkovOptions | None = None) -> Markov:
    """The chain of all steps of the training split."""
    target = class_target(setting.spec, "markov")
    clock = target.clock
    counts: dict[float, npt.NDArray[np.int64]] = {}
    for (before, after), table in transition_counts(setting.sampler, target.name).items():
        years = clock.years(after - before)
        counts[years] = counts.get(years, 0) + table
    return Markov(setting.spec, counts, options)
