from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ai4land.cube import Cube
from ai4land.report import Evaluation, evaluate, prediction_attributes, score_tables, write_report
from ai4land.report.album import album_of, budget_parts
from ai4land.report.charts import charts_of, line_chart
from ai4land.report.figures import BUDGET
from ai4land.report.page import SCHEMA_VERSION
from ai4land.report.png import palette_png
from ai4land.rollout import (
    AllocationStepper,
    baseline_reader,
    observed_state,
    rollout,
    save_rollout,
)
from ai4land.rollout import demand_since as since
from ai4land.vocabulary import LAND_USE
from tiny_cubes import LANDUSE8

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}


def problems(value: object, schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    """What of a value breaks a schema, for the keywords that ours uses."""
    if "$ref" in schema:
        target: Any = root
        for key in schema["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        return problems(value, target, root, at)
    if "anyOf" in schema:
        tried = [problems(value, one, root, at) for one in schema["anyOf"]]
        return [] if any(not found for found in tried) else tried[-1]
    found = []
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(isinstance(value, TYPES[kind]) for kind in kinds):
        return [f"{at}: {value!r} is no {kinds}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: {value!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r}")
    if isinstance(value, int | float) and not (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
    ):
        found.append(f"{at}: {value} out of range")
    if isinstance(value, list) and "items" in schema:
        for n, item in enumerate(value):
            found += problems(item, schema["items"], root, f"{at}[{n}]")
    if isinstance(value, dict):
        found += [f"{at}: no {key}" for key in schema.get("required", []) if key not in value]
        known = schema.get("properties", {})
        other = schema.get("additionalProperties", True)
        for key, item in value.items():
            if key in known:
                found += problems(item, known[key], root, f"{at}.{key}")
            elif other is False:
                found.append(f"{at}: unknown {key}")
            elif isinstance(other, dict):
                found += problems(item, other, root, f"{at}.{key}")
    return found


class Reader(HTMLParser):
    """Checks that tags close in order, and collects what they say."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "input", "br", "path", "circle"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"path", "circle"}:
            assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def kernel_rollout(cube: Cube, path: Path, ticks: list[int]) -> Cube:
    start = observed_state(cube, LAND_USE, ticks[0])
    demand = since(start, baseline_reader(cube, LAND_USE))
    states = rollout(AllocationStepper("kernel", demand), start, ticks[1:])
    return save_rollout(
        states,
        path,
        like=cube,
        job=LAND_USE,
        ticks=ticks,
        attributes=prediction_attributes("mine <b>", cube, ticks, {}, None),
        source="mine",
    )


@pytest.fixture(scope="module")
def made(tiny_cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    kernel_rollout(tiny_cube, folder / "p.zarr", list(range(2003, 2010)))
    write_report([folder / "p.zarr"], folder / "out", truth=tiny_cube.path)
    return folder


@pytest.fixture(scope="module")
def found(made: Path, tiny_cube: Cube) -> Evaluation:
    return evaluate(Cube(made / "p.zarr"), tiny_cube)


@pytest.fixture(scope="module")
def page(made: Path) -> Reader:
    reader = Reader()
    reader.feed((made / "out" / "report.html").read_text(encoding="utf-8"))
    return reader


def test_the_page_asks_nothing_of_a_network(made: Path, page: Reader) -> None:
    text = (made / "out" / "report.html").read_text(encoding="utf-8")
    assert not page.open, "every tag is closed"
    links = [a[key] for _, a in page.tags for key in ("src", "href") if a.get(key)]
    assert links
    assert all(str(link).startswith(("data:image/png;base64,", "#")) for link in links)
    assert "url(" not in text
    assert "@import" not in text
    assert "mine &lt;b&gt;" in text, "titles are text, not markup"


def test_the_page_can_be_read_without_eyes_or_mouse(page: Reader) -> None:
    assert page.all("html")[0]["lang"] == "en"
    assert all(image.get("alt") for image in page.all("img"))
    assert all(head.get("scope") in {"row", "col"} for head in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(
        area.get("tabindex") == "0" for area in page.all("div") if area.get("role") == "region"
    )
    drawn = [s for s in page.all("svg") if s.get("role") == "img"]
    assert len(drawn) >= 5
    assert all("2009" in str(s["aria-label"]) for s in drawn)
    ids = [a["id"] for _, a in page.tags if a.get("id")]
    assert len(set(ids)) == len(ids)
    named = {label.get("for") for label in page.all("label")}
    sliders = [i for i in page.all("input") if i["type"] == "range"]
    assert sliders
    assert all(i["id"] in named for i in sliders)


def test_every_row_of_the_main_table_is_on_the_page(made: Path, found: Evaluation) -> None:
    text = (made / "out" / "report.html").read_text(encoding="utf-8")
    assert next(iter(found.scores)) == "mine"
    for row in found.scores:
        assert f'<th scope="row">{row}</th>' in text
    beside = (made / "out" / "report.md").read_text(encoding="utf-8")
    for title in ("Skill between floor and ceiling", "What this does not show", "Flicker"):
        assert title in text
        assert title in beside


def test_the_data_follow_the_schema(made: Path, found: Evaluation) -> None:
    schema = json.loads((files("ai4land.report") / "schema.json").read_text(encoding="utf-8"))
    data = json.loads((made / "out" / "scores.json").read_text(encoding="utf-8"))
    assert data["schema"] == SCHEMA_VERSION
    assert problems(data, schema, schema, "scores") == []
    assert data["reconstructions"]["p"] == json.loads(json.dumps(found.to_dict()))
    data["reconstructions"]["p"]["details"]["skill"]["mine"][0]["floor"] = 2.0
    assert problems(data, schema, schema, "scores") == [
        "scores.reconstructions.p.details.skill.mine[0].floor: 2.0 out of range"
    ]


def test_a_kernel_judged_as_a_model_is_the_kernel(found: Evaluation) -> None:
    details = found.to_dict()["details"]
    for kind in ("skill", "resolutions", "transitions", "fidelity", "flicker", "rates"):
        assert details[kind]["mine"] == details[kind]["kernel"]
    sure = details["uncertainty"]
    assert sure["model_minus_row"]["kernel"]["last"]["low"] == 0.0
    assert sure["model_minus_row"]["persistence"]["last"]["low"] > 0.0
    assert [s["skill"] for s in details["skill"]["random"]] == [0.0] * len(found.ticks)


def test_details_agree_with_the_scores_beside_them(found: Evaluation) -> None:
    for row, scores in found.to_dict()["scores"].items():
        tally = found.details.tallies[row]
        merit = scores["last"]["figure_of_merit"]
        assert tally.blocks[2009].total().figure_of_merit == pytest.approx(merit)
        assert tally.resolutions[1].figure_of_merit == pytest.approx(merit)
        for n in range(len(found.details.partitions)):
            tables = found.details.region(row, n).values()
            assert sum(one.hits for one, _ in tables) == scores["last"]["hits"]
            every = sum(two.total for _, two in found.details.region(row, n).values())
            assert every == found.all_cells[row].leads[-1].three.total
        rates = tally.course.rates
        assert rates is not None
        assert rates.times == (2003, *found.ticks)


def test_forcing_from_the_labels_is_closed_by_the_labels(found: Evaluation) -> None:
    last = found.details.truth.fidelity[2009]
    assert last.unclosed_share == pytest.approx(0.0, abs=1e-3)
    persistence = found.details.tallies["persistence"].course.fidelity[2009]
    assert persistence.unclosed_share > 0.02


def test_the_seam_between_labels_and_prediction_is_watched(found: Evaluation) -> None:
    seam = found.to_dict()["details"]["rates"]["truth"]["seams"]["labels to prediction"]
    assert (seam["from"], seam["to"]) == (2003, 2004)


def test_every_table_says_how_pixels_count(found: Evaluation) -> None:
    for table in score_tables(found):
        assert "every pixel counts 1" in table.note or "true area" in table.note


def test_budget_parts_are_numbered_like_their_colours() -> None:
    initial = np.array([[2, 2, 2, 2, 2, 2, 0]], np.uint8)
    truth = np.array([[3, 3, 3, 2, 2, 255, 0]], np.uint8)
    own = np.array([[3, 4, 2, 3, 2, 3, 0]], np.uint8)
    assert budget_parts(initial, truth, own, LANDUSE8).tolist() == [[0, 1, 2, 3, 4, 5, 5]]


def test_the_album_shows_every_year_once(made: Path, tiny_cube: Cube) -> None:
    album = album_of(Cube(made / "p.zarr"), tiny_cube, LAND_USE, tuple(range(2003, 2010)))
    assert album is not None
    assert [frame.time for frame in album.frames] == [str(y) for y in range(2004, 2010)]
    assert all(frame.truth and frame.difference for frame in album.frames)
    alone = album_of(Cube(made / "p.zarr"), None, LAND_USE, (2003, 2004))
    assert alone is not None
    assert alone.frames[0].difference == ""


def test_a_palette_png_gives_its_pixels_back() -> None:
    from io import BytesIO

    from matplotlib.image import imread

    indices = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    content = palette_png(indices, ["#ff0000", "#00ff00", "#0000ff80"])
    assert content[12:16] == b"IHDR"
    assert struct.unpack(">I", content[29:33])[0] == zlib.crc32(content[12:29])
    image = np.round(imread(BytesIO(content)) * 255).astype(int)
    assert image[0].tolist() == [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 128]]


def test_charts_say_their_ends_and_draw_each_row(found: Evaluation) -> None:
    charts = charts_of(found)
    assert "Figure of merit" in [chart.title for chart in charts]
    one = line_chart("t", {"a": [(2000, 1.0), (2001, 3.0)]}, ["a"], backward=True)
    assert "a: 3 in 2001, 1 in 2000" in one.said
    assert one.svg.count('class="line row1"') == 1
    nothing = line_chart("t", {"a": [(2000, float("nan"))]}, ["a"])
    assert nothing.svg == ""


# Machado, Oliveira and Fernandes 2009, severity 1
SIGHT = {
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
    "usual": np.eye(3).tolist(),
}


@pytest.mark.parametrize("sight", SIGHT)
def test_parts_of_the_difference_can_be_told_apart(sight: str) -> None:
    def seen(colour: str) -> np.ndarray:
        raw = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(raw <= 0.04045, raw / 12.92, ((raw + 0.055) / 1.055) ** 2.4)
        linear = np.clip(np.array(SIGHT[sight]) @ linear, 0, 1)
        to_xyz = np.array(
            [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
        )
        scaled = to_xyz @ linear / np.array([0.9505, 1.0, 1.089])
        f = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
        return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])

    lab = [seen(colour) for colour in BUDGET.values()]
    pairs = [np.linalg.norm(one - two) for n, one in enumerate(lab) for two in lab[n + 1 :]]
    assert min(pairs) > 15.0, "CIELAB distance; 2.3 is just noticeable"


def test_the_same_report_twice_is_the_same_file(made: Path, tiny_cube: Cube) -> None:
    write_report([made / "p.zarr"], made / "again", truth=tiny_cube.path)
    one, two = ((made / name / "report.html").read_bytes() for name in ("out", "again"))
    assert one == two
    held = re.findall(rb"data:image/png;base64,([A-Za-z0-9+/=]+)", one)
    assert all(base64.b64decode(content).startswith(b"\x89PNG") for content in held)
