"""HDF-EOS2 grids (HDF4), as MODIS and GLASS come, read with the optional library pyhdf.

The geometry stands in the text attribute ``StructMetadata.0`` (HDF-EOS Library User's Guide).
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ai4land.errors import GridError, MissingFileError, SourceError
from ai4land.regrid import SinusoidalGrid
from ai4land.sources.layout import Layout, layout_from_transform
from ai4land.sources.source import Array

__all__ = ["Hdf4File", "HdfGrid", "degrees_of", "opened_hdf4"]

_MAGIC = b"\x0e\x03\x13\x01"
_GRID = re.compile(r"GROUP=GRID_\d+\s(.*?)END_GROUP=GRID_\d+", re.DOTALL)
_POINT = r"=\(\s*([-+.\deE]+)\s*,\s*([-+.\deE]+)\s*\)"


@dataclass(frozen=True, slots=True)
class HdfGrid:
    """One grid of a file, as its structure text describes it.

    Attributes:
        name: Name of the grid.
        place: Where its cells lie: on the sinusoidal grid or by latitude and longitude.
        shape: Rows and columns.
    """

    name: str
    place: SinusoidalGrid | Layout
    shape: tuple[int, int]


class _DataSet(Protocol):
    """What is used of a data set of the library."""

    def attributes(self) -> dict[str, Any]: ...

    def info(self) -> tuple[Any, ...]: ...

    def __getitem__(self, index: tuple[slice, ...]) -> Array: ...


class _Handle(Protocol):
    """What is used of an open file of the library."""

    def attributes(self) -> dict[str, Any]: ...

    def datasets(self) -> dict[str, Any]: ...

    def select(self, name: str) -> _DataSet: ...

    def end(self) -> None: ...


class Hdf4File:
    """An open HDF4 file; made by ``opened_hdf4``.

    Args:
        path: The file, for error texts.
        handle: The library's handle.
    """

    def __init__(self, path: Path, handle: _Handle) -> None:
        self.path, self._handle = path, handle

    def names(self) -> tuple[str, ...]:
        """Names of the data sets."""
        return tuple(self._handle.datasets())

    def attributes(self, name: str) -> Mapping[str, Any]:
        """Attributes of a data set."""
        return dict(self._select(name).attributes())

    def describe(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape and type of a data set."""
        found = self._select(name)
        shape = found.info()[2]
        shape = tuple(shape) if isinstance(shape, list | tuple) else (int(shape),)
        start = tuple(slice(0, 1) for _ in shape)
        return shape, np.asarray(found[start]).dtype

    def read(self, name: str, rows: slice, cols: slice) -> Array:
        """A block of a data set, as stored."""
        return np.asarray(self._select(name)[rows, cols])

    def grid_of(self, name: str) -> HdfGrid:
        """The grid on which a data set lies.

        Raises:
            SourceError: If the file does not say it, or says something unknown.
        """
        text = "".join(
            str(self._handle.attributes()[key])
            for key in sorted(k for k in self._handle.attributes() if k.startswith("StructMeta"))
        )
        shape = self.describe(name)[0]
        for match in _GRID.finditer(text):
            block = match[1]
            if f'DataFieldName="{name}"' in block:
                grid = _grid(block, self.path)
                if grid.shape != shape:
                    raise SourceError(
                        "The data set does not fit its grid",
                        where=f"{self.path}, {name}",
                        expected=grid.shape,
                        found=shape,
                    )
                return grid
        raise SourceError(
            "The file does not say where its cells lie",
            where=f"{self.path}, {name}",
            expected="an HDF-EOS grid with this field in StructMetadata.0",
            found="no such grid" if text else "no StructMetadata.0",
        )

    def _select(self, name: str) -> _DataSet:
        if name not in self.names():
            raise SourceError(
                "The file lacks a data set",
                where=self.path,
                expected=name,
                found=", ".join(self.names()),
            )
        return self._handle.select(name)


