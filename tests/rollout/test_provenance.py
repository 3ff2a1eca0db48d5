from __future__ import annotations

import itertools

import pytest

from ai4land.checkpoint import Card
from ai4land.cube import Cube
from ai4land.rollout import domain_warnings, prediction_attributes
from tiny_cubes import COARSE, FINE


def card(**changes: object) -> Card:
    grid = FINE.to_dict()
    domain = {
        **{"west": 10.0, "south": 48.0, "east": 12.4, "north": 50.0},
        **{"trained": [2000, 2005], "validated": [2005, 2008]},
    }
    said = {
        **{"task": "land_use", "architecture": {}, "legend": None, "clock": "year"},
        "inputs": {"target": "land_use", "forcing": ["luh2_states/primf"]},
        "grids": {"land_use": grid, "luh2_states": COARSE.to_dict()},
        **{"strides": (1,), "directions": ("forward",), "training": {}, "data": {}},
        **{"licences": (), "domain": domain, "scores": {}, "code_version": "0"},
    }
    return Card(**{**said, **changes})  # type: ignore[arg-type]


def test_inside_the_domain_nothing_is_said(tiny_cube: Cube) -> None:
    assert domain_warnings(card(), tiny_cube, [2001, 2002, 2003]) == []


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({}, [2004, 2005, 2006], "1 of 2 steps go to years outside the training"),
        ({}, [2004, 2003], "The model never stepped backward"),
        ({}, [2001, 2004], "Steps of [3] ticks were never trained"),
        ({"grids": {"land_use": FINE.coarsen(2, 2).to_dict()}}, [2001, 2002], "Pixels of 0.05°"),
    ],
)
def test_each_way_out_of_the_domain_is_said(
    tiny_cube: Cube, changes: dict[str, object], path: list[int], said: str
) -> None:
    found = domain_warnings(card(**changes), tiny_cube, path)
    assert any(said in message for message in found), found


def test_a_larger_region_is_said(tiny_cube: Cube) -> None:
    small = card()
    small = card(domain={**small.domain, "east": 11.0})
    assert "beyond the region of training" in domain_warnings(small, tiny_cube, [2001, 2002])[0]


def test_attributes_are_the_same_for_the_same_run(tiny_cube: Cube) -> None:
    one, two = itertools.repeat(prediction_attributes("s", tiny_cube, [1, 2], {"a": 1}, None), 2)
    assert one == two == prediction_attributes("s", tiny_cube, [1, 2], {"a": 1}, None)
    assert one["provenance"] == tiny_cube.attributes["provenance"]
