"""Rollouts: steppers move states piece by piece, one step the prior of the next."""

from ai4land.rollout.allocation_stepper import AllocationStepper
from ai4land.rollout.decisions import (
    DECISIONS,
    Asked,
    ClosedBooks,
    Decided,
    Decision,
    MostLikely,
    Undecided,
    decision_data,
    decision_of,
)
from ai4land.rollout.network_stepper import NetworkStepper
from ai4land.rollout.opening import baseline_reader, demand_of, open_network
from ai4land.rollout.saving import save_rollout
from ai4land.rollout.scoring import Beside, beside_truth, score_rollout
from ai4land.rollout.shuffled import shuffled
from ai4land.rollout.start import observed_state, stored_field
from ai4land.rollout.stepper import Moved, Persistence, Stepper, rollout, step
from ai4land.rollout.tiling import Tile, Tiling

__all__ = [
    "DECISIONS",
    "AllocationStepper",
    "Asked",
    "Beside",
    "ClosedBooks",
    "Decided",
    "Decision",
    "MostLikely",
    "Moved",
    "NetworkStepper",
    "Persistence",
    "Stepper",
    "Tile",
    "Tiling",
    "Undecided",
    "baseline_reader",
    "beside_truth",
    "decision_data",
    "decision_of",
    "demand_of",
    "observed_state",
    "open_network",
    "rollout",
    "save_rollout",
    "score_rollout",
    "shuffled",
    "step",
    "stored_field",
]
