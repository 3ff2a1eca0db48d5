"""LUH2 and LUH3: states, transitions and management of land use on quarter degrees."""
