"""Placing what coarse cells say about areas on a fine map of classes."""

from ai4land.allocation.assignment import assign
from ai4land.allocation.balance import balance
from ai4land.allocation.cells import CoarseCells
from ai4land.allocation.draws import draws, gumbel_noise
from ai4land.allocation.exchange import Allocation, allocate_kernel, allocate_random
from ai4land.allocation.flows import (
    balance_flows,
    fit_flows,
    flow_rates,
    flow_targets,
    net_flows,
    refined,
)
from ai4land.allocation.quantities import group_sums, net_change, target_counts
from ai4land.allocation.shuffling import shuffle

__all__ = [
    "Allocation",
    "CoarseCells",
    "allocate_kernel",
    "allocate_random",
    "assign",
    "balance",
    "balance_flows",
    "draws",
    "fit_flows",
    "flow_rates",
    "flow_targets",
    "group_sums",
    "gumbel_noise",
    "net_change",
    "net_flows",
    "refined",
    "shuffle",
    "target_counts",
]
