from __future__ import annotations

import numpy as np
import pytest
from cube_specs import FINE, LANDUSE8

from ai4land.cube import Field, State, Status
from ai4land.errors import SampleError
from ai4land.vocabulary import NO_DATA, Clock, variable

CODES = np.zeros(FINE.shape, dtype=np.uint8)


def test_a_state_finds_its_fields_and_names_what_it_lacks() -> None:
    state = State(
        Clock.YEAR, 2000, {"land_use": Field.of(variable("land_use"), FINE, CODES, LANDUSE8)}
    )
    assert state["land_use"].legend == LANDUSE8
    assert state.status is Status.PREDICTED
    with pytest.raises(SampleError, match=r"(?s)does not hold.*land_use.*'slope'"):
        state["slope"]


def test_values_must_lie_on_the_grid() -> None:
    with pytest.raises(SampleError, match=r"(?s)do not lie on the grid.*\(20, 30\).*\(3, 3\)"):
        Field.of(variable("elevation"), FINE, np.zeros((3, 3), np.float32))


def test_classes_need_codes_a_legend_and_one_probability_each() -> None:
    with pytest.raises(SampleError, match="legend and uint8"):
        Field.of(variable("land_use"), FINE, CODES)
    with pytest.raises(SampleError, match="legend and uint8"):
        Field.of(variable("land_use"), FINE, CODES.astype(np.int64), LANDUSE8)
    with pytest.raises(SampleError, match=r"(?s)One probability per class.*\(8, 20, 30\)"):
        Field.of(variable("land_use"), FINE, CODES, LANDUSE8, np.zeros((7, 20, 30), np.float32))


def test_known_is_where_nothing_is_missing() -> None:
    codes = CODES.copy()
    codes[0, 0] = NO_DATA
    assert not Field.of(variable("land_use"), FINE, codes, LANDUSE8).known[0, 0]
    shares = np.zeros((8, *FINE.shape), np.float32)
    shares[3, 1, 1] = np.nan
    known = Field.of(variable("land_use_fractions"), FINE, shares, LANDUSE8).known
    assert known.sum() == known.size - 1
    assert not known[1, 1]
