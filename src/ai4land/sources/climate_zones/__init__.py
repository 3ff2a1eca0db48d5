"""Climate zones: maps of Köppen classes of three editions."""
