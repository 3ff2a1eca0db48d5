"""The layers of LUH2 files: which vocabulary variable they make, how one file is read and checked.

Shares must fit into a cell; small negatives are set to 0.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import netCDF4
import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.formats import Layout, NetcdfMap, check_units, map_of, opened_netcdf, time_of, years_of
from ai4land.grid import Window
from ai4land.sources.file_source import check_whole_cells
from ai4land.sources.luh2.files import LuhFile
from ai4land.vocabulary import (
    LUH2_CROPS,
    LUH2_HARVEST,
    LUH2_STATES,
    LUH2_TRANSITIONS,
    LUH2_WOOD,
    variable,
)

__all__ = ["OFFERS", "PLANTATIONS", "LuhPiece", "Offer", "open_piece", "read_values"]

PLANTATIONS = "pltns"
"""The thirteenth state of LUH3, and the mark of all that belongs to it."""

_SHARE = frozenset({"1", "fraction", "fractions"})
_CARBON = frozenset({"kg c m-2", "kg m-2", "kgc m-2", "kg c/m2", "kg/m2"})
_TREE = "added_tree_cover"
_LOG = logging.getLogger(__name__)
_SUM_LIMIT = 1.001  # Σ states = 1 − water and ice, up to rounding
_NEGATIVE_LIMIT = -1e-4  # of 1, or of the largest value where there is no upper bound
_SECDF = LUH2_STATES.index("secdf")

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Offer:
    """How a vocabulary variable is made from the variables of a file.

    Attributes:
        name: The vocabulary variable.
        kind: Kind of file that holds it.
        layers: Per component, the names it may have in the file; the first found is read.
        units: Units accepted, lower case.
        scale: Factor from the file's units to the vocabulary's.
        per_area: Whether the file gives the total of the cell, to be divided by its area.
        total: Whether the layers are shares of one cell, so that their sum is at most 1.
    """

    name: str
    kind: str
    layers: tuple[tuple[str, ...], ...]
    units: frozenset[str] = _SHARE
    scale: float = 1.0
    per_area: bool = False
    total: bool = False


def _each(names: tuple[str, ...], *patterns: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(p.format(name) for p in patterns) for name in names)


_CROP_SEASON = frozenset(
    {"kg ha-1 yr-1 (crop season)", "kg ha-1 yr-1", "kg n ha-1 yr-1", "kg ha-1 year-1"}
)
_CARBON_RATE = frozenset({"kg c yr-1", "kg yr-1", "kg c", "kg", "kg c year-1", "kg year-1"})

OFFERS: tuple[Offer, ...] = (
    Offer("luh2_states", "states", _each(LUH2_STATES, "{}"), total=True),
    Offer("luh2_secondary_age", "states", (("secma",),), frozenset({"years", "year", "yr"})),
    Offer("luh2_secondary_biomass", "states", (("secmb",),), _CARBON),
    Offer("luh2_plantations", "states", ((PLANTATIONS,),)),
    Offer("luh2_transitions", "transitions", _each(LUH2_TRANSITIONS, "{}"), total=True),
    Offer("luh2_wood_harvest", "transitions", _each(LUH2_HARVEST, "{}_harv"), total=True),
    Offer(
        "luh2_wood_harvest_carbon",
        "transitions",
        _each(LUH2_HARVEST, "{}_bioh"),
        _CARBON_RATE,
        per_area=True,
    ),
    Offer("luh2_irrigation", "management", _each(LUH2_CROPS, "irrig_{}")),
    Offer("luh2_fertiliser", "management", _each(LUH2_CROPS, "fertl_{}"), _CROP_SEASON),
    Offer("luh2_biofuel_crops", "management", _each(LUH2_CROPS, "crpbf_{}", "cpbf1_{}")),
    Offer("luh2_flooded_rice", "management", (("flood",),)),
    Offer("luh2_wood_use", "management", _each(LUH2_WOOD, "{}")),
    Offer("luh2_added_tree_cover", "tree", ((_TREE,),)),
    Offer("luh2_added_tree_cover", "management", (("addtc",),)),
    Offer("luh2_ice_water", "static", (("icwtr",),)),
    Offer("luh2_cell_area", "static", (("carea",),), frozenset({"km2", "km^2", "km**2"}), 1e6),
    Offer("luh2_potential_forest", "static", (("fstnf",),), _SHARE | {"0-1", "boolean"}),
    Offer("luh2_potential_biomass", "static", (("ptbio",),), _CARBON),
)
"""Every variable of the three products that is offered, by kind of file."""


@dataclass(frozen=True, slots=True)
class LuhPiece:
    """One file whose header was read.

    Attributes:
        file: What it is.
        layout: How its rows and columns lie.
        index: Year → position on the time axis; empty if static.
        names: Offer → names of its layers in this file.
        absent: Variable → why the file does not give it.
        placeholders: Layers of plantations, which LUH3 fills with 0.
        time: Name of the dimension of time; empty if static.
    """

    file: LuhFile
    layout: Layout
    index: Mapping[int, int]
    names: Mapping[str, tuple[str, ...]]
    absent: Mapping[str, str]
    placeholders: tuple[str, ...] = ()
    time: str = ""

    def read(
        self, names: tuple[str, ...], year: int | None, window: Window
    ) -> npt.NDArray[np.float32]:
        """Layers of a window as stored, NaN missing, ``(layer, y, x)``."""
        at = {} if year is None else {self.time: self.index[year]}
        with opened_netcdf(self.file.path) as dataset:
            layers = [self._map(dataset, name).floats(window, at, dataset) for name in names]
        return np.stack(layers)

    def _map(self, dataset: netCDF4.Dataset, name: str) -> NetcdfMap:
        return map_of(dataset, dataset[name], self.file.path, layout=self.layout)

    def describe(self, year: int | None) -> str:
        """File and year, for error texts."""
        return self.file.path.name if year is None else f"{self.file.path.name}, {year}"


def open_piece(path: Path) -> LuhPiece:
    """Read and check the header of a file of LUH2 or LUH3.

    Raises:
        MissingFileError: If there is no such file.
        SourceError: If it is not what the products promise.
    """
    with opened_netcdf(path) as dataset:
        kind = _kind(dataset)
        if kind is None:
            raise SourceError(
                "Not a file of LUH2 or LUH3",
                where=path,
                expected=f"the twelve states {', '.join(LUH2_STATES)}, or transitions, "
                "management or static data of the same product",
                found=", ".join(dataset.variables) or "no variables",
            )
        names, absent = _found(dataset, kind, path)
        first = map_of(dataset, dataset[next(iter(names.values()))[0]], path)
        index, axis = dict[int, int](), ""
        if kind != "static":
            time = time_of(dataset, first)
            index, axis = years_of(time, path), time.name
        elif first.others:
            raise SourceError(
                "Static data have a time axis",
                where=f"{path}, {first.name}",
                found=first.dimensions,
            )
        source_id = str(getattr(dataset, "source_id", ""))
        odd = tuple(n for n in dataset.variables if _is_placeholder(n))
    last = max(index) if index else None
    known = LuhFile.of(path, source_id, last) or LuhFile(path, kind)
    return LuhPiece(replace(known, kind=kind), first.layout, index, names, absent, odd, axis)


def _is_placeholder(name: str) -> bool:
    parts = name.split("_")
    moves = "to" in parts or parts[-1] in {"harv", "bioh"}
    return name == PLANTATIONS or (PLANTATIONS in parts and moves)


def _kind(dataset: netCDF4.Dataset) -> str | None:
    """The kind of file, by the variables in it."""
    names = set(dataset.variables)
    for offer in OFFERS:
        if any(set(options) & names for options in offer.layers):
            return offer.kind
    return None


def _found(
    dataset: netCDF4.Dataset, kind: str, path: Path
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Names in the file of what it offers, and why it does not offer the rest.

    Raises:
        SourceError: If what such a file is there for is incomplete or in other units.
    """
    names: dict[str, tuple[str, ...]] = {}
    absent: dict[str, str] = {}
    for offer in (o for o in OFFERS if o.kind == kind):
        hits = [next((n for n in some if n in dataset.variables), "") for some in offer.layers]
        missing = [some[0] for hit, some in zip(hits, offer.layers, strict=True) if not hit]
        try:
            if missing:
                raise SourceError(
                    f"The file lacks {_WORDS.get(offer.name, 'variables')}",
                    where=path,
                    expected=f"all {len(hits)}: {', '.join(o[0] for o in offer.layers[:12])}"
                    + ("…" if len(hits) > 12 else ""),
                    found=f"{len(missing)} are missing: {', '.join(missing[:12])}",
                    remedy="use the complete file; a part cannot be a share of the cell"
                    if offer.total
                    else "use the complete file",
                )
            for hit in hits:
                check_units(dataset[hit], set(offer.units), path)
        except SourceError as error:
            if offer.name in _WORDS:
                raise
            absent[offer.name] = " ".join(str(error).split())
        else:
            names[offer.name] = tuple(hits)
    if not names:
        raise SourceError(
            "Nothing in the file can be read", where=path, found="; ".join(absent.values())
        )
    return names, absent


