"""NetCDF as providers write it: axes and rows in any order, groups, bounds, packed numbers."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import netCDF4
import numpy as np
import numpy.typing as npt
from scipy.io import netcdf_file

from ai4land.errors import AI4LandError, MissingFileError, SourceError
from ai4land.formats.layout import Layout, layout_from_axes
from ai4land.formats.packing import Packing, whole
from ai4land.grid import Grid, Window
from ai4land.vocabulary import nearest_name

__all__ = [
    "NetcdfMap",
    "Rows",
    "check_units",
    "chosen",
    "map_of",
    "maps_in",
    "opened_netcdf",
    "time_of",
]

Array = npt.NDArray[Any]
At = Mapping[str, int | slice]
Rows = Literal["north_first", "south_first"]
"""Which row comes first in a map of the globe without coordinates."""

_AXES = (
    ({"lat", "latitude", "y", "lsmlat", "nlat"}, "latitude", "degrees_north degree_north"),
    ({"lon", "longitude", "x", "lsmlon", "nlon"}, "longitude", "degrees_east degree_east"),
)
_TABLES = {"lsmlat": "LATIXY", "lsmlon": "LONGXY"}  # 2-D coordinates of CLM and ELM files
_METRES = {"m", "metre", "metres", "meter", "meters", "km", "kilometer", "kilometers"}
_CLASSIC = {b"CDF\x01", b"CDF\x02"}
_WARP = "warp it to longitude and latitude, for example with `gdalwarp -t_srs EPSG:4326`"
_LONGEST = 5_000_000  # cells along an axis; 10 m around the equator are four million
_LARGEST = 2**29  # bytes of a chunk, which can only be decoded whole


@contextmanager
def opened_netcdf(path: Path) -> Iterator[netCDF4.Dataset]:
    """Open a NetCDF file for raw reading, without masks, scaling or time decoding.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If its bytes cannot be decoded, when opened or when read.
    """
    if not path.is_file():
        raise MissingFileError("The file is not there", where=path)
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic == b"PK\x03\x04":
        raise SourceError(
            "The file is a ZIP archive", where=path, remedy="unpack it; the data lie inside"
        )
    if magic in _CLASSIC:
        state = path.stat()
        _check_classic(path, state.st_size, state.st_mtime_ns)
    try:
        with netCDF4.Dataset(path) as dataset:
            dataset.set_auto_maskandscale(False)
            yield dataset
    except AI4LandError:
        raise
    except (OSError, RuntimeError, UnicodeError, MemoryError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: BaseException) -> SourceError:
    """The error that a file cannot be decoded."""
    return SourceError(
        "The NetCDF file cannot be read: it is damaged, incomplete or of another format",
        where=path,
        found=str(error).strip() or type(error).__name__,
        remedy="compare its size and checksum with the provider's and fetch it again",
    )


@lru_cache(maxsize=4096)
def _check_classic(path: Path, size: int, changed: int) -> None:
    """Refuse a file of the classic format whose header claims more than the file holds.

    The library of the format trusts the header: it gives zeros for what was cut off, and ends the
    process if a count is wrong.
    """
    try:
        netcdf_file(path, "r", mmap=True).close()
    except Exception as error:  # whatever the bytes lead to
        raise _damaged(path, error) from error


def _walk(group: netCDF4.Dataset, prefix: str = "") -> Iterator[tuple[str, netCDF4.Variable[Any]]]:
    """All variables, those of groups under their path."""
    for name, array in group.variables.items():
        yield prefix + name, array
    for name, inner in group.groups.items():
        yield from _walk(inner, f"{prefix}{name}/")


def maps_in(dataset: netCDF4.Dataset) -> dict[str, str]:
    """Variables that could be maps, those of groups under their path → name and dimensions."""
    every = dict(_walk(dataset))
    bounds = {str(getattr(array, "bounds", "")) for array in every.values()}
    return {
        name: f"{name}({', '.join(array.dimensions)})"
        for name, array in every.items()
        if array.ndim >= 2 and array.dtype is not str and array.name not in bounds
    }


def chosen(
    dataset: netCDF4.Dataset,
    names: Sequence[str],
    path: Path,
    *,
    what: str,
    variable: str | None = None,
    option: str | None = "variable",
) -> netCDF4.Variable[Any]:
    """A variable by its documented name; in a group too, if there is only one of that name.

    Args:
        dataset: The open file.
        names: Names by which the product documents it; the first one found counts.
        path: The file, for the error text.
        what: What is looked for, such as ``a map of land cover``.
        variable: The name that a person chose, with the path of its group.
        option: The option in which one does so; ``None`` where there is none.

    Raises:
        SourceError: If there is no such variable, or several; the text lists what there is.
    """
    every = {name: array for name, array in _walk(dataset) if array.ndim >= 1}
    maps = maps_in(dataset)
    listed = ", ".join(list(maps.values())[:20]) + ("…" if len(maps) > 20 else "")
    if variable is not None:
        wanted = variable.strip("/")
        if wanted in every:
            return every[wanted]
        close = nearest_name(wanted, list(maps))
        raise SourceError(
            "The file has no variable of that name",
            where=path,
            expected=listed or "a file with maps",
            found=f"{option} {variable!r}",
            remedy=f"did you mean {close!r}?" if close else "choose one of those expected",
        )
    for name in names:
        if name in every:
            return every[name]
        inner = [k for k in every if k.rpartition("/")[2] == name]
        if len(inner) == 1:
            return every[inner[0]]
        if inner:
            raise SourceError(
                f"Several groups of the file hold {what}",
                where=path,
                expected=f"one variable {name}",
                found=", ".join(inner),
                remedy=f"choose one with the option `{option}`, such as `{option}: {inner[0]}`"
                if option
                else f"keep one of them in the file, for example with `ncks -v {inner[0]}`",
            )
    remedy = f"if one of them is {what}, name it in the option `{option}`"
    raise SourceError(
        f"No variable is documented as {what}",
        where=path,
        expected=" or ".join(names),
        found=listed or ", ".join(every) or "no variables",
        remedy=remedy if option and maps else "look whether it is the file that was meant",
    )


def check_units(array: netCDF4.Variable[Any], accepted: Collection[str], where: object) -> None:
    """Refuse a variable in other units than the reader expects.

    Raises:
        SourceError: If the units attribute is there and says something else.
    """
    units = str(getattr(array, "units", "")).strip()
    if units.lower() not in {"", *accepted}:
        raise SourceError(
            "The variable is in other units",
            where=f"{where}, {array.name}",
            expected=" or ".join(sorted(accepted)),
            found=units,
            remedy="convert it; or correct the attribute `units` if it is wrong",
        )


@dataclass(frozen=True, eq=False)
class NetcdfMap:
    """A variable that is a map, or a stack of maps; its header was read, its values are on disk.

    Attributes:
        path: The file.
        name: The variable, with the path of its group.
        layout: How its rows and columns lie.
        packing: Which numbers are missing, and what the others mean.
        dtype: Type in the file.
        dimensions: Names of its dimensions, as they lie.
        shape: Their lengths.
        axes: Positions of latitude and longitude among them.
        units: Units as the file gives them, perhaps empty.
    """

    path: Path
    name: str
    layout: Layout
    packing: Packing
    dtype: np.dtype[Any]
    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    axes: tuple[int, int]
    units: str = ""

    @property
    def others(self) -> dict[str, int]:
        """The dimensions beside latitude and longitude and their lengths, as they lie."""
        return {name: self.shape[i] for i, name in enumerate(self.dimensions) if i not in self.axes}

    @property
    def transposed(self) -> bool:
        """Whether longitude comes before latitude."""
        return self.axes[1] < self.axes[0]

    def stored(
        self, window: Window, at: At | None = None, dataset: netCDF4.Dataset | None = None
    ) -> Array:
        """Numbers as stored, north up, ``(…, y, x)``.

        Args:
            window: Window of the grid.
            at: Position or range on each other dimension; those left out must have length 1.
            dataset: The file, if it is open.

        Raises:
            SourceError: If the bytes cannot be decoded, or a longer dimension is left out.
        """
        if dataset is None:
            with opened_netcdf(self.path) as own:
                return self.stored(window, at, own)
        unsaid = [n for n, size in self.others.items() if size > 1 and n not in (at or {})]
        if unsaid:
            raise SourceError(
                "The variable has a dimension that is not understood",
                where=f"{self.path}, {self.name}",
                expected="one map at a time",
                found=f"{unsaid[0]} of length {self.others[unsaid[0]]}",
                remedy="keep one position of it, for example with `ncks -d`",
            )
        array = dataset[self.name]
        key: list[int | slice] = [(at or {}).get(name, 0) for name in self.dimensions]
        y, x = self.axes
        kept = [i for i, k in enumerate(key) if isinstance(k, slice) or i in self.axes]
        order = [kept.index(i) for i in kept if i not in self.axes] + [kept.index(y), kept.index(x)]

        def block(rows: slice, cols: slice) -> Array:
            key[y], key[x] = rows, cols
            return np.transpose(np.asarray(array[tuple(key)]), order)

        return self.packing.stored(self.layout.gather(window, block))

    def floats(
        self, window: Window, at: At | None = None, dataset: netCDF4.Dataset | None = None
    ) -> npt.NDArray[np.float32]:
        """Values in the file's units, NaN missing, ``(…, y, x)`` float32; see ``stored``."""
        return self.packing.floats(self.stored(window, at, dataset))


