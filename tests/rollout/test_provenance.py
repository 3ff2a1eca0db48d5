from __future__ import annotations

from dataclasses import replace

import pytest

from ai4land.checkpoint import Card, Domain
from ai4land.cube import Cube
from ai4land.models import InputSpec
from ai4land.rollout import domain_warnings, prediction_attributes
from ai4land.vocabulary import Direction, SplitOptions
from tiny_cubes import COARSE, FINE, LANDUSE8
from tiny_rollouts import LAND


def card(**changes: object) -> Card:
    made = Card(
        task="land_use",
        recursive=tuple(Direction),
        architecture={},
        inputs=InputSpec((LAND.with_classes(LANDUSE8.names),), forcing=("luh2_states/primf",)),
        legends={"land_use": LANDUSE8},
        grids={"land_use": FINE, "luh2_states": COARSE},
        strides=(1,),
        directions=(Direction.FORWARD,),
        split=SplitOptions(train=(2000, 2005), validation=(2005, 2008)),
        domain=Domain(10.0, 48.0, 12.4, 50.0, (2000, 2005), (2005, 2008)),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_inside_the_domain_nothing_is_said(tiny_cube: Cube) -> None:
    assert domain_warnings(card(), tiny_cube, [2001, 2002, 2003]) == []


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({}, [2004, 2005, 2006], "1 of 2 steps go to years outside the training"),
        ({}, [2004, 2003], "The model never stepped backward"),
        ({}, [2001, 2004], "Steps of [3] ticks were never trained"),
        ({"grids": {"land_use": FINE.coarsen(2, 2)}}, [2001, 2002], "Pixels of 0.05°"),
    ],
)
def test_each_way_out_of_the_domain_is_said(
    tiny_cube: Cube, changes: dict[str, object], path: list[int], said: str
) -> None:
    found = domain_warnings(card(**changes), tiny_cube, path)
    assert any(said in message for message in found), found


def test_a_larger_region_is_said(tiny_cube: Cube) -> None:
    small = card()
    small = replace(small, domain=replace(small.domain, east=11.0))
    assert "beyond the region of training" in domain_warnings(small, tiny_cube, [2001, 2002])[0]


def test_attributes_are_the_same_for_the_same_run(tiny_cube: Cube) -> None:
    one, two = (prediction_attributes("s", tiny_cube, [1, 2], {"a": 1}, card()) for _ in range(2))
    assert one == two
    assert Card.from_dict(one["checkpoint"]["card"]) == card()
    assert prediction_attributes("s", tiny_cube, [1, 2], {})["checkpoint"] is None
    assert one["provenance"] == tiny_cube.attributes["provenance"]
