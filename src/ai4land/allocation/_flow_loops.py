"""The inner loops over matrices of flows, in the part of Python that numba compiles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["fit_cells", "round_cells"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_ROUNDS, _HALVINGS, _LONGEST = 60, 12, 2.0  # of Newton's method
_CLOSE, _ENOUGH = 1e-7, 1e-3  # pixels by which a margin may be missed: aimed at, accepted
_BEYOND = 1e6  # cost of leaving the two whole numbers around a fit
_LEAST = 0.01  # pixels below which a fit counts as that much, in relative error
_SAME = 1e-6  # pixels within which a fit is the whole number it seems to be


def fit_cells(
    rates: FloatArray,
    spare: FloatArray,
    held: FloatArray,
    wanted: FloatArray,
    lent: float,
    fitted: FloatArray,
) -> None:
    """Find the factor of every column with which each cell's rows lead to what is wanted.

    Row j sends ``held[j] · r[j, k] · exp(y[k]) / Σ`` to k. The columns' sums less ``wanted`` are
    the gradient, in y, of ``Σ held · log Σ r · exp(y) − Σ wanted · y``, which is convex.

    Args:
        rates: Where each row goes, ``(cells, G, G)``, rows sum to 1.
        spare: Rates that lead to what is wanted, ``(cells, G, G)``.
        held: Sums of the rows, ``(cells, G)``.
        wanted: Sums of the columns, ``(cells, G)``.
        lent: Part of ``spare`` added where ``rates`` alone do not lead there.
        fitted: The result, ``(cells, G, G)``.
    """
    size = held.shape[1]
    share, curve = np.zeros((size, size)), np.zeros((size, size))
    for cell in range(held.shape[0]):
        have, want = held[cell], wanted[cell]
        for attempt in range(2):
            seed = (rates[cell] + attempt * lent * spare[cell]) * (want > 0.0)
            y, step, length = np.zeros(size), np.zeros(size), 0.0
            worth = np.inf
            for _ in range(_ROUNDS):
                for _ in range(_HALVINGS):
                    trial, now = y - length * step, 0.0
                    factor, top = np.exp(trial - trial.max()), trial.max()
                    for j in range(size):
                        total = max((seed[j] * factor).sum(), 1e-300)
                        share[j] = seed[j] * factor / total
                        now += have[j] * (np.log(total) + top) - want[j] * trial[j]
                    if now <= worth + 1e-12 * abs(worth):
                        break
                    length *= 0.5
                y, worth = trial, now
                slope = -want
                curve[:] = 0.0
                for j in range(size):
                    slope += have[j] * share[j]
                    for k in range(size):
                        curve[k, k] += have[j] * share[j, k]
                        for i in range(size):
                            curve[k, i] -= have[j] * share[j, k] * share[j, i]
                error = np.abs(slope).max()
                if error < _CLOSE:
                    break
                for k in range(size):
                    curve[k, k] += 1e-9 * (1.0 + want[k])  # a factor common to all is free
                step = np.linalg.solve(curve, slope)
                step -= step.mean()
                length = min(1.0, _LONGEST / max(np.abs(step).max(), 1e-300))
            if error < _ENOUGH:
                break
        for j in range(size):
            fitted[cell, j] = have[j] * share[j]


def round_cells(fitted: FloatArray, held: IntArray, wanted: IntArray, whole: IntArray) -> None:
    """Whole numbers next to the fitted ones with exactly the sums of rows and columns.

    A transport problem whose costs are squared errors relative to the fit: the nearest whole
    numbers are the optimum for their own sums, and every augmentation along a cheapest path of
    additions and subtractions keeps it one (Ahuja, Magnanti & Orlin 1993, Network Flows, ch. 14).

    Args:
        fitted: ``(cells, G, G)``.
        held: Sums of the rows, ``(cells, G)``.
        wanted: Sums of the columns, ``(cells, G)``; each cell's total is that of ``held``.
        whole: The result, ``(cells, G, G)``.
    """
    size = held.shape[1]
    lack = np.zeros(2 * size, np.int64)  # rows, then columns: what is still to be added
    distance, came = np.empty(2 * size), np.empty(2 * size, np.int64)
    for cell in range(held.shape[0]):
        fit, out = fitted[cell], whole[cell]
        for g in range(size):
            lack[g], lack[size + g] = held[cell, g], wanted[cell, g]
        for j in range(size):
            for k in range(size):
                out[j, k] = int(np.floor(fit[j, k] + 0.5))
                lack[j] -= out[j, k]
                lack[size + k] -= out[j, k]
        while True:
            supply = False
            for node in range(2 * size):
                # a row that lacks, or a column that has too much
                begins = lack[node] > 0 if node < size else lack[node] < 0
                distance[node], came[node] = 0.0 if begins else np.inf, -1
                supply = supply or begins
            if not supply:
                break
            changed = True
            while changed:
                changed = False
                for j in range(size):
                    for k in range(size):
                        over, near = out[j, k] - fit[j, k], max(fit[j, k], _LEAST)
                        more, less = (1.0 + 2.0 * over) / near, (1.0 - 2.0 * over) / near
                        if out[j, k] >= np.ceil(fit[j, k] - _SAME):
                            more += _BEYOND
                        if out[j, k] <= np.floor(fit[j, k] + _SAME):
                            less += _BEYOND
                        if distance[j] + more < distance[size + k] - 1e-9:
                            distance[size + k], came[size + k], changed = (
                                distance[j] + more,
                                j,
                                True,
                            )
                        if out[j, k] > 0 and distance[size + k] + less < distance[j] - 1e-9:
                            distance[j], came[j], changed = (
                                distance[size + k] + less,
                                size + k,
                                True,
                            )
            end = -1
            for node in range(2 * size):
                ends = lack[node] < 0 if node < size else lack[node] > 0
                if ends and (end < 0 or distance[node] < distance[end]):
                    end = node
            lack[end] += 1 if end < size else -1
            while came[end] >= 0:
                before = came[end]
                if before < size:
                    out[before, end - size] += 1
                else:
                    out[end, before - size] -= 1
                end = before
            lack[end] += -1 if end < size else 1