def map_of(
    dataset: netCDF4.Dataset,
    array: netCDF4.Variable[Any],
    path: Path,
    *,
    rows: Rows | None = None,
    layout: Layout | None = None,
) -> NetcdfMap:
    """Read the header of a map: its axes by name or by what their coordinates say, in any order.

    Args:
        dataset: The open file.
        array: Its variable.
        path: The file, for the error text.
        rows: Which row comes first, for a file of the whole globe without coordinates.
        layout: The layout, if another variable on the same dimensions told it already.

    Raises:
        SourceError: If it is no map, or the file does not say where its cells lie.
    """
    group = array.group().path.strip("/")
    name = f"{group}/{array.name}" if group else array.name
    where = f"{path}, {name}"
    axes = _axes(array, where)
    _check_size(array, axes, where)
    packing = Packing.of(array)
    if layout is None:
        _check_system(array, where)
        layout = _layout(array, axes, rows, where)
    units = str(getattr(array, "units", "")).strip()
    shape = tuple(int(n) for n in array.shape)
    dtype = np.dtype(array.dtype)
    return NetcdfMap(path, name, layout, packing, dtype, array.dimensions, shape, axes, units)


def time_of(
    dataset: netCDF4.Dataset, found: NetcdfMap, beside: str | None = None
) -> netCDF4.Variable[Any]:
    """The coordinate of time of a series of maps.

    Args:
        dataset: The open file.
        found: The variable.
        beside: One more dimension that it may have.

    Raises:
        SourceError: If it has no time with a coordinate, or other dimensions.
    """
    others = [name for name in found.others if name != beside]
    if len(others) == 1 and others[0] in dataset.variables:
        time: netCDF4.Variable[Any] = dataset[others[0]]
        return time
    lengths = zip(found.dimensions, found.shape, strict=True)
    raise SourceError(
        "The variable has other dimensions than a series of maps"
        if len(others) > 1
        else "The variable has no time axis",
        where=f"{found.path}, {found.name}",
        expected="(time, lat, lon), with a coordinate of time",
        found=", ".join(f"{n}: {s}" for n, s in lengths),
        remedy="choose one time or layer, for example with `ncks -d`",
    )


