"""HILDA+ land use states: GeoTIFF series v1, v1-f and v2, or the NetCDF edition.

Winkler et al. 2021, Nature Communications 12, 2501; data doi:10.1594/PANGAEA.921846 (v1) and
doi:10.1594/PANGAEA.974335 (v2).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ai4land.errors import MissingFileError, SourceError
from ai4land.grid import Window
from ai4land.sources.codes import class_codes
from ai4land.sources.netcdf import opened, read_layout, years_of
from ai4land.sources.options import Strict
from ai4land.sources.rasters import RasterSeries
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import (
    Array,
    Product,
    Provenance,
    Source,
    SourceField,
    checked,
    provenance_of,
)
from ai4land.vocabulary import Clock, legend, variable

__all__ = ["READER", "HildaOptions", "open_hilda"]

_FILE = re.compile(
    r"hilda_plus_(?:(?P<a>\d{4})_states|states_(?P<b>\d{4}))"
    r"_GLOB-(?P<stamp>v\d+(?:[-.]\d+)?(?:-f)?)[_.].*\.tiff?\Z",
    re.IGNORECASE,
)
_NETCDF_NAME = "LULC_states"
_OBSERVED_FROM = 1960  # earlier years are back-cast (Winkler et al. 2021, methods)
_DEFECT = 2015
_ICE, _SPARSE = 99, 66
_LEGENDS = {"v1": "hildaplus_v1", "v1-f": "hildaplus_v1_f", "v2": "hildaplus_v2"}
_PRODUCTS = {
    "v1": Product("HILDA+", "v1.0", "CC BY 4.0", "Winkler et al. 2021, doi:10.1594/PANGAEA.921846"),
    "v1-f": Product(
        "HILDA+", "v1.0-f", "CC BY 4.0", "Winkler et al. 2021, doi:10.1594/PANGAEA.921846"
    ),
    "v2": Product("HILDA+", "v2.0", "see the data page", "doi:10.1594/PANGAEA.974335"),
}


class HildaOptions(Strict):
    """Options of ``hilda``.

    Attributes:
        version: Edition; the same code means another class in another edition (44 is any forest in
            v1, deciduous broadleaf in v1-f and v2), so it is never guessed.
        base_map_2015: What to do with the v1 file of 2015, in which ice (99) is coded 66:
            ``repair`` puts 99 back where 2014 has it, ``exclude`` leaves 2015 out, ``as_is``
            takes the file as it is.
    """

    version: Literal["v1", "v1-f", "v2"]
    base_map_2015: Literal["repair", "exclude", "as_is"] | None = None


def open_hilda(path: Path, options: HildaOptions) -> Source:
    """Open a folder of HILDA+ state maps, or one NetCDF file.

    Args:
        path: Folder, searched with its subfolders for state maps of any prefix, or ``.nc`` file.
        options: Version and the treatment of 2015.

    Raises:
        MissingFileError: If there is nothing of the product.
        SourceError: If the files are of another version, or a year occurs twice.
    """
    source: Source
    if path.is_file():
        source = _HildaNetcdf(path, options.version)
    else:
        source = _open_series(path, options.version)
    if options.version == "v1" and _DEFECT in source.fields["land_use"].ticks:
        return _Handled2015(source, options.base_map_2015)
    return source


def _open_series(folder: Path, version: str) -> Source:
    """Find the state maps of a folder and open them as a series."""
    files: dict[int, Path] = {}
    for file in sorted(folder.rglob("*.tif*")):
        match = _FILE.search(file.name)
        if match is None:
            continue
        year, stamp = int(match["a"] or match["b"]), match["stamp"].lower()
        found = "v2" if stamp.startswith("v2") else "v1-f" if stamp.endswith("-f") else "v1"
        if found != version:
            raise SourceError(
                "The file is of another version of HILDA+",
                where=file,
                expected=version,
                found=f"{found} by its name",
                remedy=f"set `version: {found}` in the recipe's options",
            )
        if year in files:
            raise SourceError(
                "Two files for one year",
                where=folder,
                found=f"{year}: {files[year].name} and {file.name}",
                remedy="keep one of them in the folder",
            )
        files[year] = file
    if not files:
        raise MissingFileError(
            "No HILDA+ state maps here",
            where=folder,
            expected="files named …hilda_plus_{year}_states_GLOB-v1-0….tif or "
            "…hilda_plus_states_{year}_GLOB-v2….tif",
            found="no such folder" if not folder.is_dir() else "none in it or its subfolders",
        )
    years = range(min(files), max(files) + 1)
    example = files[min(files)].name
    gaps = {
        y: f"the file {example.replace(str(min(files)), str(y), 1)} is missing"
        for y in years
        if y not in files
    }
    return RasterSeries(
        variable("land_use"),
        files,
        legend(_LEGENDS[version]),
        _PRODUCTS[version],
        back_cast=frozenset(y for y in files if y < _OBSERVED_FROM),
        gaps=gaps,
    )


class _HildaNetcdf:
    """``LULC_states(time, latitude, longitude)`` with bare integer years."""

    def __init__(self, path: Path, version: str) -> None:
        self._path = path
        self._version = version
        self._legend = legend(_LEGENDS[version])
        with opened(path) as dataset:
            if _NETCDF_NAME not in dataset.variables:
                raise SourceError(
                    "Not a HILDA+ states file",
                    where=path,
                    expected=f"variable {_NETCDF_NAME}(time, latitude, longitude)",
                    found=", ".join(dataset.variables),
                )
            array = dataset[_NETCDF_NAME]
            if array.ndim != 3 or array.dimensions[0] != "time":
                raise SourceError(
                    "Other dimensions than a series of maps",
                    where=f"{path}, {_NETCDF_NAME}",
                    expected="(time, latitude, longitude)",
                    found=array.dimensions,
                )
            self._layout = read_layout(dataset, array, path)
            years = years_of(dataset["time"], path)
            self._nodata = getattr(array, "_FillValue", None)
        self._index = {year: i for i, year in enumerate(years)}
        ticks = tuple(sorted(self._index))
        self.fields: Mapping[str, SourceField] = {
            "land_use": SourceField(
                variable("land_use"),
                self._layout.grid,
                Clock.YEAR,
                ticks,
                self._legend,
                frozenset(y for y in ticks if y < _OBSERVED_FROM),
                {
                    y: f"{path.name} has no time {y}"
                    for y in range(ticks[0], ticks[-1])
                    if y not in self._index
                },
            )
        }

    def read(self, variable: str, tick: int | None, window: Window) -> Array:
        """Class codes of a window, ``(y, x)`` uint8, 255 missing; see ``Source.read``."""
        checked(self.fields, variable, tick, window)
        assert tick is not None
        with opened(self._path) as dataset:
            array = dataset[_NETCDF_NAME]
            index = self._index[tick]
            raw = self._layout.gather(
                window, lambda rows, cols: np.asarray(array[index, rows, cols])
            )
        where = f"{self._path.name}, {tick}, row {window.row}, column {window.col}"
        return class_codes(raw, self._legend, self._nodata, where)

    def inspect(self, variable: str, ticks: tuple[int, ...], window: Window) -> Mapping[str, Any]:
        """Nothing: one file cannot contradict itself in orientation."""
        checked(self.fields, variable, ticks[0], window)
        return {}

    def provenance(self, ticks: Collection[int] | None = None) -> list[Provenance]:
        """The one file, hashed."""
        return [provenance_of(self._path, _PRODUCTS[self._version])]


class _Handled2015:
    """A v1 series that holds 2015, whose file codes all ice (99) as sparse land (66)."""

    def __init__(self, source: Source, choice: str | None) -> None:
        self._source = source
        self._choice = choice
        entry = source.fields["land_use"]
        ticks, gaps = entry.ticks, dict(entry.gaps)
        if choice in {None, "exclude"}:
            ticks = tuple(t for t in ticks if t != _DEFECT)
        if choice is None:
            gaps[_DEFECT] = (
                "the v1 file of 2015 is a base map in which ice (99) is coded as sparse land (66); "
                "set the option base_map_2015 to repair, exclude or as_is"
            )
        if choice == "repair" and _DEFECT - 1 not in ticks:
            raise SourceError(
                "2015 cannot be repaired without 2014",
                where="option base_map_2015: repair",
                found=gaps.get(_DEFECT - 1, "no file of 2014"),
                remedy="add the file of 2014, or choose exclude or as_is",
            )
        if not ticks:
            raise SourceError(
                "Nothing is left of the series", where="2015", found=gaps.get(_DEFECT, choice)
            )
        self.fields: Mapping[str, SourceField] = {
            "land_use": SourceField(
                entry.variable, entry.grid, entry.clock, ticks, entry.legend, entry.back_cast, gaps
            )
        }

    def read(self, variable: str, tick: int | None, window: Window) -> Array:
        """Class codes of a window, ``(y, x)`` uint8, 255 missing; see ``Source.read``."""
        checked(self.fields, variable, tick, window)
        codes = self._source.read(variable, tick, window)
        if tick != _DEFECT or self._choice != "repair":
            return codes
        before = self._source.read(variable, _DEFECT - 1, window)
        return np.where((before == _ICE) & (codes == _SPARSE), np.uint8(_ICE), codes)

    def inspect(self, variable: str, ticks: tuple[int, ...], window: Window) -> Mapping[str, Any]:
        """Checks of the series, and how 2015 is treated."""
        notes = self._source.inspect(variable, ticks, window)
        return {**notes, "base_map_2015": self._choice} if _DEFECT in ticks else notes

    def provenance(self, ticks: Collection[int] | None = None) -> list[Provenance]:
        """The files behind some times, with 2014 where 2015 is repaired from it."""
        if ticks is not None and _DEFECT in ticks and self._choice == "repair":
            ticks = {*ticks, _DEFECT - 1}
        return self._source.provenance(ticks)


READER = Reader(
    HildaOptions,
    ("land_use",),
    lambda path, options, _: open_hilda(path, options),
    title="HILDA+ land use states, v1.0, v1.0-f, v2.0",
    files=("hilda_plus_{year}_states_GLOB-v1-0_wgs84-nn.tif", "hildaplus_vGLOB-1.0-f_states.nc"),
    years="1899–2019 (v1), 1899–2020 (v2); before 1960 back-cast",
    licence="CC BY 4.0",
    citation="Winkler et al. 2021, doi:10.1594/PANGAEA.921846",
    certainty=Certainty.BYTES,
)
