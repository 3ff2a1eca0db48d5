"""Scores of change: three maps in pixels, cells and squares, and change in time."""
