"""Drivers: what is given, on the fine grid, from a cube, from arrays, or kept a while."""

from ai4land.samples.drivers.arrays import ArrayDrivers, DriverArray
from ai4land.samples.drivers.cached import CachedDrivers
from ai4land.samples.drivers.cube import CubeDrivers
from ai4land.samples.drivers.gridded import Described, Drivers, GriddedDrivers
from ai4land.samples.drivers.perturbed import PerturbedDrivers

__all__ = [
    "ArrayDrivers",
    "CachedDrivers",
    "CubeDrivers",
    "Described",
    "DriverArray",
    "Drivers",
    "GriddedDrivers",
    "PerturbedDrivers",
]
