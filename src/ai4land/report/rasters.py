"""Scoring any three class maps in raster files, from whatever model they come."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.errors import GridError, MissingFileError, SourceError
from ai4land.grid import Grid
from ai4land.metrics import Protocol, score_rasters
from ai4land.report.tables import Table, percent, score
from ai4land.vocabulary import NO_DATA, Legend, LegendClass, read_legend

__all__ = ["RasterScores", "score_raster_files"]

Array = npt.NDArray[Any]

_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
_SLACK = 1e-3  # of a pixel: what two writers of one grid may differ by


@dataclass(frozen=True, eq=False)
class _Raster:
    """One map: its codes with 255 missing, and where it lies."""

    path: Path
    codes: npt.NDArray[np.uint8]
    transform: tuple[float, ...]
    crs: str
    geographic: bool


@dataclass(frozen=True, eq=False)
class RasterScores:
    """Scores of three raster files.

    Attributes:
        report: What ``score_rasters`` says, with the names of the files.
        tables: The same for people.
    """

    report: dict[str, Any]
    tables: tuple[Table, ...]


def score_raster_files(
    initial: Path,
    reference: Path,
    simulated: Path,
    *,
    legend: str | None = None,
    protocol: Protocol = Protocol.LAND,
    area: bool = False,
) -> RasterScores:
    """Score a simulated map against a reference map, given the map both started from.

    Args:
        initial: Raster of classes at the start.
        reference: The truth at the end.
        simulated: The simulation of it.
        legend: Name or file of the legend; default: every code found is a class.
        protocol: Whether a sea class of the legend is scored.
        area: Weigh pixels by their true area; needs longitude and latitude.

    Raises:
        MissingFileError: If a file is not there.
        SourceError: If a file is not one band of class codes.
        GridError: If the three do not lie on one grid.
        VocabularyError: If a code is not in the legend.
    """
    maps = [_read(path) for path in (initial, reference, simulated)]
    for other in maps[1:]:
        _check_grid(maps[0], other)
    known = read_legend(legend) if legend else _found_legend(maps)
    weights = _areas(maps[0]) if area else None
    codes = [raster.codes for raster in maps]
    report = score_rasters(codes[0], codes[1], codes[2], known, weights, protocol)
    names = ("initial", "reference", "simulated")
    files = {name: raster.path.name for name, raster in zip(names, maps, strict=True)}
    return RasterScores({"files": files, **report}, _tables(report))


def _read(path: Path) -> _Raster:
    import rasterio  # heavy, and only this form of scoring needs it
    from rasterio.errors import RasterioError

    if not path.is_file():
        raise MissingFileError("There is no such raster", where=path)
    try:
        with rasterio.open(path) as dataset:
            if dataset.count != 1:
                raise SourceError(
                    "A class map has one band", where=path, found=f"{dataset.count} bands"
                )
            values, nodata = np.asarray(dataset.read(1)), dataset.nodata
            transform = tuple(dataset.transform)[:6]
            crs = dataset.crs
    except RasterioError as error:
        raise SourceError("The raster cannot be read", where=path, found=error) from error
    return _Raster(
        path,
        _codes(values, nodata, path),
        transform,
        "none" if crs is None else crs.to_string(),
        crs is not None and crs.is_geographic,
    )


def _codes(values: Array, nodata: float | None, path: Path) -> npt.NDArray[np.uint8]:
    """Whole codes 0…254, and 255 where the file has no data."""
    missing = np.zeros(values.shape, dtype=bool)
    if values.dtype.kind == "f":
        missing |= np.isnan(values)
    if nodata is not None and not np.isnan(nodata):
        missing |= values == nodata
    kept = values[~missing]
    if kept.size and (kept != np.round(kept)).any():
        raise SourceError(
            "These are numbers, not classes", where=path, found=f"{kept[kept != np.round(kept)][0]}"
        )
    if kept.size and (kept.min() < 0 or kept.max() > NO_DATA):
        raise SourceError(
            "Class codes out of range",
            where=path,
            expected=f"0…{NO_DATA - 1}",
            found=f"{kept.min():g}…{kept.max():g}",
            remedy="declare the value of missing pixels as nodata in the file",
        )
    return np.where(missing, NO_DATA, values).astype(np.uint8)


def _check_grid(first: _Raster, other: _Raster) -> None:
    pixel = min(abs(first.transform[0]), abs(first.transform[4])) or 1.0
    shifts = [abs(a - b) for a, b in zip(first.transform, other.transform, strict=True)]
    problem: tuple[str, object, object] | None = None
    if first.codes.shape != other.codes.shape:
        problem = "shape", first.codes.shape, other.codes.shape
    elif first.crs != other.crs:
        problem = "coordinate system", first.crs, other.crs
    elif max(shifts) > _SLACK * pixel:
        problem = "transform", first.transform, other.transform
    if problem is not None:
        raise GridError(
            f"The maps do not lie on one grid: another {problem[0]}",
            where=other.path,
            expected=f"{problem[1]} as {first.path.name}",
            found=problem[2],
            remedy="warp one onto the other by nearest neighbour, for example with `gdalwarp`",
        )


def _found_legend(maps: list[_Raster]) -> Legend:
    codes = sorted(set(np.concatenate([np.unique(m.codes) for m in maps]).tolist()) - {NO_DATA})
    if not codes:
        raise SourceError("All three maps are empty", where=maps[0].path)
    classes = tuple(
        LegendClass(code, f"class {code}", _COLOURS[i % len(_COLOURS)])
        for i, code in enumerate(codes)
    )
    return Legend("codes found", "the codes that occur in the maps", classes)


def _areas(raster: _Raster) -> npt.NDArray[np.float64]:
    a, b, c, d, e, f = raster.transform
    if not raster.geographic or b or d or e >= 0 or a <= 0:
        raise GridError(
            "True areas need a north-up grid of longitude and latitude",
            where=raster.path,
            found=f"{raster.crs}, transform {raster.transform}",
            remedy="score with --weights pixel",
        )
    return Grid.regular(c, f, a, -e, raster.codes.shape).cell_areas()


def _tables(report: dict[str, Any]) -> tuple[Table, ...]:
    scores = report[report["weighting"]]
    main = ("accuracy", "macro_f1", "weighted_f1", "mean_iou", "kappa")
    rows = tuple(
        (
            name,
            *(score(row[key]) for key in main),
            score(row["change"]["figure_of_merit"]),
            score(row["changed"]["accuracy"]),
        )
        for name, row in scores.items()
    )
    parts = ("hits", "wrong_hits", "misses", "false_alarms", "correct_rejections")
    budget = tuple(
        (name, *(percent(row["change"][part], row["total"]) for part in parts))
        for name, row in scores.items()
    )
    return (
        *_first_tables(report, rows, budget),
        *_more_tables(report, scores),
    )


def _first_tables(
    report: dict[str, Any],
    rows: tuple[tuple[str, ...], ...],
    budget: tuple[tuple[str, ...], ...],
) -> tuple[Table, ...]:
    word = "every pixel counts 1" if report["weighting"] == "pixel" else "pixels count by area"
    return (
        Table(
            "Scores",
            ("", "accuracy", "macro F1", "weighted F1", "mIoU", "kappa", "FoM", "acc. changed"),
            rows,
            f"Protocol {report['protocol']}; legend {report['legend']}; {word}.",
        ),
        Table(
            "Change, percent of what is scored",
            ("", "hits", "wrong hits", "misses", "false alarms", "rightly left"),
            budget,
            "Figure of merit (FoM) = hits / (hits + wrong hits + misses + false alarms).",
        ),
    )


def _more_tables(report: dict[str, Any], scores: dict[str, Any]) -> tuple[Table, ...]:
    """Amounts and places, and the squares of several sizes."""
    parts = ("quantity", "allocation", "exchange", "shift")
    kappas = ("kappa_simulation", "kappa_transition", "kappa_transloc")
    places = tuple(
        (
            name,
            *(percent(row[key], 1.0) for key in parts),
            *(score(row["change"][key]) for key in kappas),
        )
        for name, row in scores.items()
    )
    heads = ("", *(f"{p}\n%" for p in parts), *(k.replace("_", "\n") for k in kappas))
    tables = [Table("Amounts and places", heads, places, detail=True)]
    found = report["resolutions"]
    if found is not None:
        squares = tuple(
            (
                f"{row['factor']} px",
                score(row["figure_of_merit"]),
                percent(row["disagreement"], 1.0),
                percent(row["null_disagreement"], 1.0),
            )
            for row in found["rows"]
        )
        null = found["null_resolution"]
        said = "none" if null is None else f"{null} px"
        tables.append(
            Table(
                "Squares of several sizes",
                ("", "composite\nFoM", "disagreement\n%", "persistence\n%"),
                squares,
                f"Null resolution, the finest with less error than persistence: {said}.",
                detail=True,
            )
        )
    return tuple(tables)