_WORDS = {"luh2_states": "land-use states", "luh2_transitions": "land-use transitions"}


def read_values(
    offer: Offer,
    piece: LuhPiece,
    year: int | None,
    window: Window,
    plantations: Literal["refuse", "secdf"],
) -> tuple[Floats, int]:
    """Read, check, clip and bring to the vocabulary's units.

    Args:
        offer: What to read.
        piece: The file.
        year: Year of the file; ``None`` if static.
        window: Rows and columns of the file's grid.
        plantations: What to do with LUH3's thirteenth state where it is not 0.

    Returns:
        ``(layer, y, x)`` in the vocabulary's units, NaN missing; and how many of them were slightly
        negative and are 0 now.

    Raises:
        SourceError: If the values are not what the product promises.
    """
    where = piece.describe(year)
    names, odd = piece.names[offer.name], _placeholders(offer, piece)
    found = piece.read((*names, *odd), year, window)
    values, planted = found[: len(names)], np.nan_to_num(found[len(names) :])
    if offer.name == "luh2_states":
        check_whole_cells(np.isnan(values), "states", where)
    if planted.any():
        _settle(offer, values, planted, plantations, where)
    _check(offer, values, where)
    negative = values < 0  # NaN is not
    clipped = int(negative.sum())
    if clipped:
        _LOG.debug("%s: %d slightly negative values set to 0", where, clipped)
        values[negative] = 0
    if offer.per_area:
        rows = piece.layout.grid.row_areas()[window.slices[0]]
        values = (values / rows[:, None]).astype(np.float32)
    elif offer.scale != 1:
        values *= np.float32(offer.scale)
    return values, clipped


