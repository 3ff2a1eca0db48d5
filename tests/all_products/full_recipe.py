"""The recipe of a cube of everything that a synthetic planet writes."""

from __future__ import annotations

from typing import Any

from ai4land.testing.formats.hilda import HILDA_FOLDER
from ai4land.testing.planet.spec import PlanetSpec
from all_products.more_products import (
    CO2_FOLDER,
    ERA5_LAND_FOLDER,
    ESA_CCI_FOLDER,
    LAI_FOLDER,
    PARAMETERS_NAME,
    POPULATION_FOLDER,
    SOIL_FOLDER,
    TEXTURE_NAME,
    ssp_of,
)

__all__ = ["full_recipe"]

Entry = dict[str, Any]

_LUH2 = (
    "luh2_states",
    "luh2_secondary_age",
    "luh2_secondary_biomass",
    "luh2_ice_water",
    "luh2_potential_forest",
    "luh2_potential_biomass",
    "luh2_cell_area",
)
_PEOPLE = ("population_density", "urban_population_density", "rural_population_density")


def full_recipe(
    spec: PlanetSpec, scenario: str, years: tuple[int, int, int], folder: str = "."
) -> dict[str, Any]:
    """A recipe of all products in history and a scenario, as plain data.

    Products that end are held (climate zones, land cover) or dropped (weather, leaf area) outside
    their years; forcing, population and CO2 cover them all.

    Args:
        spec: The planet, written with all products.
        scenario: One of its scenarios.
        years: First and last year and the step between them, such as the planet was written.
        folder: Where it was written; an absolute path, or relative to the recipe.
    """
    coarse = float(spec.coarse.dx)

    def entry(source: str, path: object, **more: object) -> Entry:
        return {"source": source, "path": f"{folder}/{path}", **more}

    luh2: Entry = {"source": "luh2", "path": folder, "options": {"scenario": scenario}}
    people = entry("population", POPULATION_FOLDER, options={"scenario": ssp_of(scenario)})
    weather = entry("era5_land", ERA5_LAND_FOLDER, outside="drop")
    leaves = entry("lai_gimms", LAI_FOLDER, outside="drop")
    cover = entry("esa_cci", ESA_CCI_FOLDER, outside="hold")
    ground = entry("pnnl", PARAMETERS_NAME)
    soil = entry("soil", SOIL_FOLDER)
    variables: dict[str, Entry] = {
        "land_use": entry(
            "hilda",
            HILDA_FOLDER.parts[0],
            options={"version": "v1", "base_map_2015": "repair"},
            legend="landuse8",
        ),
        "land_use_fractions": {"source": "labels", "options": {"degrees": coarse}},
        **dict.fromkeys(_LUH2, luh2),
        "climate_zone": entry(
            "koeppen_geiger", "koeppen_geiger_tif", options={"scenario": scenario}, outside="hold"
        ),
        "elevation": entry("gebco", "GEBCO_2024.nc"),
        **dict.fromkeys(("slope", "aspect_north", "aspect_east", "soil_organic"), ground),
        **dict.fromkeys(("sand", "clay"), soil),
        "soil_zone": entry("soil_texture", TEXTURE_NAME),
        **dict.fromkeys(_PEOPLE, people),
        "co2": entry("co2", CO2_FOLDER, options={"scenario": scenario}),
        **dict.fromkeys(("air_temperature", "precipitation"), weather),
        "land_cover": cover,
        "land_cover_fractions": {**cover, "resample": "fraction", "degrees": coarse},
        **dict.fromkeys(("leaf_area_index", "leaf_area_index_observations"), leaves),
    }
    first, last, step = years
    return {
        "title": f"Synthetic planet, all products, {scenario}",
        "years": {"first": first, "last": last, "step": step},
        "variables": variables,
    }
