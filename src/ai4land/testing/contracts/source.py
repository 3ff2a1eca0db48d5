"""The contract that every source keeps; a reader is done when its tests inherit this suite."""

from __future__ import annotations

import re
import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest

from ai4land.errors import SourceError
from ai4land.grid import Grid, Window
from ai4land.sources import Source, SourceField
from ai4land.vocabulary import NO_DATA, VARIABLES, Clock, Kind

__all__ = ["Landmark", "SourceContract"]

_MEASURABLE = 200_000  # bytes of a field from which the memory of a read can be told from noise


@dataclass(frozen=True, slots=True)
class Landmark:
    """A value known from elsewhere: what makes a flipped or shifted reader fail.

    Attributes:
        variable: Name of the variable.
        tick: The time; ``None`` if static.
        latitude: Degrees north of the place.
        longitude: Degrees east of the place.
        value: What stands there; NaN or 255 if missing; one number per component of a vector.
    """

    variable: str
    tick: int | None
    latitude: float
    longitude: float
    value: float | tuple[float, ...]


class SourceContract:
    """Inherit it and override the fixtures ``source`` and ``landmarks``."""

    @pytest.fixture
    def source(self) -> Source:
        """An opened source."""
        raise NotImplementedError

    @pytest.fixture
    def landmarks(self) -> list[Landmark]:
        """At least two values in different rows and columns, known independently of the reader."""
        raise NotImplementedError

    def test_fields_are_of_the_vocabulary(self, source: Source) -> None:
        """Names, units and bounds are the vocabulary's."""
        assert source.fields
        for name, field in source.fields.items():
            assert field.variable == VARIABLES[name]
            assert (field.legend is not None) >= (field.variable.kind is Kind.CATEGORICAL)

    def test_grid_is_within_half_a_turn(self, source: Source) -> None:
        """Grids are north up and start within −180…180° E."""
        for field in source.fields.values():
            assert -181 < float(field.grid.west) < 180
            assert field.grid.dx > 0
            assert field.grid.dy > 0

    def test_ticks_ascend_and_gaps_are_no_ticks(self, source: Source) -> None:
        """Times are ordered, and none is both there and missing."""
        for field in source.fields.values():
            assert list(field.ticks) == sorted(set(field.ticks))
            assert (field.clock is Clock.STATIC) == (not field.ticks)
            assert not set(field.gaps) & set(field.ticks)
            assert field.back_cast <= set(field.ticks)

    def test_shape_dtype_and_missing(self, source: Source) -> None:
        """Codes are ``uint8`` of the legend, numbers ``float32`` without infinity."""
        for name, field in source.fields.items():
            for tick in _ends(field):
                values = source.read(name, tick, field.grid.window)
                layers = _layers(field)
                assert values.shape == (*((layers,) if layers else ()), *field.grid.shape)
                if field.variable.kind is Kind.CATEGORICAL:
                    assert field.legend is not None
                    known = {*field.legend.codes, *field.legend.sea, NO_DATA}
                    assert values.dtype == np.uint8
                    assert set(np.unique(values).tolist()) <= known
                else:
                    assert values.dtype == np.float32
                    assert not np.isinf(values).any()

    def test_values_are_within_bounds(self, source: Source) -> None:
        """Numbers lie within the bounds of the vocabulary."""
        for name, field in source.fields.items():
            if field.variable.kind is Kind.CATEGORICAL:
                continue
            low, high = field.variable.bounds
            for tick in _ends(field):
                values = source.read(name, tick, field.grid.window)
                assert np.isfinite(values).any()
                assert low is None or float(np.nanmin(values)) >= low - 1e-6
                assert high is None or float(np.nanmax(values)) <= high + 1e-3

    def test_landmarks_stand_where_they_should(
        self, source: Source, landmarks: list[Landmark]
    ) -> None:
        """Known values stand at their latitude and longitude."""
        assert len({(m.latitude, m.longitude) for m in landmarks}) > 1
        for mark in landmarks:
            window = _cell(source.fields[mark.variable].grid, mark)
            found = source.read(mark.variable, mark.tick, window)[..., 0, 0]
            np.testing.assert_allclose(found, mark.value, rtol=1e-5, err_msg=str(mark))

    def test_a_window_is_a_part_of_the_whole(self, source: Source) -> None:
        """Reading a window equals cutting it from the whole."""
        for name, field in source.fields.items():
            tick = _ends(field)[-1]
            whole = source.read(name, tick, field.grid.window)
            height, width = field.grid.shape
            for window in (
                Window(0, 0, 1, 1),
                Window(height - 1, width - 1, 1, 1),
                Window(height // 3, width // 4, max(height // 2, 1), max(width // 2, 1)),
            ):
                part = source.read(name, tick, window)
                np.testing.assert_allclose(part, whole[(..., *window.slices)], rtol=1e-6)

    def test_a_window_goes_around_a_global_grid(self, source: Source) -> None:
        """A window may cross the edge of a global grid."""
        for name, field in source.fields.items():
            if not field.grid.is_global:
                continue
            tick, width = _ends(field)[0], field.grid.width
            rows = min(2, field.grid.height)
            around = source.read(name, tick, Window(0, width - 2, rows, 4))
            whole = source.read(name, tick, Window(0, 0, rows, width))
            expected = np.take(whole, np.arange(width - 2, width + 2) % width, axis=-1)
            np.testing.assert_allclose(around, expected, rtol=1e-6)

    def test_a_read_is_lazy(self, source: Source) -> None:
        """Four cells do not cost the memory of the whole field."""
        for name, field in source.fields.items():
            item = 1 if field.variable.kind is Kind.CATEGORICAL else 4
            size = field.grid.height * field.grid.width * max(_layers(field), 1) * item
            if size < _MEASURABLE:
                continue
            window = Window(field.grid.height // 2, field.grid.width // 2, 2, 2)
            source.read(name, _ends(field)[0], window)  # imports and caches are not counted
            tracemalloc.start()
            source.read(name, _ends(field)[0], window)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < size / 2, f"{name}: {peak} bytes for four cells of {size}"

    def test_what_is_not_there_is_refused(self, source: Source) -> None:
        """Unknown variables, times and cells are named, not invented."""
        for name, field in source.fields.items():
            height, width = field.grid.shape
            with pytest.raises(SourceError, match="beyond the grid"):
                source.read(name, _ends(field)[0], Window(height - 1, 0, 2, width))
            if field.ticks:
                later = field.ticks[-1] + 1000
                first = re.escape(field.clock.label(field.ticks[0]))
                with pytest.raises(SourceError, match=rf"(?s)no such time.*{first}.*"):
                    source.read(name, later, field.grid.window)
            else:
                with pytest.raises(SourceError, match="static variable has no times"):
                    source.read(name, 2000, field.grid.window)
        with pytest.raises(SourceError, match="no such variable"):
            source.read("nothing", None, Window(0, 0, 1, 1))

    def test_provenance_is_complete(self, source: Source) -> None:
        """Every file has a name without folder, a hash and a product."""
        for entry in source.provenance():
            assert re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
            assert "/" not in entry.name
            assert "\\" not in entry.name
            assert entry.product
        whole = {entry.sha256 for entry in source.provenance()}
        assert whole
        parts = [source.provenance(variables=[name]) for name in source.fields]
        assert {entry.sha256 for part in parts for entry in part} == whole


def _ends(field: SourceField) -> list[int | None]:
    """The first and the last time, or no time."""
    return [field.ticks[0], field.ticks[-1]] if field.ticks else [None]


def _layers(field: SourceField) -> int:
    return len(field.variable.layers(() if field.legend is None else field.legend.names))


def _cell(grid: Grid, mark: Landmark) -> Window:
    """The cell in which a landmark stands."""
    hair = 1e-7
    window = grid.window_of(
        mark.longitude - hair, mark.latitude - hair, mark.longitude + hair, mark.latitude + hair
    )
    assert window.shape == (1, 1), f"{mark} stands on a cell's edge"
    return window
