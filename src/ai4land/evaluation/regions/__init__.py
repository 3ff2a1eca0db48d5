"""Regions that people name: standard partitions of a map, rasters and polygons of anybody."""