def _axes(array: netCDF4.Variable[Any], where: str) -> tuple[int, int]:
    """Positions of latitude and longitude among the dimensions of a variable."""
    found = []
    for names, standard, units in _AXES:
        hits = [i for i, n in enumerate(array.dimensions) if n.lower() in names]
        if not hits:
            for i, name in enumerate(array.dimensions):
                axis = _beside(array, name)
                said = str(getattr(axis, "standard_name", "")) == standard
                if said or str(getattr(axis, "units", "-")) in units.split():
                    hits.append(i)
        found.append(hits)
    lat, lon = found
    if len(lat) != 1 or len(lon) != 1:
        lengths = zip(array.dimensions, array.shape, strict=True)
        raise SourceError(
            "The variable is not a map",
            where=where,
            expected="one dimension of latitude and one of longitude",
            found=", ".join(f"{n}: {s}" for n, s in lengths) or "a single number",
            remedy="rename the dimensions, for example with `ncrename -d`, or choose another file",
        )
    return lat[0], lon[0]


def _beside(array: netCDF4.Variable[Any], name: str) -> netCDF4.Variable[Any] | None:
    """A variable of that name in the group of another one, or in those around it."""
    group: netCDF4.Dataset | None = array.group()
    while group is not None:
        if name in group.variables:
            return group.variables[name]
        group = group.parent
    return None


