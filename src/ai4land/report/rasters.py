"""Scoring any three class maps in raster files, from whatever model they come."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ai4land.errors import SourceError
from ai4land.metrics import Adds, Blockwise, Protocol, codes_found, reduce_blocks, tally_rasters
from ai4land.report.raster_files import ClassRaster, no_region, open_class_maps
from ai4land.report.raster_tables import raster_tables, region_rows
from ai4land.report.region_files import open_regions
from ai4land.report.tables import Table
from ai4land.vocabulary import Legend, LegendClass, read_legend

__all__ = ["RasterScores", "score_raster_files"]

T = TypeVar("T", bound=Adds)

_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
_MAPS = ("initial", "reference", "simulated")


@dataclass(frozen=True, eq=False)
class RasterScores:
    """Scores of three raster files.

    Attributes:
        report: What ``score_rasters`` says, with ``files`` (their names) and ``regions`` (one
            entry per file of regions: ``file``, and ``rows`` of its regions; see ``region_rows``).
        tables: The same for people.
    """

    report: dict[str, Any]
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class _Crew:
    """Who reads the blocks of the maps.

    Attributes:
        block: Rows and columns of a block.
        workers: Processes; 1 is this one.
    """

    block: tuple[int, int]
    workers: int

    @classmethod
    def of(cls, shape: tuple[int, int], block: tuple[int, int], workers: int | None) -> _Crew:
        """As many as are wanted (default: the cores), but none without a block."""
        from dask.system import CPU_COUNT  # heavy, and it knows of containers

        blocks = math.prod(math.ceil(n / side) for n, side in zip(shape, block, strict=True))
        return cls(block, min(blocks, workers or CPU_COUNT))

    def reduce(
        self,
        statistic: Callable[..., T],
        maps: Mapping[str, Blockwise],
        **options: Any,  # noqa: ANN401
    ) -> T:
        """Compute a statistic of all blocks."""
        return reduce_blocks(
            statistic,
            maps,
            block=self.block,
            scheduler=None if self.workers == 1 else "processes",
            workers=self.workers,
            **options,
        )


def score_raster_files(
    initial: Path,
    reference: Path,
    simulated: Path,
    *,
    legend: str | None = None,
    protocol: Protocol = Protocol.LAND,
    area: bool = False,
    regions: Sequence[Path] = (),
    region_name: str | None = None,
    workers: int | None = 1,
) -> RasterScores:
    """Score a simulated map against a reference map, given the map both started from.

    The files are read block by block, once; a second time before that if there is no legend.

    Args:
        initial: Raster of classes at the start.
        reference: The truth at the end.
        simulated: The simulation of it.
        legend: Name or file of the legend; default: every code found is a class.
        protocol: Whether a sea class of the legend is scored.
        area: Weigh pixels by their true area; needs longitude and latitude.
        regions: Files of regions; see ``open_regions``.
        region_name: Property that names regions that are polygons.
        workers: Processes that read and count; ``None`` is one per core. With more than one the
            calling script must be importable (``if __name__ == "__main__":``).

    Raises:
        MissingFileError: If a file is not there.
        SourceError: If a file is not one band of class codes, or no file of regions.
        GridError: If the three do not lie on one grid, or no region meets it.
        VocabularyError: If a code is not in the legend.
        ConfigError: If the regions have no such property, or need a library that is missing.
        SampleError: If no pixel is left to score.
    """
    maps, block = open_class_maps((initial, reference, simulated))
    layers: dict[str, Blockwise] = dict(zip(_MAPS, maps, strict=True))
    crew = _Crew.of(maps[0].shape, block, workers)
    weights = {"weights": maps[0].grid.row_areas(initial)} if area else {}
    parts = [open_regions(path, maps[0].grid, region_name) for path in regions]
    known = read_legend(legend) if legend else _found_legend(crew, layers, maps)
    labels = {f"regions {n}": part for n, part in enumerate(parts)}
    tally = crew.reduce(
        tally_rasters, {**layers, **weights, **labels}, legend=known, protocol=protocol
    )
    report = {
        "files": {name: raster.path.name for name, raster in zip(_MAPS, maps, strict=True)},
        **tally.report(known, protocol),
        "regions": [],
    }
    for key, part in labels.items():
        if not len(tally.regions[key]):
            raise no_region(part.path, "no scored pixel's centre lies in one")
        rows = region_rows(tally.regions[key], part, known.names)
        report["regions"].append({"file": part.path.name, "rows": rows})
    return RasterScores(report, raster_tables(report))


def _found_legend(
    crew: _Crew, layers: Mapping[str, Blockwise], maps: Sequence[ClassRaster]
) -> Legend:
    codes = crew.reduce(codes_found, layers).codes
    if not codes:
        raise SourceError("All three maps are empty", where=maps[0].path)
    classes = tuple(
        LegendClass(code, f"class {code}", _COLOURS[i % len(_COLOURS)])
        for i, code in enumerate(codes)
    )
    return Legend("codes found", "the codes that occur in the maps", classes)
