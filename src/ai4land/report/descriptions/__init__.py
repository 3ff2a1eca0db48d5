"""Descriptions: what a cube, a checkpoint, a recipe or a product is."""
