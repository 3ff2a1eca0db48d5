"""Scores of class maps and of their change, always beside persistence. NumPy only."""

from ai4land.metrics.change import ThreeMaps, change_scores, three_maps
from ai4land.metrics.confusion import Confusion, classification_scores, confusion
from ai4land.metrics.domain import Protocol, index_map, valid_mask
from ai4land.metrics.leads import LeadScores, RolloutScores, score_step
from ai4land.metrics.rasters import score_rasters
from ai4land.metrics.summary import summarise, table_one

__all__ = [
    "Confusion",
    "LeadScores",
    "Protocol",
    "RolloutScores",
    "ThreeMaps",
    "change_scores",
    "classification_scores",
    "confusion",
    "index_map",
    "score_rasters",
    "score_step",
    "summarise",
    "table_one",
    "three_maps",
    "valid_mask",
]
