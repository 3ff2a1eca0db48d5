"""Training: an experiment in, a checkpoint out."""

from ai4land.training.experiment import Experiment, TrainingOptions, load_experiment
from ai4land.training.loop import train

__all__ = ["Experiment", "TrainingOptions", "load_experiment", "train"]
