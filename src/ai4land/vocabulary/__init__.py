"""The words of AI4Land: variables, clocks, tasks, legends and crosswalks. No array library."""

from ai4land.vocabulary.clocks import Clock
from ai4land.vocabulary.crosswalks import Crosswalk, crosswalk, crosswalk_names
from ai4land.vocabulary.documents import parse_document, read_document
from ai4land.vocabulary.legends import (
    NO_DATA,
    Legend,
    LegendClass,
    legend,
    legend_names,
    read_legend,
)
from ai4land.vocabulary.tasks import LAND_USE, TASKS, Direction, Task, task
from ai4land.vocabulary.variables import (
    LUH2_STATES,
    VARIABLES,
    Kind,
    Variable,
    nearest_name,
    variable,
)

__all__ = [
    "LAND_USE",
    "LUH2_STATES",
    "NO_DATA",
    "TASKS",
    "VARIABLES",
    "Clock",
    "Crosswalk",
    "Direction",
    "Kind",
    "Legend",
    "LegendClass",
    "Task",
    "Variable",
    "crosswalk",
    "crosswalk_names",
    "legend",
    "legend_names",
    "nearest_name",
    "parse_document",
    "read_document",
    "read_legend",
    "task",
    "variable",
]
