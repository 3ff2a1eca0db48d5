"""Rollouts: steppers move states, one step the prior of the next, forward or backward."""

from ai4land.rollout.allocating import AllocationStepper, ClosedBooks
from ai4land.rollout.decision import Decision
from ai4land.rollout.network import NetworkStepper
from ai4land.rollout.opening import baseline_reader, demand_since, open_network
from ai4land.rollout.provenance import domain_warnings, prediction_attributes
from ai4land.rollout.saving import save_rollout
from ai4land.rollout.scoring import ScoredStep, score_rollout, steps_with_truth
from ai4land.rollout.shuffled import shuffled
from ai4land.rollout.start import observed_state
from ai4land.rollout.stepper import Persistence, Stepper, rollout
from ai4land.rollout.tiling import Tiling, sweep

__all__ = [
    "AllocationStepper",
    "ClosedBooks",
    "Decision",
    "NetworkStepper",
    "Persistence",
    "ScoredStep",
    "Stepper",
    "Tiling",
    "baseline_reader",
    "demand_since",
    "domain_warnings",
    "observed_state",
    "open_network",
    "prediction_attributes",
    "rollout",
    "save_rollout",
    "score_rollout",
    "shuffled",
    "steps_with_truth",
    "sweep",
]
