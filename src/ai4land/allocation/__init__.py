"""Placing what coarse cells say about areas on a fine map of classes."""

from ai4land.allocation.balance import balance
from ai4land.allocation.books import close_books
from ai4land.allocation.cells import CoarseCells
from ai4land.allocation.draws import draws
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
    "balance",
    "balance_flows",
    "close_books",
    "draws",
    "fit_flows",
    "flow_rates",
    "flow_targets",
    "group_sums",
    "net_change",
    "net_flows",
    "refined",
    "shuffle",
    "target_counts",
]
