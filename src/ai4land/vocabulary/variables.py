"""The variables: one table of names, kinds, units and physical bounds."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ai4land.errors import VocabularyError

__all__ = ["LUH2_STATES", "VARIABLES", "Kind", "Variable", "nearest_name", "variable"]


class Kind(StrEnum):
    """What a value means, and so how it may be resampled, fed to a network and averaged."""

    CATEGORICAL = "categorical"  #: a class code of a legend; never interpolated
    FRACTION = "fraction"  #: share of an area, 0…1; conserved by area weighting
    CONTINUOUS = "continuous"  #: a number with a unit


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the vocabulary.

    Attributes:
        name: The only string by which any part of AI4Land calls it.
        kind: What its values mean.
        units: UDUNITS string; ``"1"`` for fractions and classes.
        long_name: One line for people.
        bounds: Smallest and largest physical value, or ``None`` where open.
        components: Names of the layers of a vector variable (the twelve LUH2 states); a scalar
            variable has none. Class fractions take theirs from a legend.
        standard_name: CF standard name where one exists.
    """

    name: str
    kind: Kind
    units: str
    long_name: str
    bounds: tuple[float | None, float | None] = (None, None)
    components: tuple[str, ...] = ()
    standard_name: str | None = None


LUH2_STATES = (
    "primf",
    "primn",
    "secdf",
    "secdn",
    "urban",
    "c3ann",
    "c4ann",
    "c3per",
    "c4per",
    "c3nfx",
    "pastr",
    "range",
)
"""The twelve land-use states of LUH2 in file order (Hurtt et al. 2020, GMD 13, 5425)."""

_TABLE = (
    Variable("land_use", Kind.CATEGORICAL, "1", "land use class", standard_name="area_type"),
    Variable("land_cover", Kind.CATEGORICAL, "1", "land cover class", standard_name="area_type"),
    Variable(
        "land_use_fractions",
        Kind.FRACTION,
        "1",
        "area share of each class of the labels, aggregated to a coarse grid",
        (0.0, 1.0),
    ),
    Variable(
        "land_share",
        Kind.FRACTION,
        "1",
        "share of the grid cell that is land of a known class",
        (0.0, 1.0),
        standard_name="land_area_fraction",
    ),
    Variable(
        "luh2_states",
        Kind.FRACTION,
        "1",
        "LUH2 land-use states as share of the grid cell",
        (0.0, 1.0),
        LUH2_STATES,
        "area_fraction",
    ),
    Variable("climate_zone", Kind.CATEGORICAL, "1", "Köppen-Geiger climate zone"),
    Variable("soil_zone", Kind.CATEGORICAL, "1", "dominant soil texture class"),
    Variable(
        "elevation",
        Kind.CONTINUOUS,
        "m",
        "height above mean sea level, sea floor negative",
        (-12000.0, 9000.0),
        standard_name="surface_altitude",
    ),
    Variable("slope", Kind.CONTINUOUS, "degree", "terrain slope", (0.0, 90.0)),
    Variable(
        "aspect_north",
        Kind.CONTINUOUS,
        "1",
        "cosine of the downslope direction, clockwise from north; 0 where flat",
        (-1.0, 1.0),
    ),
    Variable(
        "aspect_east",
        Kind.CONTINUOUS,
        "1",
        "sine of the downslope direction, clockwise from north; 0 where flat",
        (-1.0, 1.0),
    ),
    Variable("sand", Kind.CONTINUOUS, "percent", "sand share of the topsoil", (0.0, 100.0)),
    Variable("clay", Kind.CONTINUOUS, "percent", "clay share of the topsoil", (0.0, 100.0)),
    Variable("soil_organic", Kind.CONTINUOUS, "kg m-3", "soil organic matter", (0.0, None)),
    Variable("population_density", Kind.CONTINUOUS, "km-2", "people per area", (0.0, None)),
    Variable(
        "leaf_area_index",
        Kind.CONTINUOUS,
        "m2 m-2",
        "one-sided green leaf area per ground area",
        (0.0, 15.0),
        standard_name="leaf_area_index",
    ),
)

VARIABLES: MappingProxyType[str, Variable] = MappingProxyType({v.name: v for v in _TABLE})


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name a misspelt one most likely meant, or ``None``."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return close[0] if close else None


def variable(name: str) -> Variable:
    """Look a variable up by name.

    Raises:
        VocabularyError: If the vocabulary has no such variable; it names the nearest one.
    """
    try:
        return VARIABLES[name]
    except KeyError:
        close = nearest_name(name, VARIABLES)
        raise VocabularyError(
            "Unknown variable",
            found=repr(name),
            expected=f"one of {', '.join(VARIABLES)}",
            remedy=f"did you mean {close!r}?" if close else "see `ai4land.vocabulary.VARIABLES`",
        ) from None
