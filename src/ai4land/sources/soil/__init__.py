"""Soil: sand, clay, organic matter, texture and land parameters."""
