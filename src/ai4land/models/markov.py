"""A Markov chain: which class follows which, whatever the place, fitted to each coarse cell."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.linalg import fractional_matrix_power

from ai4land.errors import CheckpointError
from ai4land.models.class_options import ClassModelOptions, class_options, class_target
from ai4land.models.expectation import translated
from ai4land.models.inputs import Inputs, InputSpec
from ai4land.models.predictor import Untrained

__all__ = [
    "Markov",
    "MarkovOptions",
    "build",
    "combine",
    "fitted_rows",
    "load_predictor",
]

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]

FILE = "transitions.json"
_STEPS = 25  # of Newton; half of them are enough but for classes that come out of nothing
_STRIDE = 2.0  # largest change of a log factor in one of them
_CEILING = 15.0  # of log factors, where structural zeros leave no solution
_ENOUGH = 1e-6  # share of a cell that may stay open


class MarkovOptions(ClassModelOptions):
    """Options of the chain.

    Attributes:
        fitted: Whether the rows are fitted to the coarse change of each cell.
    """

    name: Literal["markov"] = "markov"
    fitted: bool = True


class Markov:
    """Class probabilities from the class of the prior and the coarse change of its cell alone.

    The chances of a step are counted, one matrix for each step length; of other lengths they are
    powers of the nearest. Where the forcing translates into the classes, the rows are fitted so
    that the cell's expected shares are those at the target time, see ``fitted_rows``. Where the
    prior is hidden the probabilities are those shares, or else the frequencies of training.

    Args:
        spec: The inputs.
        counts: Length of a step in years, below 0 backward → pixels by class before and after,
            ``(K, K)``.
        options: Options.
    """

    multiple = 1

    def __init__(
        self,
        spec: InputSpec,
        counts: Mapping[float, npt.NDArray[np.int64]],
        options: MarkovOptions | None = None,
    ) -> None:
        self.spec = spec
        self.target = class_target(spec, "markov")
        self.counts = {years: np.asarray(counts[years]) for years in sorted(counts)}
        self.options = options or MarkovOptions()

    def to_dict(self) -> dict[str, Any]:
        """Options as plain data."""
        return self.options.model_dump(mode="json")

    def members(self) -> tuple[Markov, ...]:
        """Itself."""
        return (self,)

    def save(self, folder: Path) -> None:
        """Write what was counted."""
        held = [{"years": years, "counts": table.tolist()} for years, table in self.counts.items()]
        (folder / FILE).write_text(json.dumps(held) + "\n", encoding="utf-8")

    def followers(self, target: str) -> npt.NDArray[np.bool_] | None:
        """Which class was seen to follow which, ``(2, K, K)`` forward and backward."""
        if target != self.target.name:
            return None
        return np.stack([self._possible(backward) for backward in (False, True)])

    def _possible(self, backward: bool) -> npt.NDArray[np.bool_]:
        """What may follow what; a class may always stay; all is possible if none is known."""
        size = self.target.layers
        tables = [t for years, t in self.counts.items() if (years < 0) is backward]
        total = np.sum(tables, axis=0) if tables else np.zeros((size, size))
        return np.asarray((total > 0) | np.eye(size, dtype=bool) | (not total.any()))

    def chances(self, years: float) -> DoubleArray:
        """Chances ``(K, K)`` from class to class in a step of so many years, below 0 backward."""
        same = [held for held in self.counts if (held < 0) is (years < 0)]
        size = self.target.layers
        if not same or years == 0:
            return np.eye(size)
        near = min(same, key=lambda held: abs(np.log(held / years)))
        table = self.counts[near].astype(np.float64)
        table[table.sum(axis=1) == 0] = np.eye(size)[table.sum(axis=1) == 0]
        matrix = table / table.sum(axis=1, keepdims=True)
        return matrix if near == years else _power(matrix, years / near)

    def predict(self, inputs: Inputs[Array]) -> dict[str, FloatArray]:
        """Class probabilities ``(B, K, Y, X)``."""
        seen = inputs.targets[self.target.name]
        prior = np.where(seen.visible > 0, np.nan_to_num(seen.prior), 0.0).astype(np.float32)
        before = after = np.zeros_like(prior)
        if self.spec.bound == self.target.name:
            before = translated(self.spec, inputs.forcing_prior)
            after = translated(self.spec, inputs.forcing_target)
        parts = [
            self._window(float(years), *window)
            for years, *window in zip(inputs.calendar[:, 0], prior, before, after, strict=True)
        ]
        return {self.target.name: np.stack(parts)}

    def _window(
        self, years: float, prior: FloatArray, before: FloatArray, after: FloatArray
    ) -> FloatArray:
        """One window ``(K, Y, X)``."""
        size, shape = len(prior), prior.shape[1:]
        chances = self.chances(years)
        pairs, cell = _distinct(np.concatenate([before, after]).reshape(2 * size, -1).T)
        rows = np.broadcast_to(chances, (len(pairs), size, size))
        if self.options.fitted:
            rows = fitted_rows(chances, pairs[:, :size], pairs[:, size:])
        pixels = prior.reshape(size, -1)
        found = np.zeros((pixels.shape[1], size), np.float32)
        rows = rows.astype(np.float32)
        for k, layer in enumerate(pixels):  # of one class most are 0
            (there,) = np.nonzero(layer)
            found[there] += layer[there, None] * rows[cell[there], k]
        share = pairs[:, size:].astype(np.float32)
        total = share.sum(axis=1, keepdims=True)
        share = np.where(total > 0, share / np.maximum(total, 1e-6), self._common(years < 0))
        found += (1.0 - found.sum(axis=1, keepdims=True)).clip(0.0) * share[cell]
        found /= found.sum(axis=1, keepdims=True)
        return np.ascontiguousarray(found.T.reshape(size, *shape))

    def _common(self, backward: bool) -> FloatArray:
        """Frequencies ``(K,)`` of the classes after the steps of a direction."""
        tables = [t for years, t in self.counts.items() if (years < 0) is backward]
        total = np.sum(tables, axis=(0, 1)) if tables else np.ones(self.target.layers)
        return np.asarray(total / total.sum() if total.any() else 1.0 / len(total), np.float32)


def fitted_rows(chances: Array, before: Array, after: Array) -> DoubleArray:
    """Chances of each cell whose expected shares follow the coarse change.

    The rows are ``chances[j, k] · v[k]``, divided by their sums: the chain nearest to the given one
    in relative entropy (Sinkhorn 1967; Deming and Stephan 1940) whose shares go from ``before`` to
    ``after``. The factors v are found by Newton's method on the convex dual, as proportional
    fitting takes thousands of turns where most land stays as it is. What the zeros of ``chances``
    do not allow stays open.

    Args:
        chances: ``(K, K)`` from class to class, rows sum to 1.
        before: ``(N, K)`` shares of the classes in each cell; brought to a sum of 1.
        after: The same after the step. Cells without any share at either time are not fitted.

    Returns:
        ``(N, K, K)``, rows sum to 1.
    """
    size = len(chances)
    before, after = np.asarray(before, np.float64), np.asarray(after, np.float64)
    sums = [np.maximum(part, 0).sum(axis=1, keepdims=True) for part in (before, after)]
    known = np.logical_and(*(total[:, 0] > 0 for total in sums))
    found = np.repeat(np.asarray(chances, np.float64)[None], len(before), axis=0)
    held, wanted = (
        np.maximum(part, 0)[known] / total[known]
        for part, total in zip((before, after), sums, strict=True)
    )
    factors = np.zeros_like(held)  # logarithms of v
    rows = found[known]
    for _ in range(_STEPS):
        expected = np.einsum("nj,njk->nk", held, rows)
        open_ = wanted - expected
        if not open_.size or np.abs(open_).max() < _ENOUGH:
            break
        curve = -np.einsum("nj,njk,njl->nkl", held, rows, rows)
        place = np.arange(size)
        # the ridge is there for factors that change nothing, as all of them together do
        curve[:, place, place] += expected + 1e-9
        step = np.linalg.solve(curve, open_[:, :, None])[:, :, 0]
        step -= step.mean(axis=1, keepdims=True)
        factors = np.clip(factors + np.clip(step, -_STRIDE, _STRIDE), -_CEILING, _CEILING)
        rows = chances * np.exp(factors - factors.max(axis=1, keepdims=True))[:, None]
        total = rows.sum(axis=2, keepdims=True)
        rows = np.where(total > 0, rows / np.maximum(total, 1e-300), chances)
    found[known] = rows
    return found


def build(architecture: Mapping[str, Any], spec: InputSpec) -> Untrained:
    """What a chain would be.

    Raises:
        ConfigError: If an option is unknown, or there is no map of classes.
    """
    class_options(MarkovOptions, architecture)
    return Untrained(1, 2 * class_target(spec, "markov").layers ** 2)


def combine(predictors: Sequence[Markov]) -> Markov:
    """One chain of what several counted."""
    first, total = predictors[0], dict[float, npt.NDArray[np.int64]]()
    for predictor in predictors:
        for years, table in predictor.counts.items():
            total[years] = total.get(years, 0) + table
    return Markov(first.spec, total, first.options) if len(predictors) > 1 else first


def load_predictor(
    architecture: Mapping[str, Any], spec: InputSpec, folder: Path, device: str = "cpu"
) -> Markov:
    """Load what ``Markov.save`` wrote.

    Raises:
        ConfigError: If an option is unknown.
        CheckpointError: If the counts are damaged or of other classes.
    """
    options = class_options(MarkovOptions, architecture)
    size = class_target(spec, "markov").layers
    try:
        held = json.loads((folder / FILE).read_text(encoding="utf-8"))
        counts = {float(one["years"]): np.array(one["counts"], np.int64) for one in held}
        if any(table.shape != (size, size) for table in counts.values()):
            raise ValueError(f"{size} classes expected")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            "The transitions do not fit the classes", where=folder / FILE, found=error
        ) from error
    return Markov(spec, counts, options)


def _power(matrix: DoubleArray, exponent: float) -> DoubleArray:
    """A power of chances; roots may leave negative ones, which are set to 0 and the rest scaled.

    Kreinin and Sidelnikova (2001), Regularization algorithms for transition matrices.
    """
    if exponent == round(exponent):
        return np.linalg.matrix_power(matrix, round(exponent))
    found = np.maximum(np.real(fractional_matrix_power(matrix, exponent)), 0.0)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _distinct(rows: FloatArray) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """Distinct rows ``(N, C)`` of ``(n, C)``, and which of them each row is."""
    rows = np.ascontiguousarray(rows)
    whole = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))[:, 0]
    _, first, which = np.unique(whole, return_index=True, return_inverse=True)
    return rows[first], which
