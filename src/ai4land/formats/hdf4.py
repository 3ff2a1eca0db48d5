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
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import AI4LandError, MissingFileError, SourceError
from ai4land.formats.layout import Layout, layout_from_transform

__all__ = ["Hdf4File", "HdfGrid", "degrees_of", "opened_hdf4"]

Array = npt.NDArray[Any]

_MAGIC = b"\x0e\x03\x13\x01"
_GRID = re.compile(r"GROUP=GRID_\d+\s(.*?)END_GROUP=GRID_\d+", re.DOTALL)
_POINT = r"=\(\s*([-+.\deE]+)\s*,\s*([-+.\deE]+)\s*\)"


@dataclass(frozen=True, slots=True)
class HdfGrid:
    """One grid of a file, as its structure text describes it.

    Attributes:
        name: Name of the grid.
        corners: Left, upper, right and lower edge, in metres or degrees.
        shape: Rows and columns.
        sinusoidal: Whether it is in metres of the sinusoidal projection, else in degrees.
        where: File and grid, for error texts.
    """

    name: str
    corners: tuple[float, float, float, float]
    shape: tuple[int, int]
    sinusoidal: bool
    where: str

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a cell, in metres or degrees."""
        left, top, right, bottom = self.corners
        return (right - left) / self.shape[1], (top - bottom) / self.shape[0]

    def layout(self) -> Layout:
        """Where its cells lie by latitude and longitude.

        Raises:
            SourceError: If it is in metres.
        """
        if self.sinusoidal:
            raise SourceError(
                "The grid does not lie on longitude and latitude",
                where=self.where,
                expected="GCTP_GEO",
                found="GCTP_SNSOID (sinusoidal)",
                remedy="fetch the edition on longitude and latitude",
            )
        left, top, _, _ = self.corners
        width, height = self.cell
        return layout_from_transform((width, 0.0, left, 0.0, -height, top), self.shape, self.where)


class Hdf4File:
    """An open HDF4 file; made by ``opened_hdf4``.

    Args:
        path: The file, for error texts.
        handle: The library's handle.
    """

    def __init__(self, path: Path, handle: Any) -> None:  # noqa: ANN401
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

    def _select(self, name: str) -> Any:  # noqa: ANN401
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
    handle: Any = None
    try:
        handle = library.SD(str(path))
        yield Hdf4File(path, handle)
    except AI4LandError:
        raise
    except (problem, OSError, ValueError, IndexError, TypeError, MemoryError) as error:
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
    if projection not in {"GCTP_SNSOID", "GCTP_GEO"}:
        raise SourceError(
            "The grid is in an unknown projection",
            where=where,
            expected="GCTP_SNSOID (sinusoidal) or GCTP_GEO (latitude and longitude)",
            found=projection,
            remedy="export it to GeoTIFF on longitude and latitude",
        )
    corners = (left, top, right, bottom)
    sinusoidal = projection == "GCTP_SNSOID"
    if not sinusoidal:
        corners = degrees_of(*corners)
    if not (height and width and right > left and top > bottom):
        size = f"{width} × {height} cells, corners {corners}"
        raise SourceError(
            "The grid has no area",
            where=where,
            found=size,
            remedy="compare the file's checksum with the provider's and fetch it again",
        )
    return HdfGrid(name, corners, (height, width), sinusoidal, where)


def _value(block: str, pattern: str, path: Path) -> tuple[str, ...]:
    match = re.search(pattern, block)
    if match is None:
        raise SourceError(
            "The structure text lacks an entry", where=f"{path}, StructMetadata.0", expected=pattern
        )
    return match.groups()


def degrees_of(
    left: float, top: float, right: float, bottom: float
) -> tuple[float, float, float, float]:
    """Corners of a geographic HDF-EOS grid in degrees.

    They are packed as DDDMMMSSS.SS; some producers write plain degrees. No packed corner other
    than 0 lies within ±360 (that would be 0.36 seconds of arc), so the two cannot be confused.
    """
    corners = (left, top, right, bottom)
    if max(abs(c) for c in corners) <= 360.0:
        return corners
    return _unpacked(left), _unpacked(top), _unpacked(right), _unpacked(bottom)


def _unpacked(corner: float) -> float:
    degrees, rest = divmod(abs(corner), 1_000_000.0)
    minutes, seconds = divmod(rest, 1_000.0)
    return math.copysign(degrees + minutes / 60.0 + seconds / 3600.0, corner)
