"""Scores of class maps and of their change, always beside persistence.

All scores are functions of sums that add (``Sums``): compute them per tile, year, region or worker
and add, with ``by`` per region, with ``reduce_blocks`` for maps larger than memory, and with
``bootstrap`` for how sure they are.
"""

from ai4land.metrics.changes.composite import Composite, cell_areas, composite, composite_table
from ai4land.metrics.changes.flicker import Flicker, flicker
from ai4land.metrics.changes.fuzzy import fuzzy_kappa_simulation
from ai4land.metrics.changes.rates import SEAMS, ChangeRates, change_rates
from ai4land.metrics.changes.resolutions import FACTORS, Resolutions, resolutions
from ai4land.metrics.changes.skill import Skill, ceiling, skill
from ai4land.metrics.changes.three_maps import ThreeMaps, change_scores, three_maps
from ai4land.metrics.changes.tolerance import TolerantChange, reach, tolerant_change
from ai4land.metrics.landscape.edges import Edges, edge_lengths, edges
from ai4land.metrics.landscape.patches import (
    LANDSCAPE,
    configuration_disagreement,
    landscape_metrics,
)
from ai4land.metrics.leads import (
    LeadScores,
    RolloutScores,
    rollouts_by_region,
    score_step,
)
from ai4land.metrics.rasters import (
    CodesFound,
    RasterSums,
    RasterTally,
    codes_found,
    score_rasters,
    tally_rasters,
)
from ai4land.metrics.scores.confusion import Confusion, classification_scores, confusion
from ai4land.metrics.scores.ensembles import RankHistogram, rank_histogram
from ai4land.metrics.scores.fidelity import THRESHOLDS, Fidelity, fidelity, unclosed_area
from ai4land.metrics.scores.numbers import NumberSums
from ai4land.metrics.scores.operating import Operating, OperatingCurve, operating, probability_edges
from ai4land.metrics.scores.probabilities import Reliability, reliability
from ai4land.metrics.summary import summarise, table_one
from ai4land.metrics.tables.binned import Binned, by
from ai4land.metrics.tables.bootstrap import Interval, Resampled, bootstrap, paired_difference
from ai4land.metrics.tables.counting import numbered
from ai4land.metrics.tables.domain import ScoredClasses, index_map, valid_mask
from ai4land.metrics.tables.regions import (
    COMPLETE,
    CompleteCells,
    coarse_cells,
    complete_cells,
    latitude_bands,
    squares,
)
from ai4land.metrics.tables.streaming import Adds, Blockwise, add_up, reduce_blocks
from ai4land.metrics.tables.sums import Sums
from ai4land.metrics.tables.undefined import mean_defined, mean_of, quotient, ratio

__all__ = [
    "COMPLETE",
    "FACTORS",
    "LANDSCAPE",
    "SEAMS",
    "THRESHOLDS",
    "Adds",
    "Binned",
    "Blockwise",
    "ChangeRates",
    "CodesFound",
    "CompleteCells",
    "Composite",
    "Confusion",
    "Edges",
    "Fidelity",
    "Flicker",
    "Interval",
    "LeadScores",
    "NumberSums",
    "Operating",
    "OperatingCurve",
    "RankHistogram",
    "RasterSums",
    "RasterTally",
    "Reliability",
    "Resampled",
    "Resolutions",
    "RolloutScores",
    "ScoredClasses",
    "Skill",
    "Sums",
    "ThreeMaps",
    "TolerantChange",
    "add_up",
    "bootstrap",
    "by",
    "ceiling",
    "cell_areas",
    "change_rates",
    "change_scores",
    "classification_scores",
    "coarse_cells",
    "codes_found",
    "complete_cells",
    "composite",
    "composite_table",
    "configuration_disagreement",
    "confusion",
    "edge_lengths",
    "edges",
    "fidelity",
    "flicker",
    "fuzzy_kappa_simulation",
    "index_map",
    "landscape_metrics",
    "latitude_bands",
    "mean_defined",
    "mean_of",
    "numbered",
    "operating",
    "paired_difference",
    "probability_edges",
    "quotient",
    "rank_histogram",
    "ratio",
    "reach",
    "reduce_blocks",
    "reliability",
    "resolutions",
    "rollouts_by_region",
    "score_rasters",
    "score_step",
    "skill",
    "squares",
    "summarise",
    "table_one",
    "tally_rasters",
    "three_maps",
    "tolerant_change",
    "unclosed_area",
    "valid_mask",
]