def _placeholders(offer: Offer, piece: LuhPiece) -> tuple[str, ...]:
    """What the file says of plantations beside the layers of an offer."""
    if offer.name == "luh2_states":
        return tuple(n for n in piece.placeholders if n == PLANTATIONS)
    if offer.name == "luh2_transitions":
        return tuple(n for n in piece.placeholders if "_to_" in n)
    if offer.kind == "transitions":
        ending = "_bioh" if offer.per_area else "_harv"
        return tuple(n for n in piece.placeholders if n.endswith(ending))
    return ()


def _settle(offer: Offer, values: Floats, planted: Floats, plantations: str, where: str) -> None:
    """Count plantations as secondary forest, if that is wanted and can be done."""
    if offer.name == "luh2_states" and plantations == "secdf":
        values[_SECDF] += planted[0]
        return
    raise SourceError(
        "The file has plantations, which the twelve states do not know",
        where=where,
        expected=f"0, as in the history of LUH3, in what belongs to {PLANTATIONS}",
        found=f"up to {float(np.abs(planted).max()):g}",
        remedy="set the option `plantations: secdf` to count them as secondary forest"
        if offer.name == "luh2_states"
        else f"{offer.name} cannot tell them; use luh2_states, with `plantations: secdf`",
    )


def _check(offer: Offer, values: Floats, where: str) -> None:
    """Refuse values that are no shares, or clearly negative."""
    if not np.isfinite(values).any():
        return
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    most = variable(offer.name).bounds[1]
    if offer.total:
        high = float(np.nan_to_num(values).sum(axis=0).max())
    too_high = most is not None and high > most * _SUM_LIMIT
    if too_high or low < _NEGATIVE_LIMIT * (1.0 if most is not None else max(1.0, high)):
        sums = "sum " if offer.total else ""
        raise SourceError(
            "The states are not shares of the cell"
            if offer.name == "luh2_states"
            else f"The values of {offer.name} are impossible",
            where=where,
            expected=f"at least {_NEGATIVE_LIMIT:g} each"
            + ("" if most is None else f", {sums}at most {_SUM_LIMIT}"),
            found=f"smallest {low:g}, largest {sums}{high:g}",
            remedy="the file may hold percent, or its fill value is not masked"
            if too_high
            else "the file is damaged",
        )
