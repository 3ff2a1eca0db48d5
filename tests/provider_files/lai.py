"""Leaf area files as the providers write them: MODIS, GLASS, GIMMS LAI4g and Copernicus.

Functions take stored numbers, not leaf area, so that a test can place every trap; ``stored`` turns
leaf area into them. Grids may be of any size. HDF4 files need pyhdf.
"""

from __future__ import annotations

import calendar
import datetime as dt
import importlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid
from ai4land.regrid import SinusoidalGrid
from ai4land.testing.formats.geotiff import write_geotiff

__all__ = [
    "copernicus_name",
    "gimms_name",
    "glass_name",
    "modis_dates",
    "modis_name",
    "stored",
    "write_copernicus",
    "write_gimms",
    "write_glass",
    "write_modis_export",
    "write_modis_netcdf",
    "write_modis_tile",
]

Stored = npt.NDArray[Any]

_SINUSOIDAL = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"
_STRUCTURE = """GROUP=SwathStructure
END_GROUP=SwathStructure
GROUP=GridStructure
\tGROUP=GRID_1
\t\tGridName="{name}"
\t\tXDim={shape[1]}
\t\tYDim={shape[0]}
\t\tUpperLeftPointMtrs=({corners[0]:.6f},{corners[1]:.6f})
\t\tLowerRightMtrs=({corners[2]:.6f},{corners[3]:.6f})
{projection}
\t\tGROUP=Dimension
\t\tEND_GROUP=Dimension
\t\tGROUP=DataField
{fields}
\t\tEND_GROUP=DataField
\t\tGROUP=MergedFields
\t\tEND_GROUP=MergedFields
\tEND_GROUP=GRID_1
END_GROUP=GridStructure
GROUP=PointStructure
END_GROUP=PointStructure
END
"""
_FIELD = """\t\t\tOBJECT=DataField_{number}
\t\t\t\tDataFieldName="{name}"
\t\t\t\tDimList=("YDim","XDim")
\t\t\tEND_OBJECT=DataField_{number}"""
_SNSOID = """\t\tProjection=GCTP_SNSOID
\t\tProjParams=(6371007.181000,0,0,0,0,0,0,0,0,0,0,0,0)
\t\tSphereCode=-1
\t\tGridOrigin={origin}"""
_GEO = "\t\tProjection=GCTP_GEO\n\t\tGridOrigin={origin}"


@dataclass(frozen=True, slots=True)
class _DataSet:
    """A data set of an HDF4 file: name, stored numbers, attributes as (HDF type, value)."""

    name: str
    values: Stored
    attributes: Mapping[str, tuple[str, Any]]


def stored(leaf_area: npt.NDArray[np.floating], factor: float, fill: int, dtype: str) -> Stored:
    """Leaf area (m² m⁻², NaN missing) as a product stores it, by its factor and fill value."""
    whole = np.rint(np.nan_to_num(leaf_area.astype(np.float64)) / factor)
    return np.asarray(np.where(np.isnan(leaf_area), fill, whole).astype(dtype))


