"""Carbon dioxide: one number a year from tables and forcing files."""