@contextmanager
def opened_hdf4(path: Path) -> Iterator[Hdf4File]:
    """Open an HDF4 file for raw reading.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If the library is not installed, or the bytes cannot be decoded.
    """
    if not path.is_file():
        raise MissingFileError("The file is not there", where=path)
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic != _MAGIC:
        raise SourceError(
            "Not an HDF4 file",
            where=path,
            found="HDF5" if magic == b"\x89HDF" else f"first bytes {magic!r}",
            remedy="fetch it again; a web page saved under its name means that a login is missing",
        )
    try:
        library = importlib.import_module("pyhdf.SD")
        problem = importlib.import_module("pyhdf.error").HDF4Error
    except ImportError as error:
        raise SourceError(
            "HDF4 files need an extra library",
            where=path,
            found="pyhdf is not installed",
            remedy="run `pip install ai4land[hdf4]`, or export the files to GeoTIFF",
        ) from error
    handle: _Handle | None = None
    try:
        handle = library.SD(str(path))
        yield Hdf4File(path, handle)
    except problem as error:
        raise SourceError(
            "The HDF4 file cannot be read: it is damaged or incomplete",
            where=path,
            found=str(error).strip(),
            remedy="compare its size and checksum with the provider's and fetch it again",
        ) from error
    finally:
        if handle is not None:
            handle.end()


def _grid(block: str, path: Path) -> HdfGrid:
    """Read one group of the structure text."""
    name = _value(block, r'GridName="([^"]*)"', path)[0]
    width, height = (int(_value(block, rf"{axis}Dim=(\d+)", path)[0]) for axis in "XY")
    left, top = map(float, _value(block, "UpperLeftPointMtrs" + _POINT, path))
    right, bottom = map(float, _value(block, "LowerRightMtrs" + _POINT, path))
    projection = _value(block, r"Projection=(\w+)", path)[0]
    origin = re.search(r"GridOrigin=(\w+)", block)
    where = f"{path}, grid {name}"
    if origin is not None and origin[1] != "HDFE_GD_UL":
        raise SourceError(
            "The grid does not start in the north-west",
            where=where,
            expected="GridOrigin=HDFE_GD_UL",
            found=origin[1],
        )
    if projection == "GCTP_SNSOID":
        cell_x, cell_y = (right - left) / width, (top - bottom) / height
        if not math.isclose(cell_x, cell_y, rel_tol=1e-6):
            raise SourceError("Pixels are not square", where=where, found=(cell_x, cell_y))
        try:
            place: SinusoidalGrid | Layout = SinusoidalGrid.from_metres(
                left, top, cell_x, (height, width)
            )
        except GridError as error:
            raise SourceError("Not a MODIS tile", where=where, found=error) from error
    elif projection == "GCTP_GEO":
        west, north, east, south = degrees_of(left, top, right, bottom)
        transform = ((east - west) / width, 0.0, west, 0.0, (south - north) / height, north)
        place = layout_from_transform(transform, (height, width), where)
    else:
        raise SourceError(
            "The grid is in an unknown projection",
            where=where,
            expected="GCTP_SNSOID (sinusoidal) or GCTP_GEO (latitude and longitude)",
            found=projection,
        )
    return HdfGrid(name, place, (height, width))


def _value(block: str, pattern: str, path: Path) -> tuple[str, ...]:
    match = re.search(pattern, block)
    if match is None:
        raise SourceError(
            "The structure text lacks an entry", where=f"{path}, StructMetadata.0", expected=pattern
        )
    return match.groups()


def degrees_of(*corners: float) -> tuple[float, ...]:
    """Corners of a geographic HDF-EOS grid in degrees.

    They are packed as DDDMMMSSS.SS; some producers write plain degrees. No packed corner other
    than 0 lies within ±360 (that would be 0.36 seconds of arc), so the two cannot be confused.
    """
    if max(abs(c) for c in corners) <= 360.0:
        return corners
    out = []
    for corner in corners:
        size = abs(corner)
        degrees, rest = divmod(size, 1_000_000.0)
        minutes, seconds = divmod(rest, 1_000.0)
        out.append(math.copysign(degrees + minutes / 60.0 + seconds / 3600.0, corner))
    return tuple(out)
