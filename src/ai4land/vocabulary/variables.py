"""The variables: one table of names, kinds, units and physical bounds."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ai4land.errors import AI4LandError, ConfigError, VocabularyError
from ai4land.vocabulary.luh2 import (
    LUH2_CROPS,
    LUH2_HARVEST,
    LUH2_STATES,
    LUH2_TRANSITIONS,
    LUH2_WOOD,
)

__all__ = ["VARIABLES", "Kind", "Variable", "nearest_name", "variable"]


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
        pairs_of: Of gross transitions, the fraction variable whose classes they lead between: the
            layers are ``<before>_to_<after>``, shares of the area those fractions are shares of.
        by_class: Of numbers, whether there is one for each class of a legend.
    """

    name: str
    kind: Kind
    units: str
    long_name: str
    bounds: tuple[float | None, float | None] = (None, None)
    components: tuple[str, ...] = ()
    standard_name: str | None = None
    pairs_of: str = ""
    by_class: bool = False

    def layers(self, classes: Sequence[str] = ()) -> tuple[str, ...]:
        """Names of the layers; of class fractions, and of transitions between them, by class.

        Args:
            classes: Names of the classes that the values speak of, where a legend gives them.
        """
        if not classes or not (self.by_class or self.kind is Kind.FRACTION):
            return self.components
        if not self.pairs_of:
            return tuple(classes)
        return tuple(f"{before}_to_{after}" for before in classes for after in classes)


ERA5_SOIL_LAYERS = ("0_7cm", "7_28cm", "28_100cm", "100_289cm")
"""The four soil layers of ERA5 and ERA5-Land by depth (Balsamo et al. 2009)."""

