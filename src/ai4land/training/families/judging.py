"""What a model of any family is worth on the validation split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ai4land.models import Predictor
from ai4land.samples import SampleSource, stack, step_inputs
from ai4land.training.families.pixels import SplitWindows
from ai4land.training.setting import Setting
from ai4land.training.validation import Validation, validate

__all__ = ["judged", "truth_probabilities"]

DoubleArray = npt.NDArray[np.float64]

_WINDOWS = 400


def judged(predictor: Predictor, setting: Setting) -> tuple[Validation, dict[str, float]]:
    """Scores on the validation split, and as figures with what is minimised as ``loss``."""
    verdict = validate(predictor, setting.judge, _WINDOWS)
    figures = {f"validation_{name}": value for name, value in verdict.values.items()}
    return verdict, {"loss": -verdict.score, **figures}


def truth_probabilities(
    predictors: Sequence[Predictor], sampler: SampleSource
) -> tuple[DoubleArray, npt.NDArray[np.bool_]]:
    """What predictors gave to the classes that came about in a validation split.

    Args:
        predictors: M of them.
        sampler: Of the split, of one region or several.

    Returns:
        ``(N, M)`` probabilities of all maps of classes together, and ``(N,)`` whether the step goes
        backward.
    """
    spec = predictors[0].spec
    names = [target.name for target in spec.targets if target.categorical]
    windows = SplitWindows(sampler, sampler.parts[0].options.window)
    found, backward = [np.empty((0, len(predictors)))], [np.empty(0, dtype=bool)]
    count = min(_WINDOWS, len(windows))
    for place in np.unique(np.linspace(0, len(windows) - 1, count).astype(int)):
        part, times, window = windows[place]
        sample = part.judged(times, window)
        kept = {n: sample.targets[n].valid[0] & sample.targets[n].moves[0] for n in names}
        if not any(valid.any() for valid in kept.values()):
            continue
        inputs = step_inputs(stack([sample]), 0, part.assembler.codings, spec.history)
        said = [predictor.predict(inputs) for predictor in predictors]
        for name, valid in kept.items():
            truth = sample.targets[name].targets[0][valid][None]
            given = [np.take_along_axis(s[name][0][:, valid], truth, axis=0)[0] for s in said]
            found.append(np.stack(given, axis=1).astype(np.float64))
            backward.append(np.full(len(found[-1]), times[1] < times[0]))
    return np.concatenate(found), np.concatenate(backward)