def modis_dates(year: int, step: int = 8) -> list[dt.date]:
    """First days of the composites of a year, which restart on 1 January."""
    first = dt.date(year, 1, 1)
    count = -(-(366 if calendar.isleap(year) else 365) // step)
    return [first + dt.timedelta(days=step * k) for k in range(count)]


def modis_name(product: str, day: dt.date, h: int, v: int, collection: str = "061") -> str:
    """File name of a tile, production time included."""
    return f"{product}.A{day:%Y%j}.h{h:02d}v{v:02d}.{collection}.{day.year + 1}123045600.hdf"


def write_modis_tile(
    folder: Path,
    day: dt.date,
    tile: tuple[int, int],
    lai: npt.NDArray[np.uint8],
    quality: npt.NDArray[np.uint8],
    *,
    product: str = "MCD15A2H",
    collection: str = "061",
    place: SinusoidalGrid | None = None,
    origin: str = "HDFE_GD_UL",
    scale: float = 0.1,
) -> Path:
    """Write an HDF-EOS2 tile with the data sets and attributes of the file specification.

    Args:
        folder: Where it goes.
        day: First day of the composite.
        tile: Tile numbers h and v.
        lai: Leaf area × 10, 249…255 without a value, square.
        quality: ``FparLai_QC``.
        product: Short name.
        collection: Collection.
        place: Where the structure text says it lies; default: where the tile does.
        origin: Corner at which the structure text says the grid starts.
        scale: Scale factor that the file declares.
    """
    place = place or SinusoidalGrid.tile(*tile, cells=lai.shape[0])
    left, top, size = place.metres
    corners = (left, top, left + size * place.width, top - size * place.height)
    about: dict[str, tuple[str, Any]] = {
        "long_name": ("CHAR8", f"{product} MODIS Gridded 500M Leaf Area Index LAI"),
        "units": ("CHAR8", "m^2/m^2"),
        "valid_range": ("UINT8", [0, 100]),
        "_FillValue": ("UINT8", 255),
        "scale_factor": ("FLOAT64", scale),
        "scale_factor_err": ("FLOAT64", 0.0),
        "add_offset": ("FLOAT64", 0.0),
        "add_offset_err": ("FLOAT64", 0.0),
        "calibrated_nt": ("INT32", 21),
    }
    flags: dict[str, tuple[str, Any]] = {
        "long_name": ("CHAR8", "FPAR and LAI QC"),
        "units": ("CHAR8", "class-flag"),
        "valid_range": ("UINT8", [0, 254]),
        "_FillValue": ("UINT8", 255),
    }
    sets = [
        _DataSet("Fpar_500m", lai, about | {"scale_factor": ("FLOAT64", 0.01)}),
        _DataSet("Lai_500m", lai, about),
        _DataSet("FparLai_QC", quality, flags),
        _DataSet("FparExtra_QC", quality, flags),
        _DataSet("FparStdDev_500m", np.full_like(lai, 248), about),
        _DataSet("LaiStdDev_500m", np.full_like(lai, 248), about),
    ]
    grid = "MOD_Grid_MOD15A2H" if product.startswith("MOD") else f"MOD_Grid_{product}"
    path = folder / modis_name(product, day, *tile, collection)
    return _write_hdf4(path, grid, corners, _SNSOID.format(origin=origin), sets)


def glass_name(product: str, day: dt.date) -> str:
    """File name of a GLASS map: AVHRR has a version V40, MODIS V04."""
    version = "V40" if product == "GLASS01B02" else "V04"
    return f"{product}.{version}.A{day:%Y%j}.2019353.hdf"


def write_glass(
    folder: Path,
    day: dt.date,
    lai: Stored,
    grid: Grid,
    *,
    product: str = "GLASS01B02",
    packed: bool = True,
    attributes: bool = True,
) -> Path:
    """Write a GLASS map of the 0.05° editions.

    Args:
        folder: Where it goes.
        day: First day of the composite.
        lai: int16 × 0.01 with 2550 missing (``GLASS01B02``), uint8 × 0.1 (``GLASS01B01``).
        grid: Grid of the numbers.
        product: The product.
        packed: Corners as DDDMMMSSS, as HDF-EOS wants them; else plain degrees.
        attributes: Write scale, fill and range.
    """
    corners = [float(c) for c in (grid.west, grid.north, grid.east, grid.south)]
    if packed:
        corners = [_packed(c) for c in corners]
    avhrr = product == "GLASS01B02"
    kind = "INT16" if avhrr else "UINT8"
    about: dict[str, tuple[str, Any]] = {
        "long_name": ("CHAR8", "GLASS leaf area index"),
        "_FillValue": (kind, 2550 if avhrr else 255),
        "valid_range": (kind, [0, 1000 if avhrr else 100]),
        "scale_factor": ("FLOAT64", 0.01 if avhrr else 0.1),
        "add_offset": ("FLOAT64", 0.0),
    }
    sets = [_DataSet("LAI", lai, about if attributes else {})]
    projection = _GEO.format(origin="HDFE_GD_UL")
    return _write_hdf4(folder / glass_name(product, day), product, corners, projection, sets)


def _packed(degrees: float) -> float:
    """Degrees as DDDMMMSSS.SS."""
    seconds = round(abs(degrees) * 3600)
    value = seconds // 3600 * 1_000_000 + seconds % 3600 // 60 * 1_000 + seconds % 60
    return float(np.copysign(value, degrees))


def _write_hdf4(
    path: Path,
    grid: str,
    corners: Sequence[float],
    projection: str,
    sets: Sequence[_DataSet],
) -> Path:
    """Write data sets and the structure text of one HDF-EOS2 grid."""
    library = importlib.import_module("pyhdf.SD")
    code = library.SDC
    path.parent.mkdir(parents=True, exist_ok=True)
    file = library.SD(str(path), code.WRITE | code.CREATE | code.TRUNC)
    for item in sets:
        kind = getattr(code, item.values.dtype.name.upper())
        found = file.create(item.name, kind, item.values.shape)
        found.setcompress(code.COMP_DEFLATE, 1)
        for axis, name in enumerate(("YDim", "XDim")):
            found.dim(axis).setname(f"{name}:{grid}")
        for name, (stored_as, value) in item.attributes.items():
            found.attr(name).set(getattr(code, stored_as), value)
        found[:] = np.ascontiguousarray(item.values)
        found.endaccess()
    fields = [_FIELD.format(number=k + 1, name=item.name) for k, item in enumerate(sets)]
    text = _STRUCTURE.format(
        name=grid,
        shape=sets[0].values.shape,
        corners=corners,
        projection=projection,
        fields="\n".join(fields),
    )
    file.attr("HDFEOSVersion").set(code.CHAR8, "HDFEOS_V2.19")
    file.attr("StructMetadata.0").set(code.CHAR8, text)
    file.end()
    return path


def write_modis_export(
    path: Path,
    values: npt.NDArray[np.uint8],
    place: SinusoidalGrid | Grid,
    *,
    day: dt.date | None = None,
    days: int = 8,
    product: str = "MCD15A2H",
    scale: float = 0.1,
) -> Path:
    """Write a GeoTIFF export of a layer: the scale stands in the tags only, not in the band.

    Args:
        path: The file.
        values: Stored numbers.
        place: Window of the sinusoidal grid, or a regular grid.
        day: First day for the tags; without it they are blanked by an asterisk.
        days: Days of the composite for the tags.
        product: Short name for the tags.
        scale: Scale factor for the tags.
    """
    import rasterio
    from rasterio.transform import Affine

    if isinstance(place, SinusoidalGrid):
        left, top, size = place.metres
        transform, crs = Affine(size, 0.0, left, 0.0, -size, top), _SINUSOIDAL
    else:
        transform, crs = Affine(*place.transform), "EPSG:4326"
    last = None if day is None else day + dt.timedelta(days=days - 1)
    tags = {
        "SHORTNAME": product,
        "VERSIONID": "6",
        "RANGEBEGINNINGDATE": "*" if day is None else day.isoformat(),
        "RANGEENDINGDATE": "*" if last is None else last.isoformat(),
        "NDAYS_COMPOSITED": "8",  # so it stands in files of 4 days, too
        "scale_factor": f"{scale:g}",
        "add_offset": "0",
        "valid_range": "0, 100",
        "units": "m^2/m^2",
        "_FillValue": "255",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "count": 1, "dtype": values.dtype.name, "nodata": 255}
    height, width = values.shape
    with rasterio.open(
        path, "w", height=height, width=width, crs=crs, transform=transform, **profile
    ) as file:
        file.write(values, 1)
        file.update_tags(**tags)
    return path


def write_modis_netcdf(
    path: Path,
    maps: Mapping[dt.date, npt.NDArray[np.uint8]],
    place: SinusoidalGrid,
    quality: Mapping[dt.date, npt.NDArray[np.uint8]] | None = None,
) -> Path:
    """Write a NetCDF export, ``Lai_500m(time, y, x)`` with pixel centres in metres."""
    import netCDF4

    left, top, size = place.metres
    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w") as file:
        for name, length in (("time", len(maps)), ("y", place.height), ("x", place.width)):
            file.createDimension(name, length)
        time = file.createVariable("time", "i4", ("time",))
        time.units = "days since 1970-01-01"
        time[:] = [(day - dt.date(1970, 1, 1)).days for day in maps]
        for name, centres in (
            ("y", top - size * (np.arange(place.height) + 0.5)),
            ("x", left + size * (np.arange(place.width) + 0.5)),
        ):
            axis = file.createVariable(name, "f8", (name,))
            axis.units = "m"
            axis[:] = centres
        layers = {"Lai_500m": maps} | ({} if quality is None else {"FparLai_QC": quality})
        for name, series in layers.items():
            array = file.createVariable(name, "u1", ("time", "y", "x"), zlib=True)
            array.setncatts({"long_name": "leaf area index", "units": "m2 m-2"})
            for index, values in enumerate(series.values()):
                array[index] = values
        file.crs = "MODIS sinusoidal, sphere radius 6371007.181 m"
    return path


def gimms_name(year: int, month: int, half: int, version: str = "V1.2") -> str:
    """File name of half a month; the last two digits are the half."""
    return f"GIMMS_LAI4g_{version}_{year}{month:02d}{half:02d}.tif"


def write_gimms(
    path: Path, lai: npt.NDArray[np.uint16], quality: npt.NDArray[np.uint16], grid: Grid
) -> Path:
    """Write a LAI4g map: leaf area × 1000 with 65535 missing, quality, and a wrong photometric tag.

    Args:
        path: The file, named by ``gimms_name``.
        lai: Stored leaf area.
        quality: 0 good, 1 spline, 2 seasonal profile or snow, 3 missing.
        grid: Grid of the numbers.
    """
    write_geotiff(path, [lai, quality], grid.transform, compress="lzw")
    _claim_colours(path)
    return path


def _claim_colours(path: Path) -> None:
    """Set the photometric tag of a TIFF of two bands to RGB, of which readers complain."""
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    for k in range(count):
        entry = start + 2 + 12 * k
        if struct.unpack_from("<H", data, entry)[0] == 262:
            struct.pack_into("<H", data, entry + 8, 2)
    path.write_bytes(bytes(data))


def copernicus_name(service: str, day: dt.date, sensor: str = "PROBAV", mode: str = "") -> str:
    """File name of a ten-day map.

    Args:
        service: ``c_gls_LAI``, ``c_gls_LAI300`` or ``c3s_LAI``.
        day: The 10th, the 20th or the last of a month.
        sensor: Sensor in the name.
        mode: Real-time mode, such as ``RT0``; consolidated files have none.
    """
    clock = "000000" if service == "c3s_LAI" else "0000"
    version = {"c_gls_LAI": "V2.0.1", "c_gls_LAI300": "V1.0.1", "c3s_LAI": "V3.0.1"}[service]
    name = f"{service}-{mode}" if mode else service
    return f"{name}_{day:%Y%m%d}{clock}_GLOBE_{sensor}_{version}.nc"


def write_copernicus(
    path: Path, lai: Stored, grid: Grid, *, attributes: Mapping[str, Any] | None = None
) -> Path:
    """Write a ten-day map: ``c_gls_`` uint8 × 1/30 without time, ``c3s_`` uint16 with time.

    Args:
        path: The file, named by ``copernicus_name``.
        lai: Stored numbers.
        grid: Grid of the numbers; coordinates written are the centres of its cells.
        attributes: Attributes of ``LAI`` in place of the service's own.
    """
    import netCDF4

    c3s = path.name.startswith("c3s")
    own: dict[str, Any] = {
        "standard_name": "leaf_area_index",
        "long_name": "Effective Leaf Area Index 1km" if c3s else "Leaf Area Index",
        "units": "fraction" if c3s else "",
        "scale_factor": np.float32(0.001 if c3s else 0.0333333),
        "add_offset": np.float32(0.0),
        "valid_range": np.array([0, 65534 if c3s else 210], lai.dtype),
        "grid_mapping": "crs",
    }
    dims = ("time", "lat", "lon") if c3s else ("lat", "lon")
    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w") as file:
        if c3s:
            file.createDimension("time", 1)
            file.createVariable("time", "f8", ("time",)).units = "days since 1970-01-01 00:00:00"
        for name, centres in (("lat", grid.latitudes()), ("lon", grid.longitudes())):
            file.createDimension(name, centres.size)
            axis = file.createVariable(name, "f8", (name,))
            axis.units = f"degrees_{'north' if name == 'lat' else 'east'}"
            axis[:] = centres
        file.createVariable("crs", "S1").grid_mapping_name = "latitude_longitude"
        fill = np.iinfo(lai.dtype).max if lai.dtype.kind in "ui" else False
        array = file.createVariable("LAI", lai.dtype, dims, zlib=True, fill_value=fill)
        array.set_auto_maskandscale(False)
        array.setncatts(own if attributes is None else dict(attributes))
        array[:] = lai[None] if c3s else lai
        file.time_coverage_start = "2019-01-01T00:00:00Z"
    return path
