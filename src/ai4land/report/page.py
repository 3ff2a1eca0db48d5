"""The report: one folder of pictures, tables and figures, and a page that shows them."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ai4land.cube import Cube
from ai4land.errors import ConfigError
from ai4land.evaluation import (
    Evaluation,
    Weighting,
    comparable,
    compare,
    evaluate,
    evaluate_numbers,
    path_of,
    predicted_targets,
)
from ai4land.report.caveats import brief, caveats, provenance_tables, row_notes
from ai4land.report.charts.probability_scores import READING, probability_charts
from ai4land.report.charts.scores import charts_of
from ai4land.report.descriptions.model_card import describe_checkpoint
from ai4land.report.map_frames import map_frames
from ai4land.report.path_kinds import PathKind, kind_of
from ai4land.report.pictures.coverage import draw_coverage
from ai4land.report.pictures.curves import draw_scores, draw_training
from ai4land.report.pictures.inputs import draw_inputs
from ai4land.report.pictures.maps import draw_maps
from ai4land.report.tables.comparison import comparison_tables
from ai4land.report.tables.numbers import number_table
from ai4land.report.tables.scores import score_tables, stated
from ai4land.report.tables.table import Table, to_markdown
from ai4land.report.webpage import Chapter, Charts, Maps, Part, Picture, Tables, Text, write_page
from ai4land.samples import CubeDrivers, Labels, class_forcing
from ai4land.training import Experiment, opened
from ai4land.vocabulary import LAND_USE, Clock, Target, Task, task

__all__ = ["SCHEMA_VERSION", "write_report"]

SCHEMA_VERSION = 1
"""Version of what ``scores.json`` is, see ``schema.json`` of this room."""


@dataclass
class _Page:
    """What has been written so far."""

    folder: Path
    progress: Callable[[str], None]
    judge: Callable[..., Evaluation]
    lines: list[str] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)
    chapters: list[Chapter] = field(default_factory=list)
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    comparisons: list[dict[str, Any]] = field(default_factory=list)

    def heading(self, text: str) -> None:
        self.lines += [f"## {text}", ""]
        self.chapters.append(Chapter(text))

    def add(self, *parts: Part) -> None:
        self.chapters[-1].parts += parts

    def text(self, title: str, said: Sequence[str]) -> None:
        self.lines += [f"### {title}", "", *(f"- {line}" for line in said), ""]
        self.add(Text(title, tuple(said)))

    def tables(self, tables: Sequence[Table], model: str = "", folded: str = "") -> None:
        if tables:
            self.lines += [to_markdown(table) for table in tables]
            self.add(Tables(tuple(tables), model, folded))

    def picture(self, path: Path | None, caption: str, *, on_page: bool = True) -> None:
        if path is not None:
            self.written.append(path)
            self.lines += [f"![{caption}]({path.name})", "", f"*{caption}*", ""]
            if on_page:
                self.add(Picture.of(path, caption))


def write_report(
    paths: Sequence[Path],
    out: Path,
    *,
    truth: Path | None = None,
    weighting: Weighting = Weighting.PIXEL,
    regions: Sequence[Path] = (),
    region_name: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Path]:
    """Draw everything that can be drawn of reconstructions, runs and cubes.

    Args:
        paths: Reconstructions, folders of ``ai4land train``, cubes.
        out: Folder to write into.
        truth: Cube with the labels of the reconstructions.
        weighting: Whether a pixel counts 1 or its area.
        regions: Files of regions by which scores are told apart.
        region_name: Property that names their polygons.
        progress: Called with the name of each thing before it is drawn.

    Returns:
        The files written, ``report.html`` and ``report.md`` first.

    Raises:
        ConfigError: If a path is none of these, or two have one name.
        MissingFileError: If there is nothing at a path.
    """
    kinds = {path: kind_of(path) for path in paths}
    names = [path.resolve().stem for path in paths]
    if len(set(names)) != len(names):
        raise ConfigError(
            "Two inputs of one name", found=", ".join(names), remedy="report them into two folders"
        )
    out.mkdir(parents=True, exist_ok=True)
    judge = functools.partial(
        evaluate, weighting=weighting, regions=regions, region_name=region_name
    )
    page = _Page(out, progress or (lambda _: None), judge)
    page.lines += ["# Report", ""]
    labels = Cube(truth) if truth is not None else None
    cubes: dict[str, Cube] = {} if labels is None or truth is None else {truth.stem: labels}
    for path, kind in kinds.items():
        if kind is PathKind.CUBE:
            cube = Cube(path)
            cubes[path.stem] = cube
            if "stepper" in cube.attributes:
                _reconstruction(page, path.stem, cube, labels)
            elif labels is None:
                _inputs(page, path.stem, cube, LAND_USE, None)
        elif kind is PathKind.RUN:
            _run(page, path, cubes)
        else:
            raise ConfigError(
                "Nothing to draw of this",
                where=path,
                expected="a reconstruction, a run of `ai4land train`, or a cube",
                found=kind.value,
            )
    if labels is not None:
        _comparisons(page, cubes, labels)
    if cubes:
        page.heading("Coverage")
        page.progress("coverage")
        drawn = draw_coverage(list(cubes.items()), out / "coverage.png")
        page.picture(drawn, "Years that the variables cover, and how their values came about.")
    return [*_finish(page), *page.written]


def _finish(page: _Page) -> list[Path]:
    """The page as HTML and Markdown, and all scores as data."""
    page.progress("page")
    titles = [chapter.title for chapter in page.chapters]
    title = titles[0] if len(titles) == 1 else "Report on land use, forward and backward"
    html = write_page(title, page.chapters, page.folder / "report.html")
    text = page.folder / "report.md"
    text.write_text("\n".join(page.lines), encoding="utf-8")
    if not page.evaluations:
        return [html, text]
    data = page.folder / "scores.json"
    content = {
        "schema": SCHEMA_VERSION,
        "reconstructions": {name: e.to_dict() for name, e in page.evaluations.items()},
        "comparisons": page.comparisons,
    }
    data.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return [html, text, data]


def _reconstruction(page: _Page, name: str, cube: Cube, labels: Cube | None) -> None:
    """Maps of a reconstruction; with labels its scores and curves as well."""
    page.heading(f"{cube.attributes.get('title', name)} ({name})")
    for target in predicted_targets(cube):
        known = labels if labels is not None and target.name in labels.variables else None
        if target.categorical:
            _classes(page, name, cube, known, target)
        elif known is not None:
            page.progress(f"{name}: {target.name}")
            page.tables([number_table(evaluate_numbers(cube, known, target))])
    page.tables(provenance_tables(cube, labels), folded="Where all this comes from")


def _classes(page: _Page, name: str, cube: Cube, labels: Cube | None, target: Target) -> None:
    """Maps of a target's classes; with labels their scores and curves as well."""
    initial, path = path_of(cube, target)
    last = path[-1]
    evaluation: Evaluation | None = None
    if labels is not None:
        page.progress(f"{name}: scores")
        evaluation = page.judge(
            cube, labels, target=target, progress=lambda row: page.progress(f"{name}: {row}")
        )
        last = evaluation.ticks[-1]
        _scores(page, name, evaluation)
    page.progress(f"{name}: maps")
    maps = map_frames(cube, labels, target, (initial, *path))
    if maps is not None:
        made_by = str(cube.variable(target.name).source or "reconstruction")
        page.add(Maps(maps, made_by, target.clock.label(initial)))
    captions = ("Initial map, truth and reconstruction.", "What the reconstruction got right.")
    drawn = draw_maps(cube, labels, target, initial, last, page.folder / name)
    for picture, caption in zip(drawn, captions, strict=False):
        page.picture(picture, caption, on_page=False)
    if evaluation is not None:
        _explained(page, evaluation)


