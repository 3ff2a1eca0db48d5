"""Elevation: heights and their derivatives from GEBCO and ETOPO."""
