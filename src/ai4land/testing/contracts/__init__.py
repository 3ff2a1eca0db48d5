"""Contracts that sources, steppers, predictors and drivers keep; a suite each to inherit."""
