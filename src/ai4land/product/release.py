"""What a product is made of: scenarios, what people must know, options, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from ai4land.product.folder import Written
from ai4land.product.maps import Maps
from ai4land.product.metadata import NOT_STATED, Metadata

__all__ = ["Options", "Release"]


@dataclass(frozen=True)
class Options:
    """How a product is written.

    Attributes:
        cells: Cells of the area fractions: degrees (``0.25``), whole pixels (``25px``), or
            ``forcing`` for those of the coarse forcing that the run followed.
        compression: Of GeoTIFFs. ``deflate`` opens everywhere, ``zstd`` is faster.
        top_two: Whether the two most likely classes stand in the NetCDF files with their
            probabilities, if the run kept those.
    """

    cells: str = "0.25"
    compression: Literal["deflate", "zstd"] = "deflate"
    top_two: bool = False


@dataclass(frozen=True)
class Release:
    """A product on its way.

    Attributes:
        scenarios: Name → its maps.
        metadata: What no run can tell.
        options: How it is written.
        folder: Where it goes.
        written: What is written of it so far, by name.
    """

    scenarios: Mapping[str, Maps]
    metadata: Metadata
    options: Options
    folder: Path
    written: Mapping[str, Written]

    @cached_property
    def software(self) -> str:
        """Name and version of this program."""
        return f"AI4Land {version('ai4land')}"

    @property
    def first(self) -> Maps:
        """One of the scenarios, for what they share."""
        return next(iter(self.scenarios.values()))

    @property
    def title(self) -> str:
        """The title of the whole product, with the notice before it."""
        run = str(self.first.cube.attributes.get("title") or self.first.cube.path.stem)
        return self.metadata.titled(self.metadata.title or run)

    @property
    def summary(self) -> str:
        """A paragraph about the product."""
        if self.metadata.summary:
            return self.metadata.summary
        names = ", ".join(one.name for one in self.first.legend.classes)
        return (
            f"Annual maps of {self.first.variable.replace('_', ' ')} ({self.first.legend.title}: "
            f"{names}), written by {self.software}. Scenarios: {', '.join(self.scenarios)}."
        )

    def date(self, maps: Maps) -> str:
        """When the maps were made, ISO 8601; the same for the same run, so that bytes are, too."""
        when = self.metadata.date or maps.finished
        return when.strftime("%Y-%m-%dT%H:%M:%SZ")

    @cached_property
    def sources(self) -> Sequence[Mapping[str, str]]:
        """The data products behind the runs, each once, with version, licence and citation."""
        keys = ("product", "version", "licence", "citation")
        found: dict[str, Mapping[str, str]] = {}
        for maps in self.scenarios.values():
            for entry in maps.provenance:
                said = {key: str(entry[key]) for key in keys if entry.get(key)}
                said.setdefault("product", str(entry.get("name", NOT_STATED)))
                found.setdefault(str(sorted(said.items())), said)
        return list(found.values())

    @property
    def licence(self) -> str:
        """The product's licence; where none is stated, those of its sources."""
        if self.metadata.licence != NOT_STATED:
            return self.metadata.licence
        said = sorted({f"{s['product']} {s['licence']}" for s in self.sources if "licence" in s})
        return "not stated for this product" + (f"; made from {'; '.join(said)}" if said else "")

    def stem(self, maps: Maps, what: object) -> str:
        """Name of a file of a scenario without its ending, which identifies it."""
        return f"{self.metadata.name}_{maps.variable}_{maps.scenario}_{what}"

    def file(self, maps: Maps, kind: str, what: object, ending: str) -> str:
        """Path of a file of a scenario inside the product."""
        return f"{maps.scenario}/{kind}/{self.stem(maps, what)}{ending}"

    def made_from(self, maps: Maps | None, *more: object) -> list[Any]:
        """What decides the bytes of a file, for ``Planned``."""
        run = [one.identity for one in self.scenarios.values()] if maps is None else maps.identity
        said = [run, self.metadata.model_dump(mode="json"), self.software]
        return [*said, *(asdict(m) if isinstance(m, Options) else m for m in more)]
