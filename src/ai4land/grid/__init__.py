"""Geometry on the sphere and the ellipsoid: grids, windows, areas and exact overlaps."""

from ai4land.grid.earth import SPHERE, WGS84, Earth
from ai4land.grid.grid import Grid
from ai4land.grid.mesh import Mesh
from ai4land.grid.overlap import AxisOverlap, Overlap, overlap
from ai4land.grid.terrain import slope_aspect
from ai4land.grid.windows import Piece, Window

__all__ = [
    "SPHERE",
    "WGS84",
    "AxisOverlap",
    "Earth",
    "Grid",
    "Mesh",
    "Overlap",
    "Piece",
    "Window",
    "overlap",
    "slope_aspect",
]
