"""Scores of two maps, of numbers, probabilities and ensembles, and of a map against its forcing."""