def _scores(page: _Page, name: str, evaluation: Evaluation) -> None:
    """What is read first: the main tables and the curves."""
    data, tables = evaluation.to_dict(), score_tables(evaluation)
    page.evaluations[name] = evaluation
    figures = page.folder / f"{name}_scores.json"
    figures.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    table_file = page.folder / f"{name}_scores.md"
    table_file.write_text("\n".join(map(to_markdown, tables)), encoding="utf-8")
    page.written += [figures, table_file]
    page.text("In brief", brief(evaluation))
    page.tables(tables[:1], model=evaluation.model)
    page.text("The rows", row_notes(evaluation))
    curves = draw_scores(evaluation, page.folder / f"{name}_curves.png")
    page.picture(curves, "Scores by year, on the model's own predictions.", on_page=False)
    page.tables([t for t in tables[1:] if not t.detail], model=evaluation.model)
    said = "Time runs to the left." if evaluation.direction == "backward" else ""
    rows = list(evaluation.scores)
    page.add(Charts.of(charts_of(evaluation), rows, said))
    scores = evaluation.details.rollouts[evaluation.model].probabilities
    drawn = probability_charts(scores, evaluation.legend.names)
    if drawn:
        page.add(Charts(tuple(drawn), (), READING, "Probabilities"))


def _comparisons(page: _Page, cubes: Mapping[str, Cube], labels: Cube) -> None:
    """Reconstructions of the same years side by side."""
    for group in comparable(page.evaluations):
        page.progress(f"comparing {', '.join(group)}")
        found = compare(group, cubes, labels, LAND_USE.targets[0])
        tables = [stated(table, found.first) for table in comparison_tables(found)]
        page.heading(f"Compared: {', '.join(group)}")
        page.tables([t for t in tables if not t.detail], model=next(iter(group)))
        page.tables([t for t in tables if t.detail], folded="The truth among them")
        page.comparisons.append(found.to_dict())


