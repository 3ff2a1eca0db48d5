from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ai4land.cube import Cube, Status
from ai4land.grid import Window
from ai4land.report.pictures.coverage import draw_coverage, stretches
from ai4land.report.pictures.curves import draw_training
from ai4land.report.pictures.figures import BUDGET, budget_map, class_image
from ai4land.report.pictures.inputs import busiest_window, draw_inputs
from ai4land.report.pictures.maps import draw_maps
from ai4land.samples import Labels
from ai4land.vocabulary import LAND_USE, legend
from tiny_rollouts import LAND


def pixels(path: Path) -> np.ndarray:
    from matplotlib.image import imread

    return np.asarray(imread(path))[..., :3]


def holds(path: Path, colour: str) -> bool:
    """Whether a picture holds a colour ``#rrggbb`` exactly."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    image = np.round(pixels(path) * 255).astype(int)
    return bool((image == wanted).all(axis=-1).any())


def rgb(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def test_the_budget_map_tells_the_five_parts_apart() -> None:
    initial = np.array([[1, 1, 1, 1, 1, 1]], np.uint8)
    truth = np.array([[2, 2, 2, 1, 1, 2]], np.uint8)
    simulated = np.array([[2, 3, 1, 2, 1, 2]], np.uint8)
    scored = np.array([[True, True, True, True, True, False]])
    image = budget_map(initial, truth, simulated, scored)
    assert [list(p) for p in image[0, :5]] == [rgb(c) for c in BUDGET.values()]
    assert list(image[0, 5]) == [255, 255, 255]


def test_class_images_have_the_colours_of_the_legend() -> None:
    codes = np.array([[1, 4, 255]], np.uint8)
    known = legend("landuse8")
    image = class_image(codes, known)
    assert [list(p) for p in image[0]] == [
        rgb(known.colours[known.index("urban")]),
        rgb(known.colours[known.index("forest")]),
        [255, 255, 255],
    ]


def test_stretches_of_a_status() -> None:
    held, seen = Status.HELD, Status.OBSERVED
    status = {2001: seen, 2002: seen, 2004: seen, 2005: held}
    assert stretches(status) == [(2001, 2003, seen), (2004, 2005, seen), (2005, 2006, held)]


def test_coverage_has_a_bar_for_what_is_observed(tiny_cube: Cube, tmp_path: Path) -> None:
    path = draw_coverage([("tiny", tiny_cube)], tmp_path / "c.png")
    assert holds(path, "#0072b2"), "observed"
    assert not holds(path, "#009e73"), "nothing is predicted"


def test_the_window_of_most_change_is_found(tiny_cube: Cube) -> None:
    labels = Labels(tiny_cube, LAND)
    found = busiest_window(labels, 2000, 2011, 16)
    one, two = (labels.codes(t) for t in (2000, 2011))
    changed = one != two

    def count(window: Window) -> int:
        return int(changed[window.slices].sum())

    every = [Window(r, c, 16, 16) for r in range(25) for c in range(33)]
    assert count(found) == max(count(w) for w in every)


def test_the_input_stack_shows_prior_target_and_drivers(tiny_cube: Cube, tmp_path: Path) -> None:
    path = draw_inputs(
        tiny_cube,
        LAND_USE,
        ("luh2_states",),
        ("elevation", "climate_zone"),
        (2000, 2011),
        tmp_path / "i.png",
        side=24,
    )
    known = legend("landuse8")
    assert holds(path, known.colours[known.index("cropland")])
    assert holds(path, legend("koeppen_geiger").colours[14]), "the climate zone in its colour"


def test_maps_without_a_truth_show_what_there_is(tiny_cube: Cube, tmp_path: Path) -> None:
    drawn = draw_maps(tiny_cube, None, LAND, 2000, 2011, tmp_path / "m")
    assert [p.name for p in drawn] == ["m_maps.png"]
    drawn = draw_maps(tiny_cube, tiny_cube, LAND, 2000, 2011, tmp_path / "m")
    assert [p.name for p in drawn] == ["m_maps.png", "m_difference.png"]
    assert holds(drawn[1], BUDGET["hit"])


def test_the_same_picture_twice_is_the_same_file(tiny_cube: Cube, tmp_path: Path) -> None:
    one = draw_coverage([("tiny", tiny_cube)], tmp_path / "a.png").read_bytes()
    assert draw_coverage([("tiny", tiny_cube)], tmp_path / "b.png").read_bytes() == one


def test_a_training_log_is_drawn_and_an_empty_one_is_not(tmp_path: Path) -> None:
    log = tmp_path / "metrics.csv"
    head = (
        "loss,step,validation_accuracy,validation_figure_of_merit,validation_persistence_accuracy"
    )
    log.write_text(f"{head}\n0.5,1,,,\n0.4,2,0.9,0.2,0.88\n")
    path = draw_training(log, tmp_path / "t.png")
    assert path is not None
    assert pixels(path).std() > 0.01, "not blank"
    log.write_text("step\n1\n")
    assert draw_training(log, tmp_path / "t.png") is None


@pytest.mark.parametrize("name", ["absent", "_HOMES_"])
def test_unknown_names_of_the_room(name: str) -> None:
    import ai4land.report as report

    with pytest.raises(AttributeError, match=name):
        getattr(report, name)
