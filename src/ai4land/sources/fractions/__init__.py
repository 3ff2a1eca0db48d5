"""Fractions: shares of land use of any model, in NetCDF."""
