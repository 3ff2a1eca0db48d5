"""HILDA+: annual maps of land use and land cover at 0.01°."""
