from __future__ import annotations

import json

import pytest
from cube_specs import FINE, LANDUSE8, annual, cube_spec, static

from ai4land.cube import CubeSpec, GroupSpec, VariableSpec
from ai4land.errors import CubeError
from ai4land.grid import Grid
from ai4land.vocabulary import Clock, variable


def test_a_spec_survives_json() -> None:
    spec = cube_spec(annual(), static(), attributes={"title": "Test", "list": [1, 2]})
    again = CubeSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert again.to_dict() == spec.to_dict()
    assert again.groups == spec.groups


def test_another_schema_version_is_refused() -> None:
    data = {**cube_spec(annual()).to_dict(), "schema_version": 99}
    with pytest.raises(CubeError, match=r"(?s)another schema version.*expected: 1.*found: 99"):
        CubeSpec.from_dict(data)


def test_shapes_leave_out_absent_axes() -> None:
    group = annual((2000, 2001, 2005))
    assert group.shape(group.spec("land_use")) == (3, 20, 30)
    assert group.shape(group.spec("land_use_fractions")) == (3, 8, 20, 30)
    assert static().shape(static().spec("elevation")) == (20, 30)


def test_classes_need_a_legend_and_fractions_take_its_names() -> None:
    with pytest.raises(CubeError, match=r"(?s)needs a legend.*land_use"):
        VariableSpec(variable("land_use"))
    spec = VariableSpec(variable("land_use_fractions"), LANDUSE8)
    assert spec.components == LANDUSE8.names
    assert VariableSpec(variable("land_share")).components == ()
    assert VariableSpec(variable("land_share")).layers == 1


@pytest.mark.parametrize("ticks", [(2001, 2000), (2000, 2000)])
def test_disordered_times_are_refused(ticks: tuple[int, ...]) -> None:
    with pytest.raises(CubeError, match="ascend without repeats"):
        annual(ticks)


def test_static_has_no_times_and_annual_has_some() -> None:
    spec = VariableSpec(variable("elevation"))
    for clock, ticks in ((Clock.STATIC, (2000,)), (Clock.YEAR, ())):
        with pytest.raises(CubeError, match="static group has no times"):
            GroupSpec("g", FINE, clock, ticks, (spec,))


def test_names_are_unique() -> None:
    with pytest.raises(CubeError, match="groups of a cube"):
        cube_spec(static(), static())
    again = GroupSpec("other", FINE, Clock.STATIC, (), static().variables)
    with pytest.raises(CubeError, match="variables of a cube"):
        cube_spec(static(), again)
    with pytest.raises(CubeError, match="each once"):
        GroupSpec("g", FINE, Clock.STATIC, (), ())


def test_unknown_times_and_variables_are_named() -> None:
    with pytest.raises(CubeError, match=r"(?s)no such time.*land_use.*2000…2009.*found: 1850"):
        annual(tuple(range(2000, 2010))).time_index(1850)
    with pytest.raises(CubeError, match=r"(?s)no such time.*no time: static"):
        static().time_index(2000)
    with pytest.raises(CubeError, match=r"(?s)no such variable.*elevation.*'slope'"):
        cube_spec(static()).group_of("slope")


def test_large_grids_are_sharded_in_whole_chunks() -> None:
    large = Grid.regular(-180, 90, "1/100", "1/100", (18000, 36000))
    group = GroupSpec(
        "fine", large, Clock.YEAR, (2000, 2001), (VariableSpec(variable("land_use"), LANDUSE8),)
    )
    chunks, shards = group.chunks(group.variables[0]), group.shards(group.variables[0])
    assert shards is not None
    assert all(s % c == 0 for s, c in zip(shards, chunks, strict=True))
    assert next(group.block_windows(group.variables[0])).height % chunks[-2] == 0
    assert annual().shards(annual().variables[0]) is None
