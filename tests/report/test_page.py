from __future__ import annotations

import base64
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from ai4land.cube import Cube
from ai4land.evaluation import Evaluation
from ai4land.report import score_tables, write_report
from ai4land.report.caveats import brief, row_notes
from ai4land.report.charts.scores import charts_of, line_chart
from ai4land.report.map_frames import FrameLayout, map_frames
from ai4land.report.pictures.figures import budget_parts, judged
from ai4land.report.png import palette_png
from tiny_cubes import LANDUSE8
from tiny_rollouts import LAND


def test_every_row_of_the_main_table_is_on_the_page(
    made: Path, found: Evaluation, html: str
) -> None:
    assert next(iter(found.scores)) == "mine"
    for row in found.scores:
        assert f'<th scope="row">{row}' in html
    beside = (made / "out" / "report.md").read_text(encoding="utf-8")
    for title in ("In brief", "Skill between floor and ceiling", "What this does not show"):
        assert f">{title}<" in html
        assert f"### {title}" in beside


def test_what_decides_stands_first(found: Evaluation) -> None:
    table = score_tables(found)[0]
    assert table.columns[1:5] == ("FoM\n2009", "skill\n2009", "acc.\n2009", "mIoU\n2009")
    mine, last = table.rows[0], found.to_dict()["scores"]["mine"]["last"]
    sure = found.details.uncertainty
    assert sure is not None
    interval = sure.merit["mine"]["last"]
    assert interval is not None
    merit, within = mine[1].split("\n")
    assert merit == f"{last['figure_of_merit']:.3f}"
    assert within == f"[{interval.low:.3f}, {interval.high:.3f}]".replace("0.", ".")
    assert mine[4] == f"{last['mean_iou']:.3f}"


def test_the_mean_of_the_skill_is_that_of_the_years(found: Evaluation) -> None:
    details = found.to_dict()["details"]
    for row, years in details["skill"].items():
        mean = sum(year["skill"] for year in years) / len(years)
        assert details["mean_skill"][row] == pytest.approx(mean)
    table = next(t for t in score_tables(found) if t.title.startswith("Skill"))
    column = table.columns.index("skill\nmean")
    cells = {row[0]: row[column] for row in table.rows}
    assert cells["mine"] == f"{details['mean_skill']['mine']:.3f}"
    assert (cells["random"], cells["ceiling"]) == ("0.000", "1.000")


def test_the_brief_says_no_more_than_the_intervals(found: Evaluation) -> None:
    text = " ".join(brief(found))
    assert "above its shuffled twin, persistence and random; not told apart from kernel" in text
    three = found.scores["mine"].leads[-1].three
    assert f"{100 * three.hits / three.observed_change:.1f} % rightly" in text
    assert [note.partition(":")[0] for note in row_notes(found)] == list(found.scores)


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
        sums = found.details.rollouts[row]
        merit = scores["last"]["figure_of_merit"]
        assert sums.blocks[2009].total().figure_of_merit == pytest.approx(merit)
        assert sums.resolutions[1].figure_of_merit == pytest.approx(merit)
        for n in range(len(found.details.partitions)):
            tables = found.details.region(row, n).values()
            assert sum(one.hits for one, _ in tables) == scores["last"]["hits"]
            every = sum(two.total for _, two in found.details.region(row, n).values())
            assert every == found.all_cells[row].leads[-1].three.total
        rates = sums.time.rates
        assert rates is not None
        assert rates.times == (2003, *found.ticks)


def test_forcing_from_the_labels_is_closed_by_the_labels(found: Evaluation) -> None:
    last = found.details.truth.fidelity[2009]
    assert last.unclosed_share == pytest.approx(0.0, abs=1e-3)
    persistence = found.details.rollouts["persistence"].time.fidelity[2009]
    assert persistence.unclosed_share > 0.02


def test_the_seam_between_labels_and_prediction_is_watched(found: Evaluation) -> None:
    seam = found.to_dict()["details"]["rates"]["truth"]["seams"]["labels to prediction"]
    assert (seam["from"], seam["to"]) == (2003, 2004)


def test_every_table_says_which_pixels_count_and_how(found: Evaluation) -> None:
    assert found.all_cells, "some coarse cells are left out of the headline"
    for table in score_tables(found):
        if "true area" not in table.note:
            assert "every pixel counts 1" in table.note
            assert re.search("Counted: land pixels", table.note)
    said = {table.title: table.note for table in score_tables(found)}
    assert "of all coarse cells;" in said["All coarse cells, those at the coast too"]
    assert "at least half known land, the headline's" in said["IoU by class in 2009"]
    region = "By region: land in the coarse cell"
    assert "at least half known land, the headline's" in said[f"{region}, headline"]
    assert "of all coarse cells;" in said[f"{region}, all coarse cells"]


def test_names_of_classes_are_written_as_people_write_them(found: Evaluation) -> None:
    table = next(t for t in score_tables(found) if t.title.startswith("IoU by class"))
    assert "grass shrub" in table.columns
    assert "grass_shrub" in found.to_dict()["classes"]


def test_budget_parts_are_numbered_like_their_colours() -> None:
    initial = np.array([[2, 2, 2, 2, 2, 2, 0]], np.uint8)
    truth = np.array([[3, 3, 3, 2, 2, 255, 0]], np.uint8)
    own = np.array([[3, 4, 2, 3, 2, 3, 0]], np.uint8)
    scored = judged(initial, truth, LANDUSE8)
    assert scored.tolist() == [[True] * 5 + [False] * 2]
    assert budget_parts(initial, truth, own, scored).tolist() == [[0, 1, 2, 3, 4, 5, 5]]


def test_the_maps_show_every_year_once(made: Path, tiny_cube: Cube) -> None:
    maps = map_frames(Cube(made / "p.zarr"), tiny_cube, LAND, tuple(range(2003, 2010)))
    assert maps is not None
    assert [frame.time for frame in maps.frames] == [str(y) for y in range(2004, 2010)]
    assert all(frame.truth and frame.difference for frame in maps.frames)
    assert maps.layout == FrameLayout.of(tiny_cube.grid("land_use"))
    assert all(key.mark for key in maps.parts[:-1])
    alone = map_frames(Cube(made / "p.zarr"), None, LAND, (2003, 2004))
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
    assert one.values.rows == (("2001", "3.000"), ("2000", "1.000"), ("mean", "2.000"))
    nothing = line_chart("t", {"a": [(2000, float("nan"))]}, ["a"])
    assert nothing.svg == ""
    assert nothing.values.rows == (("2000", "–"),)


def test_the_same_report_twice_is_the_same_file(made: Path, tiny_cube: Cube) -> None:
    write_report([made / "p.zarr"], made / "again", truth=tiny_cube.path)
    one, two = ((made / name / "report.html").read_bytes() for name in ("out", "again"))
    assert one == two
    held = re.findall(rb"data:image/png;base64,([A-Za-z0-9+/=]+)", one)
    assert all(base64.b64decode(content).startswith(b"\x89PNG") for content in held)
