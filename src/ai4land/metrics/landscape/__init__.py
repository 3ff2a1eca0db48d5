"""Scores of pattern: edges between neighbours, and patches."""
