"""A cube as lazy xarray datasets, with the metadata of the CF conventions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ai4land.cube.schema import GroupSpec, VariableSpec
from ai4land.cube.store import Cube, status_name
from ai4land.grid import Earth, Grid
from ai4land.vocabulary import Kind

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["grid_mapping", "open_datasets"]

_CRS = "crs"


def open_datasets(path: str | Path) -> dict[str, xr.Dataset]:
    """Open a cube as one dataset for each of its groups, without reading any values.

    Each dataset has the axes ``lat`` and ``lon`` in degrees, their cells' edges as ``lat_bnds`` and
    ``lon_bnds``, and the scalar ``crs`` (CF 1.11, section 5.6). Times are the integer ``year`` of
    an annual group and the dates ``time`` at which the periods of other groups begin; layers of a
    vector variable go by their names. Variables are Dask arrays in the chunks of the store: class
    codes ``uint8`` with ``NO_DATA`` = 255 missing and their legend as flags (section 3.5), numbers
    ``float32`` in the units they name with NaN missing. Beside each variable with times stands
    ``<variable>_status``, which says where the values of each time come from.

    Args:
        path: Folder of a finished cube, or of a reconstruction, which has the same schema.

    Returns:
        Name of the group → dataset, in the cube's order. ``xarray.DataTree.from_dict`` makes a
        tree of it.

    Raises:
        MissingFileError: If there is no store.
        CubeError: If the store is not a finished cube.
    """
    cube = Cube(path)
    return {group.name: _dataset(cube, group) for group in cube.spec.groups}


def _dataset(cube: Cube, group: GroupSpec) -> xr.Dataset:
    """One group of a cube."""
    import xarray as xr

    data: xr.Dataset = xr.open_zarr(
        cube.path,
        group=group.name,
        consolidated=False,
        zarr_format=3,
        chunks={},
        mask_and_scale=False,
        decode_times=xr.coders.CFDatetimeCoder(time_unit="s"),  # of any year; nanoseconds are not
    )
    names = [spec.name for spec in group.variables]
    flags = [status_name(name) for name in names] if group.ticks else []
    data = data[[*names, *flags]]
    for spec in group.variables:
        _describe(data, group, spec)
    crs = ((), np.int32(0), grid_mapping(group.grid.earth))
    data = data.assign_coords({_CRS: crs, **_bounds(group.grid)})
    for name, axis in {"lat": "Y", "lon": "X"}.items():
        data[name].attrs |= {"axis": axis, "bounds": f"{name}_bnds"}
        for held in (name, f"{name}_bnds"):
            data[held].encoding["_FillValue"] = None  # CF allows axes none
    if "time" in data.coords:
        data["time"].attrs["axis"] = "T"
    for array in data.data_vars.values():
        array.encoding["coordinates"] = None  # or a copy as NetCDF lists the grid mapping there
    data.attrs |= {name: _text(value) for name, value in cube.attributes.items()}
    return data


def _describe(data: xr.Dataset, group: GroupSpec, spec: VariableSpec) -> None:
    """Name the layers of a variable, and say what its values are and on which earth they lie."""
    if spec.components:
        layer = f"{spec.name}_class"
        data[layer] = (layer, list(spec.components), {"long_name": data[layer].attrs["long_name"]})
    array = data[spec.name]
    array.attrs["grid_mapping"] = _CRS
    # for a copy as NetCDF; among the attributes it would stand twice there
    array.encoding["_FillValue"] = np.dtype(spec.dtype).type(spec.fill)
    flagged = [array] if spec.variable.kind is Kind.CATEGORICAL else []
    if group.ticks:
        status = data[status_name(spec.name)]
        status.attrs["standard_name"] = "status_flag"
        array.attrs["ancillary_variables"] = status.name
        flagged.append(status)
    for codes in flagged:
        codes.attrs["flag_values"] = np.array(codes.attrs["flag_values"], dtype=np.uint8)


def _bounds(grid: Grid) -> dict[str, tuple[tuple[str, str], Any]]:
    """Edges of the cells ``(cell, 2)``; polar rows may be half rows, which no centre tells."""
    edges = {"lat": grid.latitude_edges(), "lon": grid.longitude_edges()}
    return {
        f"{name}_bnds": ((name, "bnds"), np.stack([ends[:-1], ends[1:]], axis=1))
        for name, ends in edges.items()
    }


def grid_mapping(earth: Earth) -> Mapping[str, Any]:
    """Attributes of a CF grid mapping of latitude and longitude (CF 1.11, section 5.6)."""
    known: dict[str, Any] = {
        "grid_mapping_name": "latitude_longitude",
        "reference_ellipsoid_name": earth.name,
        "prime_meridian_name": "Greenwich",
        "longitude_of_prime_meridian": 0.0,
        "semi_major_axis": earth.semi_major,
    }
    if earth.flattening == 0.0:
        datum = f"unknown, on a {earth.name}"
        return known | {"horizontal_datum_name": datum, "semi_minor_axis": earth.semi_major}
    return known | {
        "horizontal_datum_name": "World Geodetic System 1984",
        "geographic_crs_name": earth.name,
        "inverse_flattening": 1 / earth.flattening,
    }


def _text(value: object) -> str:
    """An attribute that every format can hold: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
