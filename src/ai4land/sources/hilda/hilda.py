"""HILDA+ land use: states and transitions, v1, v1-f, v2 and v2.1-crop, GeoTIFF or NetCDF.

Winkler et al. 2021, Nature Communications 12, 2501; data doi:10.1594/PANGAEA.921846 (v1) and
doi:10.1594/PANGAEA.974335 (v2).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import chosen, map_of, opened_netcdf, time_of, years_of
from ai4land.grid import Window
from ai4land.sources.class_series.class_maps import ClassMap, ClassMaps, NetcdfClassMap, opened_maps
from ai4land.sources.class_series.deflickered import Deflicker, Deflickered
from ai4land.sources.class_series.years import annual_files
from ai4land.sources.file_source import FileSource, each_once, gaps_in, nothing_here
from ai4land.sources.hilda.files import EDITIONS, HildaFile, HildaVersion, files_in, refuse_other
from ai4land.sources.orientation import Orientation, OrientationOptions
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.source import (
    Array,
    Flag,
    Notes,
    Product,
    Provenance,
    Source,
    SourceField,
    Ticks,
)
from ai4land.vocabulary import NO_DATA, legend, variable

__all__ = ["READER", "HildaOptions", "open_hilda", "split_transitions"]

_STATES = "LULC_states"
_OBSERVED_FROM = 1960  # earlier years are back-cast (Winkler et al. 2021, methods)
_DEFECT = 2015
_ICE, _SPARSE = 99, 66
_PROBE_ROWS = 64
_DEFECT_TEXT = "the v1 file of 2015 is a base map in which ice (99) is coded as sparse land (66)"
Codes = npt.NDArray[np.uint8]


class HildaOptions(OrientationOptions):
    """Options of ``hilda``.

    Attributes:
        version: Edition; the same code means another class in another edition (44 is any forest in
            v1, deciduous broadleaf in v1-f and v2), so it is never guessed.
        base_map_2015: What to do with the v1 file of 2015, in which ice (99) is coded 66:
            ``repair`` puts 99 back where 2014 has it, ``exclude`` leaves 2015 out, ``as_is``
            takes the file as it is. The file's step in cropland and grass cannot be repaired.
        pattern: File name of renamed states with ``{year}`` in it, see ``geotiff_series``;
            default the names of the provider.
        deflicker: Offer ``land_use_smoothed`` beside ``land_use``, which stays as it is.
    """

    version: HildaVersion
    base_map_2015: Literal["repair", "exclude", "as_is"] | None = None
    pattern: str = ""
    deflicker: Deflicker | None = None


def open_hilda(path: Path, options: HildaOptions) -> Source:
    """Open a folder of HILDA+ maps, or one NetCDF file of states.

    A folder is searched with its subfolders for states and transitions of any prefix.
    """
    if path.is_file():
        files = [HildaFile.of(path) or HildaFile(path, "netcdf", None, None)]
    elif options.pattern:
        named = annual_files(path, options.pattern)
        files = [HildaFile(file, "states", None, year) for year, file in named.items()]
    else:
        files = files_in(path)
    for file in files:
        refuse_other(file, options.version)
    states = _states([f for f in files if f.kind != "transitions"], options, path)
    changes = _by_year([f for f in files if f.kind == "transitions"])
    if states is None and not changes:
        expected = "files named …hilda_plus_{year}_states_GLOB-v1-0….tif or "
        expected += "…hilda_plus_states_{year}_GLOB-v2….tif, or hildaplus_…_states.nc"
        raise nothing_here("HILDA+ state maps", path, expected)
    parts = [] if states is None else [states]
    if changes:
        parts.append(open_transitions(changes, options.version, options.orientation))
    return _Together(parts, EDITIONS[options.version].product)


def _states(files: list[HildaFile], options: HildaOptions, path: Path) -> Source | None:
    """The states, with 2015 and smoothing settled; ``None`` if there are none."""
    whole = [f for f in files if f.kind == "netcdf"]
    maps = _by_year([f for f in files if f.kind == "states"])
    if len(whole) + bool(maps) > 1:
        raise SourceError(
            "Several copies of the states here",
            where=path,
            found=", ".join([*(f.path.name for f in whole), *(["GeoTIFF maps"] if maps else [])]),
            remedy="keep one of them in the folder, or give the path of the NetCDF file",
        )
    if not whole and not maps:
        return None
    opened = _netcdf_maps(whole[0].path) if whole else opened_maps(maps)
    source = _Settled(_series(opened, options), options.version, options.base_map_2015)
    return source if options.deflicker is None else Deflickered(source, options.deflicker)


def _by_year(files: list[HildaFile]) -> dict[int, Path]:
    """Files by year, each year once."""
    return each_once(((f.year, f.path) for f in files if f.year is not None), "year")


def _series(maps: Mapping[int, ClassMap], options: HildaOptions) -> ClassMaps:
    """Annual state maps as a series."""
    first, example = min(maps), maps[min(maps)].path.name
    whole = isinstance(maps[first], NetcdfClassMap)

    def lacking(year: int) -> str:
        named = example.replace(str(first), str(year), 1)
        return f"{example} has no time {year}" if whole else f"the file {named} is missing"

    edition = EDITIONS[options.version]
    return ClassMaps(
        variable("land_use"),
        maps,
        legend(edition.legend),
        edition.product,
        back_cast=frozenset(y for y in maps if y < _OBSERVED_FROM),
        gaps=gaps_in(maps, lacking),
        orientation=options.orientation,
    )


def _netcdf_maps(path: Path) -> dict[int, ClassMap]:
    """The maps of ``LULC_states(time, latitude, longitude)`` by year, time as bare years."""
    with opened_netcdf(path) as dataset:
        array = chosen(dataset, (_STATES,), path, what="HILDA+ states", option=None)
        states = map_of(dataset, array, path)
        time = time_of(dataset, states)
        years, axis = years_of(time, path), time.name
    return {year: NetcdfClassMap(states, {axis: index}) for year, index in years.items()}


class _Settled(FileSource):
    """States with what is doubtful in their edition settled or said: 2015, and the code 44."""

    def __init__(self, source: ClassMaps, version: HildaVersion, choice: str | None) -> None:
        self._source, self._version = source, version
        entry = source.fields["land_use"]
        self._defect = version == "v1" and _DEFECT in entry.ticks
        self._choice = choice if self._defect else None
        if self._defect:
            entry = self._without_defect(entry)
        super().__init__({"land_use": entry}, EDITIONS[version].product)

    def _without_defect(self, entry: SourceField) -> SourceField:
        """What a v1 series offers under the choice made for 2015."""
        choice, ticks, gaps = self._choice, entry.ticks, dict(entry.gaps)
        flags = entry.flags
        if choice in {None, "exclude"}:
            ticks = tuple(t for t in ticks if t != _DEFECT)
        if choice is None:
            remedy = "set the option base_map_2015 to repair, exclude or as_is"
            gaps[_DEFECT] = f"{_DEFECT_TEXT}; {remedy}"
        if choice == "repair":
            if _DEFECT - 1 not in ticks:
                raise SourceError(
                    "2015 cannot be repaired without 2014",
                    where="option base_map_2015: repair",
                    found=gaps.get(_DEFECT - 1, "no file of 2014"),
                    remedy="add the file of 2014, or choose exclude or as_is",
                )
            text = "2015 is a base map: cropland and grass make a step there and back"
            flags = (*flags, Flag(text, (_DEFECT, _DEFECT)))
        if choice == "as_is":
            flags = (*flags, Flag(_DEFECT_TEXT, (_DEFECT, _DEFECT)))
        if not ticks:
            raise SourceError(
                "Nothing is left of the series", where="2015", found=gaps.get(_DEFECT, choice)
            )
        return replace(entry, ticks=ticks, gaps=gaps, flags=flags)

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Class codes of a window, ``(y, x)`` uint8, 255 missing."""
        codes = self._source.read("land_use", tick, window)
        if tick != _DEFECT or self._choice != "repair":
            return codes
        before = self._source.read("land_use", _DEFECT - 1, window)
        return np.where((before == _ICE) & (codes == _SPARSE), np.uint8(_ICE), codes)

    def _found(self, entry: SourceField, ticks: Ticks, window: Window) -> Notes:
        """Checks of the series, how 2015 is treated, and whether 44 can mean what it should."""
        notes = dict(self._source.inspect("land_use", ticks, window))
        if self._defect and _DEFECT in ticks:
            notes["base_map_2015"] = self._choice
        if self._version != "v1" and self._only_one_forest(ticks[-1], window):
            notes["doubt"] = (
                "of the forest codes 40–45 only 44 was seen: it may mean any forest, as in v1, "
                "and not deciduous broadleaf, as the legend of this version has it"
            )
        return notes

    def _only_one_forest(self, tick: int, window: Window) -> bool:
        """Whether evenly spaced rows hold forest of the code 44 only."""
        step = max(1, window.height // _PROBE_ROWS)
        seen: set[int] = set()
        for row in range(window.row, window.row + window.height, step):
            line = self._source.read("land_use", tick, Window(row, window.col, 1, window.width))
            seen |= set(np.unique(line).tolist())
        return seen & set(range(40, 46)) == {44}

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        """With that of 2014 where 2015 is repaired from it."""
        assert tick is not None
        repaired = tick == _DEFECT and self._choice == "repair"
        return [self._source.file_of(t) for t in ([_DEFECT - 1] if repaired else []) + [tick]]


class _Together(FileSource):
    """States and transitions of one folder."""

    def __init__(self, parts: list[Source], product: Product) -> None:
        self._parts = {name: part for part in parts for name in part.fields}
        super().__init__(
            {name: part.fields[name] for name, part in self._parts.items()},
            product,
            {
                "land_use": "there are no state maps here",
                "land_use_smoothed": "set the option `deflicker`",
                "land_use_transitions": "there are no files hildaplus_{year}-{year-1}_transitions…",
            },
        )

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Class codes of a window, ``(y, x)`` uint8, 255 missing."""
        name = entry.variable.name
        return self._parts[name].read(name, tick, window)

    def _found(self, entry: SourceField, ticks: Ticks, window: Window) -> Notes:
        """What states or transitions find."""
        name = entry.variable.name
        return self._parts[name].inspect(name, ticks, window)

    def provenance(
        self, ticks: Collection[int] | None = None, variables: Collection[str] | None = None
    ) -> list[Provenance]:
        """The files behind some times of some variables (default: all), hashed."""
        names = [n for n in self._parts if variables is None or n in variables]
        parts = dict.fromkeys(self._parts[n] for n in names)
        return [e for part in parts for e in part.provenance(ticks, names)]


def open_transitions(
    files: Mapping[int, Path], version: HildaVersion, orientation: Orientation
) -> ClassMaps:
    """Open transitions: the change of class from a year to the next, one GeoTIFF each.

    The file ``hildaplus_{year}-{year-1}_transitions…`` holds the change from ``year − 1`` to
    ``year``. Like every change in AI4Land it stands at the year it leaves: the file 1961-1960 is
    tick 1960.

    Codes of v1 have two digits, tens digit of the class before and of the class after (43: forest
    to pasture; 44: stable forest). Those of v1-f and later have four (4133). The variable
    ``land_use_transitions`` knows the 64 changes between main classes, so four digits are reduced
    to two and a change between forest types is stable forest; ``split_transitions`` gives both
    classes in full.

    Args:
        files: Later year of each file → the file.
        version: Edition; it says how many digits the codes have.
        orientation: Whether a file that looks mirrored is refused.

    Raises:
        SourceError: If the series is not on one grid.
    """
    left = {year - 1: path for year, path in files.items()}
    return ClassMaps(
        variable("land_use_transitions"),
        opened_maps(left),
        legend("hildaplus_transitions"),
        EDITIONS[version].product,
        gaps=gaps_in(left, lambda y: f"the transition file {y + 1}-{y} is missing"),
        recode=None if version == "v1" else _reduced,
        orientation=orientation,
    )


def _reduced(raw: Array) -> Array:
    """Four digits to two; what is no pair of classes becomes a code that no legend knows."""
    before, after = np.divmod(raw, 100)
    codes = before // 10 * 10 + after // 10
    odd = (raw != 0) & (raw != NO_DATA) & ((before < 10) | (before > 99))
    return np.where(odd, 254, np.where(raw == NO_DATA, NO_DATA, codes))


def split_transitions(codes: Array, digits: int) -> tuple[Codes, Codes]:
    """The classes before and after, as codes of the states.

    Args:
        codes: Codes of a transition file, any shape; 0 is ocean before and after.
        digits: 2 for v1, whose digits are the tens of the main classes (4 stands for 44); 4 for
            v1-f and later, which write both codes in full.

    Raises:
        ValueError: If ``digits`` is neither.
    """
    if digits not in {2, 4}:
        raise ValueError(f"transitions have 2 or 4 digits, not {digits}")
    before, after = np.divmod(np.asarray(codes), 10 if digits == 2 else 100)
    scale = 11 if digits == 2 else 1
    return (before * scale).astype(np.uint8), (after * scale).astype(np.uint8)


READER = Reader(
    HildaOptions,
    ("land_use", "land_use_smoothed", "land_use_transitions"),
    lambda path, options, _: open_hilda(path, options),
    title="HILDA+ land use states and transitions, v1.0, v1.0-f, v2.0, v2.1-crop",
    files=(
        "hilda_plus_{year}_states_GLOB-v1-0_wgs84-nn.tif",
        "hildaplus_{year}-{year-1}_transitions_GLOB-v20-11-29_wgs84-nn.tif",
        "hilda_plus_states_{year}_GLOB-v2_wgs84.tif",
        "hilda_plus_states_{year}_GLOB-v2_forest-crop_near_wgs84.tif",
        "hildaplus_vGLOB-1.0-f_states.nc, hildaplus_GLOB-2-0_states.nc",
    ),
    years="1899–2019 (v1), 1899–2020 (v2); before 1960 back-cast; transitions from 1960",
    licence="CC BY 4.0",
    citation="Winkler et al. 2021, doi:10.1594/PANGAEA.921846",
    certainty=Certainty.BYTES,
)
