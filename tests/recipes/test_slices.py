from __future__ import annotations

from pathlib import Path

import pytest

from ai4land.errors import ConfigError
from ai4land.recipes import Recipe, Region, load_recipe, narrowed

TEXT = """\
title: Test
years: {first: 2000, last: 2010, step: 2}
region: {west: 170, south: -10, east: -170, north: 10}
variables:
  elevation: {source: gebco, path: relief.nc}
"""


@pytest.fixture
def whole(tmp_path: Path) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return load_recipe(path)


def test_years_keep_the_recipes_own_steps(whole: Recipe) -> None:
    assert narrowed(whole, years=(2003, 2007)).years.ticks == (2004, 2006)
    assert narrowed(whole, years=(2000, 2000)).years.ticks == (2000,)
    assert narrowed(whole).years == whole.years


@pytest.mark.parametrize("years", [(1999, 2004), (2004, 2011), (2006, 2004), (2003, 2003)])
def test_years_that_are_no_part_are_refused(whole: Recipe, years: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=r"(?s)not a part of the recipe.*line 2.*2000…2010"):
        narrowed(whole, years=years)


@pytest.mark.parametrize("box", [(172, -5, 178, 5), (175, -10, -175, 10), (-178, 0, -171, 1)])
def test_a_part_of_a_region_across_the_date_line(
    whole: Recipe, box: tuple[float, float, float, float]
) -> None:
    assert narrowed(whole, region=box).region == Region(
        west=box[0], south=box[1], east=box[2], north=box[3]
    )


@pytest.mark.parametrize("box", [(160, -5, 178, 5), (175, -11, 178, 5), (0, 0, 1, 1)])
def test_a_region_elsewhere_is_refused(
    whole: Recipe, box: tuple[float, float, float, float]
) -> None:
    with pytest.raises(ConfigError, match=r"(?s)not a part of the recipe.*line 3.*170,-10,-170,10"):
        narrowed(whole, region=box)


def test_a_box_without_height_is_no_region(whole: Recipe) -> None:
    with pytest.raises(ConfigError, match="This is not a region"):
        narrowed(whole, region=(172, 5, 178, 5))


def test_the_slice_still_knows_its_file(whole: Recipe, tmp_path: Path) -> None:
    part = narrowed(whole, years=(2000, 2004))
    assert part.path("relief.nc") == tmp_path / "relief.nc"
    assert part.resolved()["years"] == {"first": 2000, "last": 2004, "step": 2}
