"""PNNL 1 km land parameters: soil and topography, found by the names of variables and axes.

Li et al. 2024, ESSD 16, 2007, doi:10.5194/essd-16-2007-2024. Names and layout of the files are
not documented; what users of them and the land models they are made for call the variables is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import numpy as np
from pydantic import Field

from ai4land.errors import MissingFileError, SourceError
from ai4land.sources.reader import Certainty, Reader
from ai4land.sources.soil.parameters import (
    Parameter,
    ParameterMaps,
    ParameterOptions,
    conversion,
    over_depth,
    recognised,
)
from ai4land.sources.source import Array, Product
from ai4land.sources.surfaces import Surface, is_netcdf
from ai4land.vocabulary import variable

__all__ = ["READER", "PnnlOptions", "clm_layer_edges", "open_pnnl"]

_PRODUCT = Product(
    "PNNL 1 km land surface parameters",
    "",
    "CC BY 4.0",
    "Li et al. 2024, doi:10.25584/PNNLDH/1986308",
)
_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "elevation": ("elevation", "topo", "topography"),
        "slope": ("slope",),
        "aspect": ("aspect",),
        "sand": ("pct_sand", "weighted_pct_sand"),
        "clay": ("pct_clay", "weighted_pct_clay"),
        "soil_organic": ("organic", "weighted_organic"),
    }
)
_LOWEST_LAND = -500.0  # m, below the shore of the Dead Sea: −9999 is no depth of this land
_LAYERS = frozenset(
    {"nlevsoi", "levsoi", "nlevgrnd", "levgrnd", "nlev", "lev", "level"}
    | {"depth", "layer", "layers", "soil_layer", "soil_layers"}
)


class PnnlOptions(ParameterOptions):
    """Options of ``pnnl``; quantities are elevation, slope, aspect, sand, clay, soil_organic.

    Attributes:
        topsoil: Depth in m over which soil layers are averaged.
        layer_edges: Depths in m of the edges of the soil layers, from 0 down; default: the ten
            layers of CLM and ELM.
    """

    topsoil: Annotated[float, Field(gt=0, le=10)] = 0.3
    layer_edges: tuple[float, ...] | None = None


def clm_layer_edges(count: int = 10) -> tuple[float, ...]:
    """Depths in m of the edges of the soil layers of CLM and ELM.

    Nodes at 0.025·(exp(0.5·(i − 0.5)) − 1) m, edges half way between them (Oleson et al. 2013,
    CLM 4.5 technical note, section 6.1); below the ten soil layers the models go on.

    Args:
        count: Number of layers.
    """
    nodes = [0.025 * (math.exp(0.5 * (i - 0.5)) - 1.0) for i in range(1, count + 2)]
    return (0.0, *((a + b) / 2.0 for a, b in itertools.pairwise(nodes)))


def open_pnnl(path: Path, options: PnnlOptions) -> ParameterMaps:
    """Open a NetCDF file or a folder of them, and offer what is recognised."""
    options.check_keys(_NAMES, path)
    files = sorted(f for f in path.rglob("*") if is_netcdf(f)) if path.is_dir() else [path]
    found, seen = recognised(files, _NAMES, options)
    if not found:
        raise MissingFileError(
            "No land parameter is recognised here",
            where=path,
            expected="variables named " + ", ".join(n for names in _NAMES.values() for n in names),
            found=", ".join(seen[:20]) or "no NetCDF file",
            remedy="say which variable is which in the option `names`" if seen else None,
        )
    parameters: dict[str, Parameter] = {}
    for quantity, (file, name) in found.items():
        if quantity != "aspect":
            parameters[quantity] = _parameter(quantity, file, name, options)
    if "aspect" in found:
        slope = parameters["slope"].parts[0][0] if "slope" in parameters else None
        parameters |= _aspect(*found["aspect"], slope, options)
    absent = {
        n: f"the files hold no {n}; they hold {', '.join(seen[:20])}" for n in READER.variables
    }
    return ParameterMaps(parameters, _PRODUCT, absent)


def _parameter(quantity: str, file: Path, name: str, options: PnnlOptions) -> Parameter:
    """One quantity; soil layers are averaged over the topsoil."""
    entry, where = variable(quantity), f"{file}, {name}"
    surface = options.map_in(file, name)
    parts: tuple[tuple[Surface, float], ...] = ((surface, 1.0),)
    weights: dict[int, float] = {}
    if surface.layers:
        ((dimension, count),) = surface.layers.items()
        weights = _weights(quantity, dimension, count, where, options)
        parts = tuple((replace(surface, layer=i), w) for i, w in weights.items())
    units = options.units.get(quantity, surface.units)
    note = {
        "quantity": quantity,
        "file": file.name,
        "name": name,
        "units": units,
        "rows": "south first" if surface.layout.flipped else "north first",
        "columns_from_east": surface.layout.roll,
        "transposed": getattr(surface.map, "transposed", False),
        "layer_weights": {str(i + 1): round(w, 6) for i, w in weights.items()},
    }
    lowest = _LOWEST_LAND if quantity == "elevation" else None
    factor = conversion(units, entry.units, where)
    return Parameter(entry, parts, factor, lowest=lowest, note=note)


def _weights(
    quantity: str, dimension: str, count: int, where: str, options: PnnlOptions
) -> dict[int, float]:
    """Share of each soil layer in the topsoil."""
    soil = quantity in {"sand", "clay", "soil_organic"}
    if not soil or dimension.lower() not in _LAYERS:
        raise SourceError(
            "The variable has a dimension that is not understood",
            where=where,
            expected="latitude and longitude, and of soil layers of " + ", ".join(sorted(_LAYERS)),
            found=f"{dimension} of length {count}",
        )
    edges = options.layer_edges or clm_layer_edges()
    if (
        len(edges) != count + 1
        or edges[0] != 0
        or any(a >= b for a, b in itertools.pairwise(edges))
    ):
        raise SourceError(
            "The edges of the soil layers do not fit the file",
            where=where,
            expected=f"{count + 1} depths in m that ascend from 0, for {count} layers",
            found=", ".join(f"{e:g}" for e in edges),
            remedy="give them as the option `layer_edges`",
        )
    if edges[-1] < options.topsoil:
        raise SourceError(
            "The soil layers end above the lower end of the topsoil",
            where=where,
            expected=f"layers down to {options.topsoil:g} m",
            found=f"the last one ends at {edges[-1]:g} m",
            remedy="choose a smaller `topsoil`",
        )
    return over_depth(edges, options.topsoil)


def _aspect(
    file: Path, name: str, slope: Surface | None, options: PnnlOptions
) -> dict[str, Parameter]:
    """Cosine and sine of the downslope direction, in degrees clockwise from north; 0 where flat."""
    surface = options.map_in(file, name)
    units = options.units.get("aspect", surface.units)
    factor = conversion(units, "degree", f"{file}, {name}")
    note = {"quantity": "aspect", "file": file.name, "name": name, "units": units}
    note["direction"] = "clockwise from north"
    out = {}
    for made, wave in (("aspect_north", np.cos), ("aspect_east", np.sin)):

        def turn(degrees: Array, beside: Array | None, wave: np.ufunc = wave) -> Array:
            flat = degrees == -1.0  # as GIS programs mark it
            beyond = ~flat & ((degrees < 0.0) | (degrees > 360.5))
            if beyond.any():
                raise SourceError(
                    "Directions beyond the circle",
                    where=f"{file}, {name}",
                    expected="0…360°, −1 where flat",
                    found=f"{degrees[beyond][0]:g} in {int(beyond.sum())} cells",
                    remedy="give a missing value that is not declared as the option `fill`",
                )
            if beside is not None:
                flat |= beside == 0.0
            return np.where(flat, np.float32(0.0), wave(np.radians(degrees)))

        out[made] = Parameter(variable(made), ((surface, 1.0),), factor, turn, slope, note=note)
    return out


READER = Reader(
    PnnlOptions,
    ("elevation", "slope", "aspect_north", "aspect_east", "sand", "clay", "soil_organic"),
    lambda path, options, _: open_pnnl(path, options),
    title="PNNL 1 km land parameters: topography and soil",
    files=("any NetCDF with ELEVATION, SLOPE, ASPECT, PCT_SAND, PCT_CLAY or ORGANIC",),
    years="static",
    licence=_PRODUCT.licence,
    citation="Li et al. 2024, doi:10.5194/essd-16-2007-2024",
    certainty=Certainty.PAPER,
    experimental=True,
)
