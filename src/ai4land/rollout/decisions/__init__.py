"""Decisions: how the class probabilities of a piece become a map."""

from ai4land.rollout.decisions.by_odds import Faithful, Likely
from ai4land.rollout.decisions.chosen import Decisions
from ai4land.rollout.decisions.recurrence import Recurrence
from ai4land.rollout.decisions.sampled import Sampled
from ai4land.rollout.decisions.table import DECISIONS, decision_data, decision_of
from ai4land.rollout.decisions.undecided import Asked, Decided, Decision, Undecided

__all__ = [
    "DECISIONS",
    "Asked",
    "Decided",
    "Decision",
    "Decisions",
    "Faithful",
    "Likely",
    "Recurrence",
    "Sampled",
    "Undecided",
    "decision_data",
    "decision_of",
]
