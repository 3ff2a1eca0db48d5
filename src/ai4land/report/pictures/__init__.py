"""Pictures: maps, curves and coverage as files, drawn with matplotlib."""
