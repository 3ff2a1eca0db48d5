"""The cube: a multi-resolution Zarr v3 store that a person can open with xarray."""

from ai4land.cube.blocks import Block, BlockWriter
from ai4land.cube.datasets import open_datasets
from ai4land.cube.flags import flagged, status_by_year, years_behind
from ai4land.cube.schema import CubeSpec, GroupSpec, Status, VariableSpec
from ai4land.cube.state import Field, State
from ai4land.cube.store import Cube, status_name, time_name
from ai4land.cube.writer import CubeWriter

__all__ = [
    "Block",
    "BlockWriter",
    "Cube",
    "CubeSpec",
    "CubeWriter",
    "Field",
    "GroupSpec",
    "State",
    "Status",
    "VariableSpec",
    "flagged",
    "open_datasets",
    "status_by_year",
    "status_name",
    "time_name",
    "years_behind",
]