_TABLE = (
    Variable("land_use", Kind.CATEGORICAL, "1", "land use class", standard_name="area_type"),
    Variable("land_cover", Kind.CATEGORICAL, "1", "land cover class", standard_name="area_type"),
    Variable(
        "land_use_smoothed",
        Kind.CATEGORICAL,
        "1",
        "land use class after smoothing in time; for learning, scores stay on land_use",
        standard_name="area_type",
    ),
    Variable(
        "land_cover_smoothed",
        Kind.CATEGORICAL,
        "1",
        "land cover class after smoothing in time; for learning, scores stay on land_cover",
        standard_name="area_type",
    ),
    Variable(
        "land_use_transitions",
        Kind.CATEGORICAL,
        "1",
        "change of land use class from this year to the next, as the product gives it",
    ),
    Variable(
        "land_use_fractions",
        Kind.FRACTION,
        "1",
        "area share of each class of the labels, aggregated to a coarse grid",
        (0.0, 1.0),
    ),
    Variable(
        "unplaced_change",
        Kind.CONTINUOUS,
        "1",
        "pixels of change that the coarse forcing asked for and the map does not hold",
        (0.0, None),
    ),
    *(
        Variable(f"{of}_area", Kind.CONTINUOUS, "km2", text, (low, None), by_class=True)
        for of, low, text in (
            (
                "asked",
                None,
                "area that the coarse forcing asks for, whether a map can hold it or not",
            ),
            ("given", 0.0, "area that the map gives to classes it shares with the coarse forcing"),
        )
    ),
    Variable("origin", Kind.CATEGORICAL, "1", "where the map of a year comes from"),
    *(
        Variable(
            f"{labels}_gross_transitions",
            Kind.FRACTION,
            "1",
            "area share that goes from one class of the labels to another, or stays (x_to_x), "
            "until the next labelled time; aggregated to a coarse grid",
            (0.0, 1.0),
            pairs_of=f"{labels}_fractions",
        )
        for labels in ("land_use", "land_cover")
    ),
    *(
        Variable(
            f"{labels}_probability",
            Kind.FRACTION,
            "1",
            "probability of each class that a model gave before it chose one",
            (0.0, 1.0),
        )
        for labels in ("land_use", "land_cover")
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
        "land_cover_fractions",
        Kind.FRACTION,
        "1",
        "area share of each land cover class",
        (0.0, 1.0),
        standard_name="area_fraction",
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
    Variable(
        "luh2_secondary_age",
        Kind.CONTINUOUS,
        "year",
        "mean age of secondary land",
        (0.0, None),
    ),
    Variable(
        "luh2_secondary_biomass",
        Kind.CONTINUOUS,
        "kg m-2",
        "mean biomass carbon density of secondary land",
        (0.0, None),
    ),
    Variable(
        "luh2_plantations",
        Kind.FRACTION,
        "1",
        "LUH3 forest plantations as share of the grid cell",
        (0.0, 1.0),
        standard_name="area_fraction",
    ),
    Variable(
        "luh2_transitions",
        Kind.FRACTION,
        "1",
        "share of the grid cell that goes from one LUH2 state to another until the next year",
        (0.0, 1.0),
        LUH2_TRANSITIONS,
        pairs_of="luh2_states",
    ),
    Variable(
        "luh2_wood_harvest",
        Kind.FRACTION,
        "1",
        "share of the grid cell where wood is harvested until the next year, by what it grew on",
        (0.0, 1.0),
        LUH2_HARVEST,
    ),
    Variable(
        "luh2_wood_harvest_carbon",
        Kind.CONTINUOUS,
        "kg m-2 year-1",
        "carbon in harvested wood per area of the grid cell, by what it grew on",
        (0.0, None),
        LUH2_HARVEST,
    ),
    Variable(
        "luh2_irrigation",
        Kind.CONTINUOUS,
        "1",
        "irrigated share of the area of each crop type",
        (0.0, 1.0),
        LUH2_CROPS,
    ),
    Variable(
        "luh2_fertiliser",
        Kind.CONTINUOUS,
        "kg ha-1 year-1",
        "nitrogen fertiliser on the area of each crop type, per crop season",
        (0.0, None),
        LUH2_CROPS,
    ),
    Variable(
        "luh2_biofuel_crops",
        Kind.CONTINUOUS,
        "1",
        "share of the area of each crop type grown for first-generation biofuel",
        (0.0, 1.0),
        LUH2_CROPS,
    ),
    Variable(
        "luh2_flooded_rice",
        Kind.CONTINUOUS,
        "1",
        "flooded share of the area of C3 annual crops",
        (0.0, 1.0),
    ),
    Variable(
        "luh2_wood_use",
        Kind.CONTINUOUS,
        "1",
        "share of harvested wood by use",
        (0.0, 1.0),
        LUH2_WOOD,
    ),
    Variable(
        "luh2_added_tree_cover",
        Kind.FRACTION,
        "1",
        "share of the grid cell on which tree cover is added",
        (0.0, 1.0),
    ),
    Variable(
        "luh2_ice_water",
        Kind.FRACTION,
        "1",
        "share of the grid cell under ice and water",
        (0.0, 1.0),
    ),
    Variable(
        "luh2_cell_area",
        Kind.CONTINUOUS,
        "m2",
        "area of the grid cell by the provider's earth",
        (0.0, None),
        standard_name="cell_area",
    ),
    Variable(
        "luh2_potential_forest",
        Kind.CONTINUOUS,
        "1",
        "whether natural vegetation would be forest (1) or not (0)",
        (0.0, 1.0),
    ),
    Variable(
        "luh2_potential_biomass",
        Kind.CONTINUOUS,
        "kg m-2",
        "biomass carbon density of natural vegetation",
        (0.0, None),
    ),
    Variable(
        "air_temperature",
        Kind.CONTINUOUS,
        "K",
        "air temperature at 2 m, mean of the period",
        (150.0, 350.0),
        standard_name="air_temperature",
    ),
    Variable(
        "dewpoint_temperature",
        Kind.CONTINUOUS,
        "K",
        "dew point at 2 m, mean of the period",
        (100.0, 330.0),
        standard_name="dew_point_temperature",
    ),
    Variable(
        "precipitation",
        Kind.CONTINUOUS,
        "mm",
        "rain and snow, total of the period as depth of water",
        (0.0, 6_000.0),
        standard_name="lwe_thickness_of_precipitation_amount",
    ),
    Variable(
        "rainfall",
        Kind.CONTINUOUS,
        "mm",
        "rain without snow, total of the period as depth of water",
        (0.0, 6_000.0),
        standard_name="thickness_of_rainfall_amount",
    ),
    Variable(
        "surface_shortwave",
        Kind.CONTINUOUS,
        "W m-2",
        "downward solar radiation at the surface, mean of the period",
        (0.0, 1400.0),
        standard_name="surface_downwelling_shortwave_flux_in_air",
    ),
    Variable(
        "surface_longwave",
        Kind.CONTINUOUS,
        "W m-2",
        "downward thermal radiation at the surface, mean of the period",
        (0.0, 800.0),
        standard_name="surface_downwelling_longwave_flux_in_air",
    ),
    Variable(
        "soil_temperature",
        Kind.CONTINUOUS,
        "K",
        "soil temperature by depth, mean of the period",
        (150.0, 350.0),
        ERA5_SOIL_LAYERS,
        "soil_temperature",
    ),
    Variable(
        "soil_water",
        Kind.CONTINUOUS,
        "m3 m-3",
        "water per volume of soil by depth, mean of the period",
        (0.0, 1.0),
        ERA5_SOIL_LAYERS,
        "volume_fraction_of_condensed_water_in_soil",
    ),
    Variable(
        "snow_water",
        Kind.CONTINUOUS,
        "kg m-2",
        "water in the snow on the ground, mean of the period",
        (0.0, None),
        standard_name="surface_snow_amount",
    ),
    Variable(
        "snow_depth",
        Kind.CONTINUOUS,
        "m",
        "thickness of the snow on the ground, mean of the period",
        (0.0, None),
        standard_name="surface_snow_thickness",
    ),
    Variable(
        "co2",
        Kind.CONTINUOUS,
        "ppm",
        "carbon dioxide in dry air, global or site mean of the period",
        (100.0, 10_000.0),
        standard_name="mole_fraction_of_carbon_dioxide_in_air",
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
        "urban_population_density",
        Kind.CONTINUOUS,
        "km-2",
        "people in cities per area of the whole cell",
        (0.0, None),
    ),
    Variable(
        "rural_population_density",
        Kind.CONTINUOUS,
        "km-2",
        "people in the country per area of the whole cell",
        (0.0, None),
    ),
    Variable(
        "leaf_area_index",
        Kind.CONTINUOUS,
        "m2 m-2",
        "one-sided green leaf area per ground area",
        (0.0, 15.0),
        standard_name="leaf_area_index",
    ),
    Variable(
        "leaf_area_index_observations",
        Kind.CONTINUOUS,
        "1",
        "number of valid composites behind the leaf area index",
        (0.0, None),
        standard_name="number_of_observations",
    ),
)

VARIABLES: MappingProxyType[str, Variable] = MappingProxyType({v.name: v for v in _TABLE})


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name a misspelt one most likely meant, or ``None``."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return close[0] if close else None


def check_name(
    name: str,
    known: Iterable[str],
    what: str,
    where: object = None,
    *,
    error: type[AI4LandError] = ConfigError,
    remedy: str | None = None,
) -> None:
    """Refuse a name that is not known, with the one that was most likely meant.

    Args:
        name: As somebody wrote it.
        known: The names that there are.
        what: What is wrong with another one, in one sentence.
        where: Where it was written.
        error: Kind of error.
        remedy: What to do if no known name is near.

    Raises:
        AI4LandError: Of that kind.
    """
    names = list(known)
    if name not in names:
        close = nearest_name(name, names)
        raise error(
            what,
            where=where,
            expected=f"one of {', '.join(names)}",
            found=repr(name),
            remedy=f"did you mean {close!r}?" if close else remedy,
        )


def variable(name: str) -> Variable:
    """Look a variable up by name.

    Raises:
        VocabularyError: If the vocabulary has no such variable; it names the nearest one.
    """
    remedy = "see `ai4land.vocabulary.VARIABLES`"
    check_name(name, VARIABLES, "Unknown variable", error=VocabularyError, remedy=remedy)
    return VARIABLES[name]
