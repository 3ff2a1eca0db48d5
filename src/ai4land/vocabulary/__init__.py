"""The words of AI4Land: variables, clocks, tasks, splits, legends, crosswalks. No array library."""

from ai4land.vocabulary.clocks import Clock
from ai4land.vocabulary.crosswalks import Crosswalk, crosswalk, crosswalk_names
from ai4land.vocabulary.documents import Place, load_strict, read_yaml, validated
from ai4land.vocabulary.legends import (
    NO_DATA,
    Legend,
    LegendClass,
    legend,
    legend_names,
    read_legend,
)
from ai4land.vocabulary.luh2 import (
    LUH2_CROPS,
    LUH2_HARVEST,
    LUH2_STATES,
    LUH2_TRANSITIONS,
    LUH2_WOOD,
)
from ai4land.vocabulary.splits import BlockSplit, SplitOptions, TimeSplit
from ai4land.vocabulary.tasks import (
    LAND_USE,
    LAND_USE_AND_LEAF_AREA,
    LEAF_AREA,
    TASKS,
    Direction,
    Driver,
    Target,
    Task,
    single_task,
    task,
)
from ai4land.vocabulary.variables import (
    VARIABLES,
    Kind,
    Variable,
    check_name,
    nearest_name,
    variable,
)

__all__ = [
    "LAND_USE",
    "LAND_USE_AND_LEAF_AREA",
    "LEAF_AREA",
    "LUH2_CROPS",
    "LUH2_HARVEST",
    "LUH2_STATES",
    "LUH2_TRANSITIONS",
    "LUH2_WOOD",
    "NO_DATA",
    "TASKS",
    "VARIABLES",
    "BlockSplit",
    "Clock",
    "Crosswalk",
    "Direction",
    "Driver",
    "Kind",
    "Legend",
    "LegendClass",
    "Place",
    "SplitOptions",
    "Target",
    "Task",
    "TimeSplit",
    "Variable",
    "check_name",
    "crosswalk",
    "crosswalk_names",
    "legend",
    "legend_names",
    "load_strict",
    "nearest_name",
    "read_legend",
    "read_yaml",
    "single_task",
    "task",
    "validated",
    "variable",
]