def _explained(page: _Page, evaluation: Evaluation) -> None:
    """The detailed tables, and what none of them shows."""
    details = [t for t in score_tables(evaluation) if t.detail]
    page.tables(
        details, model=evaluation.model, folded="All tables: classes, places, time, regions"
    )
    page.text("What this does not show", caveats(evaluation))


def _run(page: _Page, path: Path, cubes: dict[str, Cube]) -> None:
    """What a training saw, and how it went."""
    name = path.resolve().stem
    page.heading(f"Training: {name}")
    logs = sorted((path / "logs" / "csv").glob("version_*/metrics.csv"))
    if logs:
        page.progress(f"{name}: training")
        drawn = draw_training(logs[-1], page.folder / f"{name}_training.png")
        page.picture(drawn, "Loss and validation scores.")
    if (path / "checkpoint").is_dir():
        page.tables(describe_checkpoint(path).tables, folded="The model's card")
    said = json.loads((path / "experiment.json").read_text(encoding="utf-8"))
    experiment = Experiment(**said)
    for region in experiment.regions:
        if Path(region.cube).is_dir():
            alone = experiment.alone(region)
            cube = opened(alone)
            cubes.setdefault(Path(region.cube).stem, cube)
            of = f"{name}_{region.name}" if experiment.cubes else name
            _inputs(page, of, cube, task(experiment.task), alone)


def _inputs(page: _Page, name: str, cube: Cube, task: Task, experiment: Experiment | None) -> None:
    """The input stack of one window."""
    target = task.targets[0]
    ticks = cube.group(target.name).ticks if target.name in cube.variables else ()
    if len(ticks) < 2:
        return
    page.progress(f"{name}: inputs")
    if experiment is None:
        labels = Labels(cube, target)
        forcing = class_forcing(CubeDrivers(cube, labels.grid), target, labels.legend)
        known = set(forcing) | {target.name}
        static = tuple(
            v for v in cube.variables if cube.group(v).clock is Clock.STATIC and v not in known
        )
        times = ticks[-2], ticks[-1]
    else:
        forcing, static = experiment.forcing, experiment.static
        first, last = experiment.split.train
        inside = [t for t in ticks if first <= t <= last]
        stride = experiment.samples.strides[0]
        times = next(
            ((t, t + stride) for t in inside if t + stride in inside), (ticks[0], ticks[1])
        )
    side = 64 if experiment is None else experiment.samples.window
    drawn = draw_inputs(
        cube, task, forcing, static, times, page.folder / f"{name}_inputs.png", side=side
    )
    page.picture(drawn, "Everything the network sees of one window, and its target.")
