"""The synthetic planet itself: ground, climate, people, land use and their coarse products."""
