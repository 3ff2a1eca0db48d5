"""Contracts that every source and every stepper keeps, as suites that tests inherit."""
