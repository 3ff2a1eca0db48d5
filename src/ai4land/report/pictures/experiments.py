"""A picture of a comparison: skill against accuracy by decision, and reliability."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ai4land.experiments import BASELINES, CUT, Ledger, Plan, Pool, pools
from ai4land.report.pictures.figures import figure, ordered, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_experiments"]

_MARKERS = {"faithful": "s", "likely": "o", "sampled": "^"}
_BASELINES = {"persistence": "P", "kernel": "D", "kernel, one jump": "d", "random": "X"}
_DEAR = 0.1  # accuracy below persistence beyond which no map is of use
_THIN = 0.001  # share of the pixels below which an interval of probability is not drawn


def draw_experiments(plan: Plan, ledger: Ledger, path: Path) -> Path | None:
    """Draw every case that the ledger holds in a row of its own; ``None`` if it holds none.

    Left, figure of merit against accuracy above persistence at the last step: the curve of
    ``likely`` from timid to bold odds, and each decision's place; right, how often change came
    against how often it was expected, in each interval of probability.

    Args:
        plan: What is compared.
        ledger: What is known.
        path: The PNG.
    """
    every = pools(plan, ledger)
    cases = [case for case in plan.cases if any(pool.case == case for pool in every)]
    if not cases:
        return None
    arms = dict.fromkeys(pool.arm for pool in every if pool.arm != BASELINES)
    looks = {arm: colour for arm, (colour, _) in ordered(list(arms)).items()}
    with figure(10.0, 3.6 * len(cases)) as drawn:
        for n, case in enumerate(cases):
            here = [pool for pool in every if pool.case == case]
            _trade(drawn.add_subplot(len(cases), 2, 2 * n + 1), here, looks)
            _reliable(drawn.add_subplot(len(cases), 2, 2 * n + 2), here, looks)
        return save(drawn, path)


def _trade(axes: Axes, here: Sequence[Pool], looks: dict[str, str]) -> None:
    for pool in here:
        colour = "#777777" if pool.arm == BASELINES else looks[pool.arm]
        curve = [(found.gain, found.figure_of_merit) for _, found in pool.curve()]
        if curve:
            axes.plot(*zip(*curve, strict=True), color=colour, linewidth=1.0, alpha=0.7)
        for name in pool.names:
            row = pool.row(name)
            if row is None or name == CUT:
                continue
            last, mine = row.sums.leads[-1], pool.arm != BASELINES
            label = f"{pool.arm}, {name}" if mine else name
            marker = (_MARKERS if mine else _BASELINES).get(name, ".")
            axes.scatter(last.gain, last.figure_of_merit, color=colour, marker=marker, label=label)
    axes.axvline(0.0, color="#bbbbbb", linewidth=0.6)
    axes.set_xlim(left=-_DEAR)
    axes.set_title(f"{here[0].case}, {here[0].ticks[-1]}: figure of merit")
    axes.set_xlabel("accuracy above persistence; line: likely, from timid to bold")
    axes.legend(fontsize=6.5)


def _reliable(axes: Axes, here: Sequence[Pool], looks: dict[str, str]) -> None:
    axes.plot((0, 1), (0, 1), color="#bbbbbb", linewidth=0.6)
    for pool in here[1:]:
        for name, dash in (("first", "-"), ("last", ":")):
            found = pool.probable(name)
            if found is None or (name == "last" and len(pool.ticks) == 1):
                continue
            table = found.change
            held = table[:, 0] > np.maximum(_THIN * table[:, 0].sum(), 0.0)
            weight, said, came = table[held].T
            axes.plot(
                said / weight,
                came / weight,
                dash,
                color=looks[pool.arm],
                marker=".",
                label=f"{pool.arm}, {name} step",
            )
    axes.set_title("change that came (up) and was expected (across)")
    axes.legend(fontsize=6.5)
