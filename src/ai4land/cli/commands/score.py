"""``ai4land score``: what a reconstruction, or any simulated map, is worth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

import ai4land.evaluation as evaluation
import ai4land.report as report
from ai4land.cli.console import show_table, stderr, stdout
from ai4land.cli.options.scoring import RegionName, Regions, Weights
from ai4land.cube import Cube
from ai4land.errors import ConfigError
from ai4land.evaluation import Weighting
from ai4land.metrics import ScoredClasses
from ai4land.report import Table, raster_tables, to_markdown

__all__ = ["score"]

EXAMPLES = """A reconstruction:  ai4land score crete_2000.zarr --truth crete.zarr

Any three maps:  ai4land score --initial a.tif --reference b.tif --simulated c.tif --json -

By country:  ai4land score --initial a.tif --reference b.tif --simulated c.tif
--weights area --regions countries.geojson"""


def score(
    prediction: Annotated[
        Path | None, typer.Argument(help="Reconstruction to be judged (with --truth).")
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="Cube with the labels and forcing.")] = None,
    initial: Annotated[Path | None, typer.Option(help="Raster of classes at the start.")] = None,
    reference: Annotated[Path | None, typer.Option(help="Raster of the truth at the end.")] = None,
    simulated: Annotated[Path | None, typer.Option(help="Raster of the simulated end.")] = None,
    legend: Annotated[
        str | None, typer.Option(help="Legend of the rasters, name or YAML [default: all codes].")
    ] = None,
    protocol: Annotated[
        ScoredClasses,
        typer.Option(help="Land alone, or all classes as the reference system counts."),
    ] = ScoredClasses.LAND,
    weights: Weights = Weighting.PIXEL,
    regions: Regions = None,
    region_name: RegionName = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes, for rasters and large cubes [default: one per core].",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the ties in kernel and random.")] = 0,
    json_file: Annotated[
        str | None, typer.Option("--json", help="Write all figures as JSON; - for the screen.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write all tables as Markdown.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Print the detailed tables, too.")] = False,
) -> None:
    """Score a reconstruction, or any three class maps.

    Persistence always stands beside; kernel and random as well where the cube has a forcing.
    """
    rasters = {"initial": initial, "reference": reference, "simulated": simulated}
    given = [name for name, path in rasters.items() if path is not None]
    if prediction is not None and truth is not None and not given:
        data, tables = _cubes(
            prediction, truth, protocol, weights, seed, regions or (), region_name, workers
        )
    elif initial and reference and simulated and prediction is None and truth is None:
        with stderr().status("scoring"):
            data = evaluation.score_raster_files(
                initial,
                reference,
                simulated,
                legend=legend,
                protocol=protocol,
                area=weights is Weighting.AREA,
                regions=regions or (),
                region_name=region_name,
                workers=workers,
            )
        tables = raster_tables(data)
    else:
        raise ConfigError(
            "Neither a reconstruction with its truth nor three rasters",
            expected="PREDICTION --truth CUBE, or --initial, --reference and --simulated",
            found=", ".join(
                [
                    *(["PREDICTION"] if prediction is not None else []),
                    *(["--truth"] if truth is not None else []),
                    *(f"--{name}" for name in given),
                ]
            )
            or "nothing",
        )
    _deliver(data, tables, json_file, markdown, full)


def _cubes(
    prediction: Path,
    truth: Path,
    protocol: ScoredClasses,
    weights: Weighting,
    seed: int,
    regions: Sequence[Path],
    region_name: str | None,
    workers: int | None,
) -> tuple[dict[str, Any], Sequence[Table]]:
    said, labels = Cube(prediction), Cube(truth)
    data: dict[str, Any] = {}
    tables: list[Table] = []
    targets = [t for t in evaluation.predicted_targets(said) if t.name in labels.variables]
    with stderr().status("scoring") as status:
        for target in targets:
            if not target.categorical:
                found = evaluation.evaluate_numbers(said, labels, target, weights)
                data.setdefault("numbers", {})[target.name] = found
                tables.append(report.number_table(found))
                continue
            judged = evaluation.evaluate(
                said,
                labels,
                target=target,
                protocol=protocol,
                weighting=weights,
                seed=seed,
                regions=regions,
                region_name=region_name,
                workers=workers,
                progress=lambda name: status.update(f"scoring {name}"),
            )
            data |= judged.to_dict()
            tables += report.score_tables(judged)
    if not targets:
        raise ConfigError(
            "The cube has no labels of what was reconstructed",
            where=truth,
            expected=", ".join(t.name for t in evaluation.predicted_targets(said)),
            found=", ".join(labels.variables),
        )
    return data, tables


def _deliver(
    data: dict[str, Any],
    tables: Sequence[Table],
    json_file: str | None,
    markdown: Path | None,
    full: bool,
) -> None:
    """Print the tables, or the JSON alone where it was asked for on the screen."""
    text = json.dumps(data, indent=1, allow_nan=False)
    if json_file == "-":
        typer.echo(text)
    else:
        for table in tables:
            if full or not table.detail:
                show_table(table)
        if json_file is not None:
            Path(json_file).write_text(text + "\n", encoding="utf-8")
            stdout().print(f"Figures written: {json_file}", soft_wrap=True)
    if markdown is not None:
        page = "\n".join(to_markdown(table) for table in tables)
        markdown.write_text(page, encoding="utf-8")
        stderr().print(f"Tables written: {markdown}", soft_wrap=True)
