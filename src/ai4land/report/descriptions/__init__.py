"""Descriptions: what a cube, a checkpoint, a recipe or a dataset is."""
