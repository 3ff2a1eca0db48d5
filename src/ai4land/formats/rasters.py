"""Rasters of any format that GDAL reads: one band, its values and what is missing of them."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import AI4LandError, ConfigError, GridError, MissingFileError, SourceError
from ai4land.formats.systems import LONGITUDES, SLACK, RasterGrid, same_system
from ai4land.grid import Grid

__all__ = ["Raster", "check_same_grid", "missing_values", "open_raster", "opened_raster"]

if TYPE_CHECKING:
    from rasterio.io import DatasetReader
    from rasterio.windows import Window

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

_RASTERS = {
    *(".tif", ".tiff", ".vrt", ".img", ".asc", ".nc", ".nc4", ".grd", ".hdf", ".h5", ".bil"),
    *(".png", ".grb", ".grib", ".grb2", ".jp2", ".rst", ".gtiff", ".dat", ".flt", ".bin", ".ers"),
}
_NAMED = re.compile(r"([A-Za-z][A-Za-z0-9_]+):(?!\\)(.*)", re.DOTALL)
_SCHEMES = {"vrt", "http", "https", "s3"}
_VIRTUAL = re.compile(r"/vsi(zip|gzip|tar|7z|rar)/")
_CHOOSES = {"nearest", "mode"}  # resamplings that compute no new numbers
_DEGREES = {"degrees_north", "degree_north", "degrees_N", "degree_N"}


@dataclass(frozen=True)
class Raster:
    """One band of numbers whose header was read; its values are still on disk.

    It holds no open file: every read opens its own, so that threads and processes may share it.

    Attributes:
        path: The file as it was asked for.
        name: How GDAL opens it.
        band: Number of the band, from 1.
        grid: Where its pixels lie.
        dtype: Type of its values.
        nodata: Value of missing pixels, if the file says one that the type can hold.
        masked: Whether a mask inside the file or a ``.msk`` beside it says more.
        alpha: Number of a band of opacity, 0 where missing.
        tile: Rows and columns that the file decodes at once.
        scaling: Scale and offset that turn its values into numbers of ``units``.
        units: Units as the file gives them, perhaps empty.
        warp: Resampling of GDAL's warper by which it comes onto ``grid``, if it lies elsewhere.
    """

    path: Path
    name: str
    band: int
    grid: RasterGrid
    dtype: np.dtype[Any]
    nodata: float | None
    masked: bool
    alpha: int | None
    tile: tuple[int, int]
    scaling: tuple[float, float] = (1.0, 0.0)
    units: str = ""
    warp: str | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.grid.shape

    def read(self, rows: slice, cols: slice) -> tuple[Array, Mask | None]:
        """Values of a block as the file holds them, and where they are missing (``None``: nowhere).

        Raises:
            SourceError: If the bytes cannot be decoded.
        """
        with opened_raster(self.path, self.name) as dataset:
            return self.block(dataset, rows, cols)

    def block(self, dataset: DatasetReader, rows: slice, cols: slice) -> tuple[Array, Mask | None]:
        """The same of a file that is open."""
        from rasterio.windows import Window

        (row, last, _), (col, end, _) = rows.indices(self.shape[0]), cols.indices(self.shape[1])
        window = Window(col, row, end - col, last - row)
        if self.warp is not None:
            return self._warped(dataset, window)
        values = np.asarray(dataset.read(self.band, window=window))
        mask = dataset.read_masks(self.band, window=window) == 0 if self.masked else None
        if self.alpha is not None:
            clear = dataset.read(self.alpha, window=window) == 0
            mask = clear if mask is None else mask | clear
        return values, missing_values(values, self.nodata, mask)

    def _warped(self, dataset: DatasetReader, window: Window) -> tuple[Array, Mask]:
        """A block as GDAL reprojects it; what no valid pixel covers is missing."""
        from rasterio.enums import Resampling
        from rasterio.transform import Affine
        from rasterio.vrt import WarpedVRT

        height, width = self.shape
        place = {"transform": Affine(*self.grid.transform), "width": width, "height": height}
        how = {"resampling": Resampling[self.warp], "add_alpha": self.alpha is None}
        if self.nodata is not None:
            how["src_nodata"] = self.nodata
        if self.warp not in _CHOOSES:
            how["dtype"] = "float32"
        with WarpedVRT(dataset, crs=self.grid.crs, **place, **how) as warped:
            values = np.asarray(warped.read(self.band, window=window))
            clear = np.asarray(warped.read(self.alpha or warped.count, window=window)) == 0
        return values, clear

    def onto(self, grid: Grid, method: str) -> Raster:
        """The same raster as GDAL reprojects it onto longitudes and latitudes.

        Args:
            grid: The grid wanted.
            method: Resampling as rasterio calls it: ``nearest``, ``mode``, ``average`` …
        """
        return replace(self, grid=RasterGrid.of(grid), warp=method)

    def coded(self) -> tuple[Raster, int | None]:
        """The raster and its tag apart, where the tag is a whole number like the codes.

        Codes are looked up in a table, and so is the tag then, which is faster than to compare.
        """
        held = None if self.nodata is None else _held(self.nodata, self.dtype)
        if held is None or not -(1 << 15) <= held < 1 << 16 or held != int(held):
            return self, None
        return replace(self, nodata=None), int(held)


def missing_values(values: Array, nodata: float | None, mask: Mask | None = None) -> Mask | None:
    """Where values are missing, by all that a file says: its tag, its mask, NaN.

    Args:
        values: As the file holds them.
        nodata: The file's tag; one that the type cannot hold masks nothing.
        mask: True where a mask inside or beside the file says so.

    Returns:
        True where missing; ``None`` if nothing is.
    """
    found = mask if mask is not None and mask.any() else None
    if values.dtype.kind == "f":
        nan = np.isnan(values)
        if nan.any():
            found = nan if found is None else found | nan
    held = None if nodata is None else _held(nodata, values.dtype)
    if held is not None:
        tagged = values == held
        found = tagged if found is None else found | tagged
    return found


def _held(nodata: float, dtype: np.dtype[Any]) -> Array | None:
    """A tag in the type of the values, or ``None`` if the type cannot hold it."""
    if np.isnan(nodata):
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return np.asarray(nodata, dtype)
    limits = np.iinfo(dtype)
    whole = float(nodata).is_integer() and limits.min <= nodata <= limits.max
    return np.asarray(int(nodata), dtype) if whole else None


@contextmanager
def opened_raster(path: Path, name: str | None = None) -> Iterator[DatasetReader]:
    """Open a raster; turn the library's complaints into ours.

    Args:
        path: The file as it was asked for.
        name: How GDAL opens it, if that is known.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If its bytes cannot be decoded, when opened_raster or when read.
        ConfigError: If it is an archive of several rasters.
    """
    import rasterio  # heavy, and only files need it
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # said later, where it matters
            warnings.simplefilter("ignore", RuntimeWarning)  # of tags that the type cannot hold
            with rasterio.open(name or _located(path)) as dataset:
                yield dataset
    except AI4LandError:  # some are OSErrors, too
        raise
    except (RasterioError, OSError) as error:
        raise SourceError(
            "The raster cannot be read: it is damaged, incomplete or of another format",
            where=path,
            found=str(error.__cause__ or error).strip(),
            remedy="compare its size and checksum with the original and copy it again",
        ) from error


def _located(path: Path) -> str:
    """How GDAL opens a file: as it is, inside an archive, or by the name of a layer."""
    text = str(path)
    virtual = _VIRTUAL.match(text)
    if virtual:
        inside = Path(text[virtual.end() :])
        if not any(part.is_file() for part in (inside, *inside.parents)):
            raise MissingFileError("There is no such archive", where=path)
        return text
    named = _NAMED.match(text)
    if named and not path.exists():
        scheme, rest = named.groups()
        if scheme not in _SCHEMES:
            return text
        # a ``Path`` keeps one slash of those in vrt://a.tif and vrt:///folder/a.tif alike
        absolute = rest.startswith("/") and Path(rest.partition("?")[0]).exists()
        return f"{scheme}://{rest if absolute else rest.lstrip('/')}"
    if text.startswith("/vsi"):
        return text
    if not path.is_file():
        raise MissingFileError("There is no such raster", where=path)
    if path.suffix.lower() == ".zip":
        return f"/vsizip/{text}/{_member(path)}"
    if path.suffix.lower() == ".gz" and not path.name.lower().endswith(".tar.gz"):
        return f"/vsigzip/{text}"
    return text


def _member(path: Path) -> str:
    """The one raster in a zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry for entry in archive.namelist() if not entry.endswith("/")]
    except (zipfile.BadZipFile, OSError) as error:
        raise SourceError(
            "The archive cannot be read",
            where=path,
            found=error,
            remedy="compare its size and checksum with the original and copy it again",
        ) from error
    rasters = [name for name in names if Path(name).suffix.lower() in _RASTERS]
    if len(rasters) == 1:
        return rasters[0]
    raise ConfigError(
        "The archive does not hold one raster" if rasters else "The archive holds no raster",
        where=path,
        expected="one",
        found=_listed(rasters or names),
        remedy=f"name one: /vsizip/{path}/{rasters[0]}" if rasters else "unpack it and look inside",
    )


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = len(names) - most
    return ", ".join([*names[:most], *([f"and {more} more"] if more > 0 else [])]) or "nothing"


