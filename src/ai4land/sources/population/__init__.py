"""Population: people per cell of gridded censuses and projections."""
