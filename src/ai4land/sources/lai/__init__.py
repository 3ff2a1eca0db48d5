"""Leaf area index: composites of four satellite products."""
