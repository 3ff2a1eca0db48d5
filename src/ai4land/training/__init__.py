"""Training: an experiment in, a checkpoint out."""

from ai4land.training.experiment import (
    PATHS,
    Experiment,
    RegionOptions,
    SeriesOptions,
    TrainingOptions,
    load_experiment,
)
from ai4land.training.loss_options import LossOptions
from ai4land.training.setting import Region, Setting, assembled, first_labels, opened, prepare
from ai4land.training.train import TRAINERS, train
from ai4land.training.trainer import Progress, Report, Trained, Trainer

__all__ = [
    "PATHS",
    "TRAINERS",
    "Experiment",
    "LossOptions",
    "Progress",
    "Region",
    "RegionOptions",
    "Report",
    "SeriesOptions",
    "Setting",
    "Trained",
    "Trainer",
    "TrainingOptions",
    "assembled",
    "first_labels",
    "load_experiment",
    "opened",
    "prepare",
    "train",
]
