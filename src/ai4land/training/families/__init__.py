"""Trainers of the families that are no networks, and of stacks of any."""

from ai4land.training.families.boosting import BoostingTrainer
from ai4land.training.families.judging import judged, truth_probabilities
from ai4land.training.families.logistic import LogisticTrainer
from ai4land.training.families.markov import MarkovTrainer
from ai4land.training.families.stack import StackTrainer, mixture_weights

__all__ = [
    "BoostingTrainer",
    "LogisticTrainer",
    "MarkovTrainer",
    "StackTrainer",
    "judged",
    "mixture_weights",
    "truth_probabilities",
]
