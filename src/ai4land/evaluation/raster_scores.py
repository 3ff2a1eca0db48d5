"""Scores of any three class maps in raster files, from whatever model they come."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from ai4land.errors import SourceError
from ai4land.evaluation.raster_files import ClassRaster, no_region, open_class_maps
from ai4land.evaluation.regions.files import RegionFile, open_regions
from ai4land.metrics import (
    Adds,
    Binned,
    Blockwise,
    ScoredClasses,
    ThreeMaps,
    change_scores,
    classification_scores,
    codes_found,
    reduce_blocks,
    tally_rasters,
)
from ai4land.vocabulary import Legend, read_legend

__all__ = ["score_raster_files"]

T = TypeVar("T", bound=Adds)

_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
_MAPS = ("initial", "reference", "simulated")
_AGREED = ("accuracy", "mean_iou")
_BUDGET = ("hits", "wrong_hits", "misses", "false_alarms", "correct_rejections")


@dataclass(frozen=True)
class _Readers:
    """How the blocks of the maps are read.

    Attributes:
        block: Rows and columns of a block.
        workers: Processes; 1 is this one.
    """

    block: tuple[int, int]
    workers: int

    @classmethod
    def of(cls, shape: tuple[int, int], block: tuple[int, int], workers: int | None) -> _Readers:
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
    protocol: ScoredClasses = ScoredClasses.LAND,
    area: bool = False,
    regions: Sequence[Path] = (),
    region_name: str | None = None,
    workers: int | None = 1,
) -> dict[str, Any]:
    """Score a simulated map against a reference map, given the map both started from.

    The files are read block by block, once; a second time before that if there is no legend.

    Args:
        initial: Raster of classes at the start.
        reference: The truth at the end.
        simulated: The simulation of it.
        legend: Name or file of the legend; default: every code found is a class.
        protocol: Whether a sea class of the legend is scored.
        area: Weigh pixels by their true area; in any coordinate system.
        regions: Files of regions; see ``open_regions``.
        region_name: Property that names regions that are polygons.
        workers: Processes that read and count; ``None`` is one per core. With more than one the
            calling script must be importable (``if __name__ == "__main__":``).

    Returns:
        What ``score_rasters`` says, with ``files`` (their names) and ``regions``: one entry per
        file of regions, ``file`` and ``rows`` of its regions. A row has ``region`` (its number),
        ``name``, ``total``, ``observed_change``, ``simulated_change``, ``simulated`` (accuracy,
        mean IoU, figure of merit and the five parts of the budget) and ``persistence`` (accuracy
        and mean IoU).

    Raises:
        MissingFileError: If a file is not there.
        SourceError: If a file is not one band of class codes, or no file of regions.
        GridError: If the three do not lie on one grid, or no region meets it.
        VocabularyError: If a code is not in the legend.
        ConfigError: If the regions have no such property, or need a library that is missing.
        SampleError: If no pixel is left to score.
    """
    maps, block = open_class_maps((initial, reference, simulated))
    readers = _Readers.of(maps[0].shape, block, workers)
    weights = {"weights": maps[0].grid.areas(initial)} if area else {}
    parts = [open_regions(path, maps[0].grid, region_name) for path in regions]
    known = read_legend(legend) if legend else _found_legend(readers, maps)
    layers = {name: replace(one, legend=known) for name, one in zip(_MAPS, maps, strict=True)}
    labels = {f"regions {n}": part for n, part in enumerate(parts)}
    sums = readers.reduce(
        tally_rasters, {**layers, **weights, **labels}, legend=known, protocol=protocol
    )
    report = {
        "files": {name: raster.path.name for name, raster in zip(_MAPS, maps, strict=True)},
        **sums.report(known, protocol),
        "regions": [],
    }
    for key, part in labels.items():
        if not len(sums.regions[key]):
            raise no_region(part.path, "no scored pixel's centre lies in one")
        rows = _region_rows(sums.regions[key], part, known.names)
        report["regions"].append({"file": part.path.name, "rows": rows})
    return report


def _region_rows(
    tables: Binned[ThreeMaps], regions: RegionFile, names: Sequence[str]
) -> list[dict[str, Any]]:
    """Scores of every region that has a scored pixel, ready for JSON."""
    return [
        {"region": label, "name": regions.name(label), **_region_row(table, names)}
        for label, table in tables.items()
    ]


def _region_row(table: ThreeMaps, names: Sequence[str]) -> dict[str, Any]:
    change = change_scores(table, names)
    two, persistence = (
        classification_scores(one.reference_confusion, names) for one in (table, table.persistence)
    )
    return {
        **{key: change[key] for key in ("observed_change", "simulated_change")},
        "total": two["total"],
        "simulated": {
            **{key: two[key] for key in _AGREED},
            **{key: change[key] for key in ("figure_of_merit", *_BUDGET)},
        },
        "persistence": {key: persistence[key] for key in _AGREED},
    }


def _found_legend(readers: _Readers, maps: Sequence[ClassRaster]) -> Legend:
    """A legend of all codes that occur; those beyond 0…254 are recoded."""
    codes = readers.reduce(codes_found, dict(zip(_MAPS, maps, strict=True))).codes
    if not codes:
        raise SourceError("All three maps are empty", where=maps[0].path)
    colours = itertools.cycle(_COLOURS)
    classes = [
        [code, f"class {code}", colour] for code, colour in zip(codes, colours, strict=False)
    ]
    return Legend.from_dict(
        {"name": "codes found", "title": "the codes that occur in the maps", "classes": classes}
    )
