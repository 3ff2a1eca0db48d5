"""Rollouts: steppers move states piece by piece, one step the prior of the next."""

from ai4land.rollout.allocation_stepper import AllocationStepper
from ai4land.rollout.belief import Belief, standing
from ai4land.rollout.deciding import Wish, decided_on
from ai4land.rollout.decisions import (
    DECISIONS,
    Asked,
    Decided,
    Decision,
    Decisions,
    Faithful,
    Likely,
    Recurrence,
    Sampled,
    Undecided,
    decision_data,
    decision_of,
)
from ai4land.rollout.expectation import ODDS, Expected, Outlook, choose_odds
from ai4land.rollout.levers import LeverOptions, Levers
from ai4land.rollout.masked import masked, masked_scores, nearest_visible
from ai4land.rollout.opening import as_trained, cube_assembler, demand_of, open_model
from ai4land.rollout.predictor_stepper import PredictorStepper
from ai4land.rollout.provenance import domain_warnings, prediction_attributes
from ai4land.rollout.run import (
    BOOKS,
    Check,
    FinishedRun,
    RunEstimate,
    RunOptions,
    actual_cost,
    estimate_run,
    lines_of,
    load_run,
    reconstruct_run,
    repair_run,
    run_folder,
    save_rollout,
    verify_run,
)
from ai4land.rollout.scoring import ScoredStep, score_rollout, steps_with_truth
from ai4land.rollout.shuffled import shuffled
from ai4land.rollout.start import observed_state, stored_field
from ai4land.rollout.stepper import Moved, Persistence, Stepper, begun, rollout, step
from ai4land.rollout.tiling import Tile, Tiling
from ai4land.rollout.unplaced import (
    UNPLACED,
    Unplaced,
    unplaced_change,
    unplaced_of,
    unplaced_warnings,
)

__all__ = [
    "BOOKS",
    "DECISIONS",
    "ODDS",
    "UNPLACED",
    "AllocationStepper",
    "Asked",
    "Belief",
    "Check",
    "Decided",
    "Decision",
    "Decisions",
    "Expected",
    "Faithful",
    "FinishedRun",
    "LeverOptions",
    "Levers",
    "Likely",
    "Moved",
    "Outlook",
    "Persistence",
    "PredictorStepper",
    "Recurrence",
    "RunEstimate",
    "RunOptions",
    "Sampled",
    "ScoredStep",
    "Stepper",
    "Tile",
    "Tiling",
    "Undecided",
    "Unplaced",
    "Wish",
    "actual_cost",
    "as_trained",
    "begun",
    "choose_odds",
    "cube_assembler",
    "decided_on",
    "decision_data",
    "decision_of",
    "demand_of",
    "domain_warnings",
    "estimate_run",
    "lines_of",
    "load_run",
    "masked",
    "masked_scores",
    "nearest_visible",
    "observed_state",
    "open_model",
    "prediction_attributes",
    "reconstruct_run",
    "repair_run",
    "rollout",
    "run_folder",
    "save_rollout",
    "score_rollout",
    "shuffled",
    "standing",
    "step",
    "steps_with_truth",
    "stored_field",
    "unplaced_change",
    "unplaced_of",
    "unplaced_warnings",
    "verify_run",
]
