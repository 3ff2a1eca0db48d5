"""Checks: whether a recipe or an experiment can run."""
