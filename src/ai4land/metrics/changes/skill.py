"""Between floor and ceiling: what a figure of merit is worth where so much could be known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ai4land.metrics.changes.composite import Composite
from ai4land.metrics.changes.three_maps import ThreeMaps
from ai4land.metrics.tables.undefined import ratio, reported

__all__ = ["Skill", "ceiling", "skill"]


@dataclass(frozen=True, slots=True)
class Skill:
    """A figure of merit with what it stands between.

    Attributes:
        figure_of_merit: Of the model.
        floor: Of a random allocation of the same coarse change, on the same pixels.
        ceiling: Share of the true change that is net change of a coarse cell.
        kernel: Of the allocation by a 3 × 3 kernel, if there is one.
    """

    figure_of_merit: float
    floor: float
    ceiling: float
    kernel: float | None = None

    @property
    def value(self) -> float:
        """(figure of merit − floor) / (ceiling − floor): 0 as random, 1 all that can be known."""
        return self._skill(self.figure_of_merit)

    def _skill(self, merit: float) -> float:
        return ratio(merit - self.floor, self.ceiling - self.floor, scale=1.0)

    def scores(self) -> dict[str, Any]:
        """All of it, ready for JSON; 0/0 is ``None``."""
        return {
            "figure_of_merit": reported(self.figure_of_merit),
            "floor": reported(self.floor),
            "kernel": None if self.kernel is None else reported(self.kernel),
            "ceiling": reported(self.ceiling),
            "skill": reported(self.value),
            "kernel_skill": None if self.kernel is None else reported(self._skill(self.kernel)),
        }


def ceiling(fine: ThreeMaps, coarse: Composite) -> float:
    """Net over gross change: the figure of merit of whoever places the net change perfectly.

    Of the change that cancels within a coarse cell nothing can be known from the cell's net
    change; an allocator that places the net change alone misses all of it.

    Args:
        fine: The three maps' table; only initial and reference matter.
        coarse: Their composite table in coarse cells, on the same pixels and weights.

    Returns:
        0…1; NaN if nothing changed.
    """
    return float(np.minimum(1.0, ratio(coarse.net_change, fine.observed_change)))


def skill(
    model: ThreeMaps, floor: ThreeMaps, ceiling: float, kernel: ThreeMaps | None = None
) -> Skill:
    """Put a model's figure of merit between floor and ceiling.

    Args:
        model: The table of the model.
        floor: The table of a random allocation of the coarse change, on the same pixels.
        ceiling: As from the function ``ceiling``.
        kernel: The table of an allocation by a 3 × 3 kernel, likewise.
    """
    return Skill(
        model.figure_of_merit,
        floor.figure_of_merit,
        ceiling,
        None if kernel is None else kernel.figure_of_merit,
    )
