"""Calibration fitted on the validation split: what a model says beside what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from ai4land.models import Calibration, Predictor, Scaling
from ai4land.samples import Sampler, TargetSample
from ai4land.training.validation import predicted_windows
from ai4land.vocabulary import NO_DATA, Direction

__all__ = [
    "Observed",
    "fit_calibration",
    "fit_reach",
    "fit_scaling",
    "observed_pixels",
    "reach_of",
]

_MOST = 60_000  # pixels of a direction that are looked at
_WINDOWS = 200
_SHRINKAGE = 20.0  # pixels' worth of evidence that a class needs no constant of its own
_LONGEST = 4.0  # pixels over which errors are taken to be correlated, at most
_FEWEST = 100  # changed pixels below which nothing is fitted

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Observed:
    """Pixels of a direction: what was said of them, and what came.

    Attributes:
        probability: ``(K, n)`` as the model says it.
        prior: Class positions before the step as the model sees them, ``(n,)``, 255 hidden.
        truth: Class positions after it, ``(n,)``.
    """

    probability: npt.NDArray[np.float32]
    prior: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.uint8]

    @classmethod
    def joined(cls, parts: Sequence[Observed]) -> Observed:
        """Those of several together."""
        held = zip(*((p.probability, p.prior, p.truth) for p in parts), strict=True)
        return cls(*(np.concatenate(values, axis=-1) for values in held))


def fit_calibration(
    judged: Sequence[tuple[Predictor, Sampler]], target: str, kind: str = "vector"
) -> Calibration:
    """How the probabilities of a target are to be scaled, in each direction.

    Args:
        judged: Models, each with the sampler of a validation split that it has not learned from.
        target: A map of classes.
        kind: ``none``, ``temperature`` (and how much stays), or ``vector`` (and each class).
    """
    if kind == "none":
        return Calibration()
    found = {}
    for direction in Direction:
        seen = [observed_pixels(model, judge, target, direction) for model, judge in judged]
        held = [o for o in seen if o is not None]
        if held:
            scaling = fit_scaling(Observed.joined(held), classes=kind == "vector")
            found[direction.value] = scaling
    return Calibration(**found)


def observed_pixels(
    predictor: Predictor, judge: Sampler, target: str, direction: Direction
) -> Observed | None:
    """Valid pixels of the validation windows of a direction; ``None`` if there are none."""
    parts = []
    for values, sample in predicted_windows(predictor, judge, _WINDOWS, direction):
        maps = sample.targets[target]
        if maps.moves[0]:
            used, prior = maps.valid[0], _seen(maps)
            parts.append(Observed(values[target][:, used], prior[used], maps.targets[0][used]))
    if not parts:
        return None
    found = Observed.joined(parts)
    every = slice(None, None, -(-found.prior.size // _MOST))
    return Observed(found.probability[:, every], found.prior[every], found.truth[every])


def _seen(maps: TargetSample) -> npt.NDArray[np.uint8]:
    """The prior as the model sees it, 255 where it is hidden."""
    return np.where(maps.visible, maps.prior, np.uint8(NO_DATA))


def fit_scaling(seen: Observed, *, classes: bool) -> Scaling:
    """The scaling of least log loss (Guo et al. 2017), each class's constant shrunk towards none.

    Args:
        seen: What was said, and what came.
        classes: Whether each class has a constant as well.
    """
    probability, prior, truth = seen.probability, seen.prior, seen.truth
    known = truth < len(probability)
    possible = probability[np.minimum(truth, len(probability) - 1), np.arange(truth.size)] > 0.0
    used = known & possible
    if np.count_nonzero(used & (prior != truth)) < _FEWEST:
        return Scaling()
    logs = np.log(np.maximum(probability[:, used], 1e-12)).astype(np.float64)
    never = probability[:, used] <= 0.0
    stays = prior[used] == np.arange(len(logs))[:, None]
    came = truth[used] == np.arange(len(logs))[:, None]
    size = len(logs) if classes else 0

    def loss(numbers: FloatArray) -> tuple[float, FloatArray]:
        slope, stay, own = np.exp(-numbers[0]), numbers[1], numbers[2:]
        raw = slope * logs + stay * stays
        raw = raw + own[:, None] if size else raw
        raw = np.where(never, -np.inf, raw)
        raw = raw - raw.max(axis=0)
        total = np.log(np.exp(raw).sum(axis=0))
        said = np.exp(raw - total)
        off = said - came
        value = -float(raw[came].sum() - total.sum()) + 0.5 * _SHRINKAGE * float((own**2).sum())
        safe = np.where(never, 0.0, logs)
        gradient = [-(off * slope * safe).sum(), (off * stays).sum()]
        if size:
            gradient += list(off.sum(axis=1) + _SHRINKAGE * own)
        return value / logs.shape[1], np.asarray(gradient) / logs.shape[1]

    found = optimize.minimize(loss, np.zeros(2 + size), jac=True, method="L-BFGS-B").x
    return Scaling(
        float(np.exp(found[0])), float(found[1]), tuple(float(v) for v in found[2:]) if size else ()
    )


def fit_reach(
    judged: Sequence[tuple[Predictor, Sampler]], target: str, calibration: Calibration
) -> float:
    """Over how many pixels errors are correlated, as members of an ensemble should err.

    Neighbours that change together more often than their probabilities say tell it: the
    correlation of what came less what was expected, of pixels side by side.

    Args:
        judged: As for ``fit_calibration``.
        target: A map of classes.
        calibration: How its probabilities are scaled.

    Returns:
        Standard deviation of the kernel of ``allocation.gumbel_noise``, in pixels.
    """
    both = spread = expected = count = 0.0
    for predictor, judge in judged:
        for values, sample in predicted_windows(predictor, judge, _WINDOWS):
            maps = sample.targets[target]
            if not maps.moves[0]:
                continue
            ticks = 1 if sample.calendar[0, 0] > 0 else -1
            said = calibration.of(ticks).applied(values[target], _seen(maps))
            stays = np.take_along_axis(
                said, np.minimum(maps.before, len(said) - 1)[None].astype(np.intp), axis=0
            )[0]
            used = maps.valid[0]
            off = np.where(used, (maps.targets[0] != maps.before) - (1.0 - stays), 0.0)
            pairs = used[:, 1:] & used[:, :-1]
            both += float((off[:, 1:] * off[:, :-1])[pairs].sum())
            spread += float((0.5 * (off[:, 1:] ** 2 + off[:, :-1] ** 2))[pairs].sum())
            expected += float((1.0 - stays)[used].sum())
            count += float(np.count_nonzero(used))
    if spread <= 0.0 or count == 0.0:
        return 0.0
    return reach_of(both / spread, expected / count)


def reach_of(correlation: float, chance: float) -> float:
    """The reach of a normal field whose exceedances are so correlated side by side.

    Args:
        correlation: Of the events at neighbouring pixels.
        chance: Of an event at a pixel, 0…1.
    """
    if correlation <= 0.0 or not 0.0 < chance < 1.0:
        return 0.0
    level = float(special.ndtri(1.0 - chance))

    def off(latent: float) -> float:
        joint = stats.multivariate_normal([0.0, 0.0], [[1.0, latent], [latent, 1.0]])
        together = float(joint.cdf([-level, -level]))
        return (together - chance**2) / (chance * (1.0 - chance)) - correlation

    highest = float(np.exp(-1.0 / (4.0 * _LONGEST**2)))
    if off(highest) <= 0.0:
        return _LONGEST
    latent = optimize.brentq(off, 0.0, highest, xtol=1e-3)
    return float(np.sqrt(-1.0 / (4.0 * np.log(max(latent, 1e-9)))))
