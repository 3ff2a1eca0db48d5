"""Global attributes of files: CF 1.11 and the whole list that ACDD 1.3 recommends."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ai4land.grid import Grid
from ai4land.product.maps import Maps
from ai4land.product.release import Release

__all__ = ["CONVENTIONS", "box", "global_attributes"]

CONVENTIONS = "CF-1.11, ACDD-1.3"  # with a comma: ACDD's checker does not see it otherwise
_NAMES = "CF Standard Name Table v93"

Attributes = dict[str, str | float]


def box(grid: Grid) -> tuple[float, float, float, float]:
    """West, south, east and north of a grid in degrees; east is beyond 180 across the date line."""
    latitude, longitude = grid.latitude_edges(), grid.longitude_edges()
    return float(longitude[0]), float(latitude[-1]), float(longitude[-1]), float(latitude[0])


def global_attributes(
    release: Release, maps: Maps, what: str, years: Sequence[int], grid: Grid, identifier: str
) -> Attributes:
    """What a file says of itself.

    Args:
        release: The product.
        maps: The scenario.
        what: What is in the file, as part of its title.
        years: The years in it, ascending.
        grid: Where its cells lie.
        identifier: Its name without the ending.
    """
    said, run = release.metadata, maps.cube.attributes
    span = str(years[0]) if len(years) == 1 else f"{years[0]}…{years[-1]}"
    date = release.date(maps)
    products = ", ".join(" ".join((s["product"], s.get("version", ""))) for s in release.sources)
    found: Attributes = {
        "Conventions": CONVENTIONS,
        "title": f"{release.title}: {what}, {maps.scenario}, {span}",
        "summary": said.titled(release.summary),
        "keywords": ", ".join(said.keywords),
        "id": identifier,
        "naming_authority": said.naming_authority,
        "product_version": said.version,
        "history": f"{date} written by {release.software} from {maps.cube.path.name}",
        "source": f"{run.get('stepper', 'labels')}: {run.get('title', maps.cube.path.name)}. "
        f"Made from: {products or 'not stated'}",
        "processing_level": said.processing_level,
        "acknowledgement": said.acknowledgement or f"The makers of {products or 'the data used'}.",
        "license": release.licence,
        "standard_name_vocabulary": _NAMES,
        "date_created": date,
        "project": said.project,
        "institution": said.creator.institution,
        "scenario": maps.scenario,
        "checkpoint": _checkpoint(maps),
    }
    for role, party in (("creator", said.creator), ("publisher", said.published_by)):
        found |= {
            f"{role}_name": party.name,
            f"{role}_email": party.email,
            f"{role}_url": party.url,
            f"{role}_type": party.type,
            f"{role}_institution": party.institution,
        }
    if said.notice:
        found["notice"] = said.notice
    found["comment"] = said.titled(
        "the map of a year is its state, dated 1 January; the bounds of time are the year. "
        "README.md of the product says what the maps lack."
    )
    if said.references or said.doi:
        found["references"] = said.references or f"https://doi.org/{said.doi}"
    return found | _extent(grid) | _times(years)


def _checkpoint(maps: Maps) -> str:
    """Checksums of the model's files, if a model made the run."""
    made = maps.cube.attributes.get("checkpoint")
    return json.dumps(made.get("files")) if isinstance(made, dict) else "none"


def _extent(grid: Grid) -> Attributes:
    west, south, east, north = box(grid)
    latitude, longitude = grid.latitudes(), grid.longitudes()  # limits are those of the axes
    ring = ((south, west), (south, east), (north, east), (north, west), (south, west))
    corners = ", ".join(f"{lat:.10g} {lon:.10g}" for lat, lon in ring)  # in the order of the CRS
    return {
        "geospatial_bounds": f"POLYGON (({corners}))",
        "geospatial_bounds_crs": "EPSG:4326",
        "geospatial_bounds_vertical_crs": "none: heights are above the ground",
        "geospatial_lat_min": float(latitude[-1]),
        "geospatial_lat_max": float(latitude[0]),
        "geospatial_lat_units": "degrees_north",
        "geospatial_lat_resolution": float(grid.dy),
        "geospatial_lon_min": float(longitude[0]),
        "geospatial_lon_max": float(longitude[-1]),
        "geospatial_lon_units": "degrees_east",
        "geospatial_lon_resolution": float(grid.dx),
        "geospatial_vertical_min": 0.0,
        "geospatial_vertical_max": 0.0,
        "geospatial_vertical_positive": "up",
    }


def _times(years: Sequence[int]) -> Attributes:
    return {
        "time_coverage_start": f"{years[0]:04d}-01-01T00:00:00Z",
        "time_coverage_end": f"{years[-1]:04d}-01-01T00:00:00Z",  # "of the last data point"
        "time_coverage_duration": f"P{years[-1] - years[0] + 1}Y",
        "time_coverage_resolution": "P1Y",
    }
