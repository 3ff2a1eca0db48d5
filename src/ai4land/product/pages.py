"""The first page of a product and how to cite it, written from what the run says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ai4land.product.catalogue import CATALOGUE
from ai4land.product.folder import Planned
from ai4land.product.maps import Maps
from ai4land.product.metadata import NOT_STATED, Party
from ai4land.product.release import Release
from ai4land.vocabulary import Clock

__all__ = ["pages"]

_KINDS = {
    "netcdf": "one NetCDF-4 file a year, CF-1.11 and ACDD-1.3",
    "cog": "one Cloud-Optimized GeoTIFF a year, overviews by majority of the pixels",
    "classes": "one GeoTIFF a year and class: 1 where the class is, 0 elsewhere",
    "fractions": "area fractions of the classes on coarse cells, all years in one NetCDF-4 file",
    "stac": "an item of the STAC catalogue a year",
}
_LOST = "unplaced_change"


def pages(release: Release) -> Iterator[Planned]:
    """``README.md`` and ``CITATION.cff``; to be planned when all else is written."""
    for name, text in (("README.md", _readme(release)), ("CITATION.cff", _citation(release))):
        yield Planned(name, release.made_from(None, text), partial(_write, text))


def _write(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def _readme(release: Release) -> str:
    said = release.metadata
    notice = [f"> **{said.notice}**", ""] if said.notice else []
    parts = [
        [f"# {release.title}", "", *notice, release.summary, ""],
        _contents(release),
        _classes(release),
        _opening(release),
        ["## How it was made", ""],
        *(_made(maps) for maps in release.scenarios.values()),
        _sources(release),
        ["## Licence", "", f"{release.licence}.", ""],
        ["## Citation", "", "See `CITATION.cff`. Cite the sources as well.", ""],
        [f"Written by {release.software}."],
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def _contents(release: Release) -> list[str]:
    lines = ["## What is here", "", "| files | number | size |", "|---|--:|--:|"]
    for scenario, maps in release.scenarios.items():
        for kind, what in _KINDS.items():
            home = f"{scenario}/{kind}/"
            own = f"{release.metadata.name}_{maps.variable}_"
            found = [
                w
                for w in release.written.values()
                if w.name.startswith(home) and w.name.rpartition("/")[2].startswith(own)
            ]
            if found:
                size = sum(w.bytes for w in found) / 1e6
                lines.append(f"| `{home}` {what} | {len(found)} | {size:.1f} MB |")
    if CATALOGUE in release.written:
        lines.append(f"| `{CATALOGUE}` where a STAC reader begins | 1 | |")
    lines.append("| `files.jsonl` every file with its size and SHA-256 | 1 | |")
    return [*lines, ""]


def _classes(release: Release) -> list[str]:
    maps = release.first
    lines = ["## Classes", "", f"{maps.legend.title}. {maps.legend.reference}", ""]
    lines += ["| code | class | colour |", "|--:|---|---|"]
    lines += [f"| {one.code} | {one.name} | `{one.colour}` |" for one in maps.classes]
    return [*lines, "| 255 | missing | |", ""]


def _opening(release: Release) -> list[str]:
    maps = release.first
    year = maps.years[-1]
    nc, tif = (release.file(maps, k, year, e) for k, e in (("netcdf", ".nc"), ("cog", ".tif")))
    written = release.written
    lines = ["## How to open it", "", "```python"]
    if nc in written:
        lines += ["import xarray", f'xarray.open_dataset("{nc}")["{maps.variable}"]']
    if tif in written:
        lines += ["import rasterio", f'rasterio.open("{tif}").read(1, out_shape=(500, 1000))']
    lines += ["from ai4land.cube import open_datasets", f'open_datasets("{maps.cube.path.name}")']
    return [*lines, "```", ""]


def _made(maps: Maps) -> list[str]:
    """A paragraph on one scenario: who computed it, from what, and what it lacks."""
    said = maps.cube.attributes
    kinds = Counter(maps.status(year).name.lower() for year in maps.years)
    lines = [
        f"### {maps.scenario}",
        "",
        f"{said.get('title', maps.cube.path.name)}. {Clock.YEAR.span(maps.years)}, "
        f"{len(maps.years)} years: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}. "
        f"{maps.grid.describe()}.",
    ]
    if said.get("options"):
        options = ", ".join(f"{key} {value}" for key, value in said["options"].items())
        lines.append(f"Model: {said.get('stepper', NOT_STATED)}; options: {options}.")
    for name, found in (said.get("inputs_outside_their_products") or {}).items():
        stretches = "; ".join(f"{kind} {', '.join(when)}" for kind, when in found.items())
        lines.append(f"- {name} says nothing of some years: {stretches}.")
    lines += [f"- {name}: {what}." for name, what in (said.get("evidence") or {}).items()]
    return [*lines, *_lacking(maps), ""]


def _lacking(maps: Maps) -> list[str]:
    """What the forcing asked for and the last map does not hold."""
    if _LOST not in maps.cube.variables:
        return []
    ticks = [t for t in maps.cube.group(_LOST).ticks if t in maps.years]
    if not ticks:
        return []
    sums = {tick: float(np.nansum(maps.cube.read(_LOST, tick))) for tick in ticks}
    worst = max(ticks, key=lambda tick: sums[tick])
    return [
        f"- Change that the forcing asked for and the map does not hold: {sums[worst]:.0f} pixels "
        f"in {worst}, the worst year; by cell and year in `{_LOST}` of the run."
    ]


def _sources(release: Release) -> list[str]:
    if not release.sources:
        return []
    lines = ["## Made from", "", "| product | version | licence | cite |", "|---|---|---|---|"]
    keys = ("product", "version", "licence", "citation")
    rows = (" | ".join(s.get(key, NOT_STATED) for key in keys) for s in release.sources)
    return [*lines, *(f"| {row} |" for row in rows), ""]


def _citation(release: Release) -> str:
    """Citation File Format 1.2.0."""
    said = release.metadata
    found: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": said.titled("If you use these maps, cite them and the data they are made from."),
        "type": "dataset",
        "title": release.title,
        "abstract": release.summary,
        "authors": _authors((said.creator, *said.contributors)),
        "version": said.version,
        "date-released": release.date(release.first)[:10],
        "keywords": list(said.keywords),
    }
    if said.spdx:
        found["license"] = said.spdx
    if said.doi:
        found["doi"] = said.doi
    references = [
        {
            "type": "data",
            "title": " ".join(filter(None, (s["product"], s.get("version", "")))),
            "authors": [{"name": s.get("citation", s["product"])}],
            **({"notes": f"licence: {s['licence']}"} if "licence" in s else {}),
        }
        for s in release.sources
    ]
    if references:
        found["references"] = references
    return yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=100)


def _authors(parties: Sequence[Party]) -> list[dict[str, str]]:
    found = []
    for party in parties:
        one = {"name": party.name}
        first, _, last = party.name.rpartition(" ")
        if party.type == "person" and first:
            one = {"given-names": first, "family-names": last}
        if party.type == "person" and party.institution != NOT_STATED:
            one["affiliation"] = party.institution
        found.append(one)
    return found