def open_raster(path: Path, *, band: int | None = None, variable: str | None = None) -> Raster:
    """Read the header of a raster and choose one band of numbers.

    Args:
        path: Anything that GDAL opens: a file, one in an archive (``.zip``, ``.gz``,
            ``/vsizip/a.zip/b.tif``), a layer of one (``NETCDF:a.nc:name``, ``vrt://a.tif?bands=2``).
        band: Number of the band; default the only one that is no alpha band.
        variable: Name of the variable, subdataset or group, where the file has several.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it cannot be decoded, or holds no numbers.
        ConfigError: If it has several bands or layers and none, or one that is not there, is named.
    """
    with opened_raster(path) as dataset:
        if not dataset.count or variable is not None:
            layers = list(dataset.subdatasets)
            name = _layer(layers, variable, path)
        else:
            return _described(dataset, path, dataset.name, band)
    with opened_raster(path, name) as dataset:
        return _described(dataset, path, name, band)


def _layer(layers: Sequence[str], variable: str | None, path: Path) -> str:
    """The name of one subdataset."""
    names = [re.split(r"[:/]", layer)[-1].strip('"') for layer in layers]
    chosen = [
        layer
        for layer, name in zip(layers, names, strict=True)
        if variable is None or variable == name or layer.endswith(f":{variable}")
    ]
    if len(chosen) == 1:
        return chosen[0]
    if not layers:
        raise SourceError("The file holds no raster", where=path, found="no band and no layer")
    raise ConfigError(
        "The file holds several layers" if variable is None else "The file has no such layer",
        where=path,
        expected="the name of one",
        found=_listed(names) if variable is None else f"{variable}, among {_listed(names)}",
        remedy=f"name one, `variable: {names[0]}` for `geotiff_series`, or "
        f"instead of the file: {layers[0]}",
    )