def _check_size(array: netCDF4.Variable[Any], axes: tuple[int, int], where: str) -> None:
    """Refuse what a header can declare and no memory holds."""
    longest = max(array.shape[i] for i in axes)
    chunks = array.chunking()
    chunk = 0
    if chunks is not None and not isinstance(chunks, str):
        chunk = math.prod(int(c) for c in chunks) * np.dtype(array.dtype).itemsize
    if longest > _LONGEST or chunk > _LARGEST or not all(array.shape):
        raise SourceError(
            "The map is larger than can be read" if all(array.shape) else "The map is empty",
            where=where,
            expected=f"1…{_LONGEST:,} cells along an axis, chunks of at most {_LARGEST >> 20} MiB",
            found=f"dimensions {array.shape}, chunks of {chunk >> 20} MiB",
            remedy="if the file is in order, write it in smaller chunks, for example with "
            "`nccopy -c`",
        )


def _check_system(array: netCDF4.Variable[Any], where: str) -> None:
    """Refuse coordinates that are no longitudes and latitudes of Greenwich."""
    mapping = _beside(array, str(getattr(array, "grid_mapping", "")).split(":")[0].strip())
    kind = str(getattr(mapping, "grid_mapping_name", "latitude_longitude"))
    meridian = getattr(mapping, "longitude_of_prime_meridian", 0.0)
    shifted = not isinstance(meridian, str) and np.any(np.asarray(meridian) != 0)
    if kind != "latitude_longitude" or shifted:
        raise SourceError(
            "The map does not lie on longitude and latitude",
            where=where,
            expected="grid_mapping_name latitude_longitude, counted from Greenwich",
            found=kind + (f", counted from {meridian}° E" if shifted else ""),
            remedy=_WARP,
        )


def _layout(
    array: netCDF4.Variable[Any], axes: tuple[int, int], rows: Rows | None, where: str
) -> Layout:
    """The layout from coordinates and their bounds, or from what the recipe says without any."""
    dims = tuple(array.dimensions[i] for i in axes)
    height, width = (int(array.shape[i]) for i in axes)
    found = [_coordinate(array, name, k, where) for k, name in enumerate(dims)]
    (latitude, rows_between), (longitude, cols_between) = found
    if latitude is not None and longitude is not None:
        return layout_from_axes(latitude, longitude, where, rows_between, cols_between)
    if rows is None or width != 2 * height:
        raise SourceError(
            "The file does not say where its cells lie",
            where=where,
            expected=f"coordinates {dims[0]} and {dims[1]} in degrees",
            found=f"{height} × {width} cells without them",
            remedy="write the coordinates into the file"
            + (
                ", or say `rows: north_first` or `rows: south_first`, in the options of the "
                "sources `pnnl` and `soil`"
                if width == 2 * height
                else ": only a map of the whole globe can be placed without them"
            ),
        )
    grid = Grid.regular("-180", "90", f"360/{width}", f"180/{height}", (height, width))
    return Layout(grid, flipped=rows == "south_first")


def _coordinate(
    array: netCDF4.Variable[Any], name: str, axis: int, where: str
) -> tuple[npt.NDArray[np.float64] | None, npt.NDArray[np.float64] | None]:
    """Degrees along an axis and their bounds; ``None`` where the file does not give them."""
    own = _beside(array, name)
    if own is None or own.ndim != 1:
        table = _beside(array, _TABLES.get(name.lower(), ""))
        if table is None or table.ndim != 2:
            return None, None
        # of a regular grid one line of the table is the axis; its steps are checked later
        rows = whole(table, where)
        line = rows[:, 0] if axis == 0 else rows[0]
        return np.asarray(line, dtype=np.float64), None
    if own.size != array.shape[array.dimensions.index(name)]:
        raise SourceError(
            "A coordinate is not as long as its dimension",
            where=f"{where}, {name}",
            expected=array.shape[array.dimensions.index(name)],
            found=own.size,
            remedy="compare the file's checksum with the provider's and fetch it again",
        )
    units = str(getattr(own, "units", "")).strip()
    if units.lower() in _METRES or "radian" in units.lower():
        raise SourceError(
            "The coordinates are not in degrees",
            where=f"{where}, {name}",
            expected="degrees_north and degrees_east",
            found=units,
            remedy=_WARP,
        )
    bounds = _beside(array, str(getattr(own, "bounds", "")))
    pairs = None
    if bounds is not None and bounds.shape == (*own.shape, 2):
        pairs = Packing.of(bounds).values(whole(bounds, where))
    return Packing.of(own).values(whole(own, where)), pairs
