"""The cube: a multi-resolution Zarr v3 store that a person can open with xarray."""

from ai4land.cube.blocks import Block, BlockWriter, full_disk_named
from ai4land.cube.cache import ArrayCache
from ai4land.cube.census import VariableCensus, census
from ai4land.cube.datasets import grid_mapping, open_datasets
from ai4land.cube.flags import evidence, flagged, status_by_year, years_behind
from ai4land.cube.schema import CubeSpec, GroupSpec, Status, VariableSpec, whole_shard
from ai4land.cube.state import Field, Reference, State
from ai4land.cube.store import Cube, status_name, time_name
from ai4land.cube.views import ArrayView, StoreView, View
from ai4land.cube.writer import CubeWriter, declare, finish

__all__ = [
    "ArrayCache",
    "ArrayView",
    "Block",
    "BlockWriter",
    "Cube",
    "CubeSpec",
    "CubeWriter",
    "Field",
    "GroupSpec",
    "Reference",
    "State",
    "Status",
    "StoreView",
    "VariableCensus",
    "VariableSpec",
    "View",
    "census",
    "declare",
    "evidence",
    "finish",
    "flagged",
    "full_disk_named",
    "grid_mapping",
    "open_datasets",
    "status_by_year",
    "status_name",
    "time_name",
    "whole_shard",
    "years_behind",
]