def _described(dataset: DatasetReader, path: Path, name: str, band: int | None) -> Raster:
    from rasterio.enums import ColorInterp, MaskFlags

    uses = list(enumerate(dataset.colorinterp, start=1))
    bands = [n for n, use in uses if use != ColorInterp.alpha]
    alpha = next((n for n, use in uses if use == ColorInterp.alpha), None)
    if band is None and len(bands) == 1:
        band = bands[0]
    if band is None or not 1 <= band <= dataset.count:
        said = [
            f"{n}{f': {text}' if text else ''}" for n, text in enumerate(dataset.descriptions, 1)
        ]
        raise ConfigError(
            f"The raster has {len(bands)} bands" if band is None else "The raster has no such band",
            where=path,
            expected="one band, or the number of one",
            found=_listed(said) if band is None else f"band {band} among {_listed(said)}",
            remedy=f"name one, `band: {bands[-1] if bands else 1}` for `geotiff_series`, or "
            f"instead of the file: vrt://{name}?bands={bands[-1] if bands else 1}",
        )
    dtype = np.dtype(dataset.dtypes[band - 1])
    if dtype.kind not in "uif":
        raise SourceError("The raster holds no plain numbers", where=path, found=dtype)
    return Raster(
        path,
        name,
        band,
        grid_of(dataset),
        dtype,
        dataset.nodatavals[band - 1],
        MaskFlags.per_dataset in dataset.mask_flag_enums[band - 1]
        and MaskFlags.alpha not in dataset.mask_flag_enums[band - 1],
        alpha,
        dataset.block_shapes[band - 1],
        (float(dataset.scales[band - 1]), float(dataset.offsets[band - 1])),
        str(dataset.units[band - 1] or ""),
    )


def grid_of(dataset: DatasetReader) -> RasterGrid:
    """Where the pixels of an open raster lie.

    A CF NetCDF file whose axes are degrees north and east says longitude and latitude by that.
    """
    crs = dataset.crs
    if crs is None and any(
        key.endswith("#units") and unit in _DEGREES for key, unit in dataset.tags().items()
    ):
        return RasterGrid(tuple(dataset.transform)[:6], LONGITUDES, True, dataset.shape)
    return RasterGrid(
        tuple(dataset.transform)[:6],
        "" if crs is None else crs.to_string(),
        crs is not None and bool(crs.is_geographic),
        dataset.shape,
    )


def check_same_grid(first: Raster, other: Raster) -> None:
    """Refuse a raster that does not lie on the grid of another.

    Raises:
        GridError: If shape, coordinate system or place differ by more than .01 of a pixel.
    """
    one, two = first.grid, other.grid
    remedy = f"`rio warp {other.path} moved.tif --like {first.path} --resampling nearest`"
    problem: tuple[str, object, object] | None = None
    if not same_system(two, one.crs):
        problem = "coordinate system", one.crs or "none", two.crs or "none"
        bare, full = (first, other) if two.crs else (other, first)
        if not bare.grid.crs:
            remedy = (
                "if it is the same, write it into the file without one: "
                f"`rio edit-info --like {full.path} --crs like {bare.path}`"
            )
    elif one.shape != two.shape:
        problem = "shape", one.shape, two.shape
    elif _apart(one, two) > SLACK:
        problem = "transform", one.transform, two.transform
    if problem is not None:
        raise GridError(
            f"The maps do not lie on one grid: another {problem[0]}",
            where=other.path,
            expected=f"{problem[1]} as {first.path.name}",
            found=problem[2],
            remedy=remedy,
        )


def _apart(one: RasterGrid, two: RasterGrid) -> float:
    """How far apart the corners of two rasters of one shape lie, in pixels, at most."""
    (x, y), (u, v) = one.lattice(2), two.lattice(2)
    across = x - u
    if one.geographic:
        across = np.remainder(across + 180.0, 360.0) - 180.0
    return float(max(np.abs(across).max(), np.abs(y - v).max())) / one.pixel
