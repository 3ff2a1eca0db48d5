"""Placing what coarse cells say about areas on a fine map of classes."""

from ai4land.allocation.assignment import assign
from ai4land.allocation.balance import balance
from ai4land.allocation.cells import CoarseCells
from ai4land.allocation.draws import draws, gumbel_noise
from ai4land.allocation.exchange import Allocation, allocate_kernel, allocate_random
from ai4land.allocation.quantities import group_sums, net_change, target_counts
from ai4land.allocation.shuffling import shuffle

__all__ = [
    "Allocation",
    "CoarseCells",
    "allocate_kernel",
    "allocate_random",
    "assign",
    "balance",
    "draws",
    "group_sums",
    "gumbel_noise",
    "net_change",
    "shuffle",
    "target_counts",
]
