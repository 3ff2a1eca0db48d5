"""The synthetic planet itself: ground, climate, people and land use, and what products see."""
