"""What a field says of itself: flags of known faults, and why a variable is not there."""

from __future__ import annotations

import pytest

from ai4land.errors import SourceError
from ai4land.grid import Grid, Window
from ai4land.sources import Fields, Flag, SourceField
from ai4land.sources.source import raised
from ai4land.vocabulary import Clock, variable

GLOBE = Grid.regular(-180, 90, 1, 1, (180, 360))
FIJI = Flag("islands are missing", (2000, 2005), (176.0, -20.0, 182.0, -15.0))


@pytest.mark.parametrize(
    ("west", "east", "north", "touched"),
    [
        (170, 175, -10, False),
        (170, 177, -10, True),
        (-180, -179, -10, True),  # the box goes on beyond the date line
        (-178, -170, -10, False),
        (178, -179, -10, True),
        (170, 177, -21, False),
    ],
)
def test_a_flag_concerns_a_box_on_the_globe(
    west: float, east: float, north: float, touched: bool
) -> None:
    window = GLOBE.window_of(west, -30, east, north)
    assert FIJI.touches(GLOBE, (1990, 2003), window) is touched
    assert not FIJI.touches(GLOBE, (1990, 2006), window)


def test_a_flag_without_place_and_time_concerns_all() -> None:
    assert Flag("all of it").touches(GLOBE, (), Window(0, 0, 1, 1))


def test_flags_become_a_note() -> None:
    entry = SourceField(variable("land_share"), GLOBE, Clock.YEAR, (2000, 2001), flags=(FIJI,))
    (note,) = raised(entry, (2001,), GLOBE.window)["known_wrong"]
    assert note["text"] == "islands are missing"
    assert (note["ticks"], note["box"]) == ([2000, 2005], [176.0, -20.0, 182.0, -15.0])
    assert raised(entry, (1999,), GLOBE.window) == {}


def test_fields_say_why_one_is_absent() -> None:
    entry = SourceField(variable("land_share"), GLOBE, Clock.STATIC)
    fields = Fields({"land_share": entry}, {"land_use": "no maps here", "land_share": "ignored"})
    assert "land_use" not in fields
    assert list(fields.values()) == [entry]
    assert fields["land_share"] is entry
    with pytest.raises(SourceError, match=r"(?s)one of land_share.*'land_use'.*no maps here"):
        fields["land_use"]
    with pytest.raises(SourceError, match=r"(?s)one of land_share.*'other'"):
        fields["other"]
