"""A run: branches of years on one journal, worked on piece by piece by any workers."""

from ai4land.rollout.run.books import BOOKS
from ai4land.rollout.run.estimate import RunEstimate, actual_cost, estimate_run, lines_of
from ai4land.rollout.run.options import RunOptions, load_run
from ai4land.rollout.run.running import FinishedRun, reconstruct_run
from ai4land.rollout.run.saving import run_folder, save_rollout
from ai4land.rollout.run.verify import Check, repair_run, verify_run

__all__ = [
    "BOOKS",
    "Check",
    "FinishedRun",
    "RunEstimate",
    "RunOptions",
    "actual_cost",
    "estimate_run",
    "lines_of",
    "load_run",
    "reconstruct_run",
    "repair_run",
    "run_folder",
    "save_rollout",
    "verify_run",
]
