"""Curves in a plane as inline SVG: axes, grid and strokes that need no colours to be told apart."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["DASHES", "Axis", "Stroke", "plot", "round_ticks"]

DASHES = ("", "7 3", "2 3", "9 3 2 3", "5 2 1 2 1 2", "1 2")
"""Dash of each row's curve, so that curves can be told apart without colours."""

_WIDTH, _HEIGHT = 360, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 18, 12, 28

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes:
        low: Its smallest value.
        high: Its largest value.
        ticks: Values that are written, each with its text.
        backward: Whether it runs to the left.
    """

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    backward: bool = False

    @classmethod
    def of(cls, low: float, high: float) -> Axis:
        """An axis with round values that encloses a range."""
        ticks = round_ticks(low, high)
        return cls(min(low, ticks[0]), max(high, ticks[-1]), [(t, f"{t:g}") for t in ticks])

    def part(self, value: float) -> float:
        """How far along the axis a value lies, 0 to 1; the middle if it has no length."""
        part = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return 1.0 - part if self.backward else part


@dataclass(frozen=True)
class Stroke:
    """A curve; points that are not finite are left out.

    Attributes:
        points: Its points.
        number: Which colour and dash it has; 0 is for what stands for itself: truth, bounds.
    """

    points: Points
    number: int


def plot(x: Axis, y: Axis, strokes: Sequence[Stroke], said: str) -> str:
    """Draw strokes in a plane.

    Args:
        x: The axis across.
        y: The axis up.
        strokes: What is drawn, the last on top.
        said: What it shows, for who cannot see it.
    """

    def across(value: float) -> float:
        return _LEFT + x.part(value) * (_WIDTH - _LEFT - _RIGHT)

    def up(value: float) -> float:
        return _HEIGHT - _BOTTOM - y.part(value) * (_HEIGHT - _TOP - _BOTTOM)

    parts = []
    for value, text in y.ticks:
        place = up(value)
        parts.append(f'<path class="grid" d="M{_LEFT} {place:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{place + 4:.1f}" text-anchor="end">{text}</text>')
    for value, text in x.ticks:
        place = across(value)
        parts.append(f'<text x="{place:.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{text}</text>')
    for stroke in strokes:
        parts += _stroke(stroke, across, up)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(said)}">'
        f"{''.join(parts)}</svg>"
    )


def _stroke(
    stroke: Stroke, across: Callable[[float], float], up: Callable[[float], float]
) -> list[str]:
    known = [(across(a), up(b)) for a, b in stroke.points if math.isfinite(a) and math.isfinite(b)]
    if not known:
        return []
    number = stroke.number
    dash = f' stroke-dasharray="{DASHES[number % len(DASHES)]}"' if number > 1 else ""
    path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in known)
    parts = [f'<path class="line row{number}" d="{path}"{dash}/>']
    if len(known) == 1:
        a, b = known[0]
        parts.append(f'<circle class="dot row{number}" cx="{a:.1f}" cy="{b:.1f}" r="3"/>')
    return parts


def round_ticks(low: float, high: float) -> list[float]:
    """Round values that enclose a range, four or so."""
    wide = (high - low) or abs(high) or 1.0
    raw = wide / 4.0
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, max(last, first + 1) + 1)]
