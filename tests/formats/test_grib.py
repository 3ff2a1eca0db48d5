"""GRIB: headers, times and values of messages; what is no regular map of an analysis."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from ai4land.errors import SourceError
from ai4land.formats import grib_messages, grib_values
from provider_files.era5 import node_axes, write_era5_grib

AXES = node_axes(30.0)
VALUES = 270 + np.arange(2 * 7 * 12, dtype="f8").reshape(2, 7, 12) / 8
TIMES = [dt.datetime(2004, 2, 1, 6), dt.datetime(2004, 2, 29, 18)]
TEMPERATURE = 167  # ECMWF parameter


@pytest.mark.parametrize("edition", [1, 2])
def test_messages_say_where_when_and_what(tmp_path: Path, edition: int) -> None:
    path = write_era5_grib(tmp_path / "x.grib", {"t2m": VALUES}, TIMES, AXES, edition=edition)
    found = grib_messages(path, {TEMPERATURE})
    epoch = dt.datetime(1970, 1, 1)
    assert [m.time for m in found] == [(t - epoch) // dt.timedelta(seconds=1) for t in TIMES]
    assert [(m.parameter, m.units, m.shape) for m in found] == [(TEMPERATURE, "K", (7, 12))] * 2
    grid = found[0].layout(path).grid
    assert (grid.shape, grid.is_global, grid.cut) == ((7, 12), True, (True, True))
    np.testing.assert_allclose(grid_values(path, 1), VALUES[1], atol=1e-2)
    assert grib_messages(path, {0}) == []


def grid_values(path: Path, record: int) -> np.ndarray:
    return grib_values(path, grib_messages(path, {TEMPERATURE})[record])


def test_a_month_is_stamped_with_its_first_day(tmp_path: Path) -> None:
    path = write_era5_grib(tmp_path / "x.grib", {"t2m": VALUES[:1]}, TIMES[:1], AXES, stream="moda")
    (found,) = grib_messages(path, {TEMPERATURE})
    assert found.time == int(dt.datetime(2004, 2, 1, tzinfo=dt.UTC).timestamp())


def test_what_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = write_era5_grib(tmp_path / "x.grib", {"t2m": VALUES}, TIMES, AXES)
    message = grib_messages(path, {TEMPERATURE})[1]
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SourceError, match="damaged or incomplete") as error:
        grib_values(path, message)
    assert "fetch it again" in str(error.value.remedy)
