"""The cube: a multi-resolution Zarr v3 store that a person can open with xarray."""

from ai4land.cube.blocks import Block, BlockWriter
from ai4land.cube.schema import CubeSpec, GroupSpec, Status, VariableSpec
from ai4land.cube.state import Field, Reference, State
from ai4land.cube.store import Cube, status_name, time_name
from ai4land.cube.views import ArrayView, StoreView, View
from ai4land.cube.writer import CubeWriter

__all__ = [
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
    "VariableSpec",
    "View",
    "status_name",
    "time_name",
]
