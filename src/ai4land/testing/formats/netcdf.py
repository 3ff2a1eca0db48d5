"""New NetCDF files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import netCDF4

__all__ = ["create_netcdf"]


def create_netcdf(path: Path) -> netCDF4.Dataset:
    """An empty NetCDF 4 file, open for writing; its folder is made."""
    import netCDF4

    path.parent.mkdir(parents=True, exist_ok=True)
    return netCDF4.Dataset(path, "w", format="NETCDF4")
