"""Whether the colours of maps and curves can be told apart, whatever the eye."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.report.pictures.figures import BUDGET

Floats = npt.NDArray[np.float64]

# Machado, Oliveira and Fernandes 2009, doi:10.1109/TVCG.2009.113, severity 1, on linear RGB
SIGHT: dict[str, Floats] = {
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
    "usual": np.eye(3),
}
# IEC 61966-2-1, white D65
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
CLEARLY = 12.0  # CIEDE2000; 1 is just noticeable, side by side


def linear(colour: str) -> Floats:
    """Linear RGB of ``#rrggbb``."""
    raw = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(raw <= 0.04045, raw / 12.92, ((raw + 0.055) / 1.055) ** 2.4)


def seen(colour: str, sight: str) -> Floats:
    """CIELAB of a colour as an eye sees it."""
    scaled = XYZ @ np.clip(SIGHT[sight] @ linear(colour), 0, 1) / WHITE
    f = np.where(scaled > 216 / 24389, np.cbrt(scaled), (24389 / 27 * scaled + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one: Floats, two: Floats) -> float:
    """CIEDE2000 of two colours in CIELAB (ISO/CIE 11664-6)."""
    mean = (np.hypot(*one[1:]) + np.hypot(*two[1:])) / 2
    stretch = 1.5 - 0.5 * np.sqrt(mean**7 / (mean**7 + 25.0**7))
    (a1, b1), (a2, b2) = ((stretch * lab[1], lab[2]) for lab in (one, two))
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    hue = (h1 + turn / 2) % 360 if c1 * c2 else h1 + h2
    light, chroma = (one[0] + two[0]) / 2, (c1 + c2) / 2
    weight = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    rotation = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    rotation *= np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    lightness = (two[0] - one[0]) / (
        1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    )
    saturation = (c2 - c1) / (1 + 0.045 * chroma)
    tone = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * chroma * weight)
    return float(np.sqrt(lightness**2 + saturation**2 + tone**2 + rotation * saturation * tone))


def contrast(one: str, two: str) -> float:
    """Contrast ratio of WCAG 2."""
    dark, light = sorted(float(linear(colour) @ XYZ[1]) for colour in (one, two))
    return (light + 0.05) / (dark + 0.05)


def themes() -> dict[str, dict[str, str]]:
    """Theme → name of a colour → its value, as the page's style says."""
    css = (files("ai4land.report") / "templates" / "report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root\{(.*?)\}", css, flags=re.DOTALL)[:2]
    said = [dict(re.findall(r"--(\w+):(#[0-9a-f]{6})\b", block)) for block in blocks]
    return dict(zip(("light", "dark"), said, strict=True))


def closest(colours: Mapping[str, str], grounds: Mapping[str, str], sight: str) -> float:
    """Least distance of two colours, or of a colour and a ground."""
    lab = {name: seen(colour, sight) for name, colour in {**colours, **grounds}.items()}
    pairs = [*itertools.combinations(colours, 2), *itertools.product(colours, grounds)]
    return min(distance(lab[one], lab[two]) for one, two in pairs)


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [  # Sharma, Wu and Dalal 2005, doi:10.1002/col.20070, table 1
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
        ((90.8027, -2.0831, 1.441), (91.1528, -1.6435, 0.0447), 1.4441),
    ],
)
def test_the_distance_is_ciede2000(
    one: tuple[float, ...], two: tuple[float, ...], expected: float
) -> None:
    assert distance(np.array(one), np.array(two)) == pytest.approx(expected, abs=5e-5)
    assert distance(np.array(two), np.array(one)) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("sight", SIGHT)
def test_parts_of_the_difference_can_be_told_apart(sight: str) -> None:
    grounds = {
        f"{theme} {name}": colours[name]
        for theme, colours in themes().items()
        for name in ("paper", "card")
    }
    assert len(grounds) == 4
    assert closest(BUDGET, grounds, sight) >= CLEARLY


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_curves_can_be_told_apart(theme: str, sight: str) -> None:
    colours = themes()[theme]
    curves = {name: colours[name] for name in colours if re.fullmatch(r"r\d", name)}
    assert len(curves) == 7
    assert closest(curves, {"card": colours["card"]}, sight) >= CLEARLY
    assert min(contrast(curve, colours["card"]) for curve in curves.values()) >= 3.0


def test_change_stands_out_and_carries_its_mark() -> None:
    *change, rest = BUDGET.values()
    assert all(contrast(colour, rest) > 2.0 for colour in change)
    assert all(contrast(colour, "#ffffff") > 3.0 for colour in change), "marks are white"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme: str) -> None:
    colours = themes()[theme]
    for ground in ("paper", "card", "mark"):
        assert contrast(colours["ink"], colours[ground]) >= 7.0
        assert contrast(colours["soft"], colours[ground]) >= 4.5
        assert contrast(colours["focus"], colours[ground]) >= 3.0
