"""Coverage: which years each variable covers, and how its values came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ai4land.cube import Cube, Status, status_by_year
from ai4land.report.pictures.figures import figure, legend_below, save

__all__ = ["draw_coverage", "stretches"]

_COLOURS: MappingProxyType[Status, str] = MappingProxyType(
    {
        Status.OBSERVED: "#0072b2",
        Status.BACK_CAST: "#56b4e9",
        Status.HELD: "#e69f00",
        Status.DROPPED: "#d9d9d9",
        Status.PREDICTED: "#009e73",
    }
)
_STATIC = "#bbb7ad"
_SPAN = (1850, 2100)


def stretches(status: Mapping[int, Status]) -> list[tuple[int, int, Status]]:
    """Stretches of consecutive times of one status: first, one past the last, status."""
    found: list[tuple[int, int, Status]] = []
    for tick in sorted(status):
        if found and found[-1][1] == tick and found[-1][2] is status[tick]:
            found[-1] = (found[-1][0], tick + 1, status[tick])
        else:
            found.append((tick, tick + 1, status[tick]))
    return found


def draw_coverage(cubes: Sequence[tuple[str, Cube]], path: Path) -> Path:
    """Draw a bar per variable from 1850 to 2100, coloured by where its values come from.

    A year in which some months are held has the colour of held ones, and so on.

    Args:
        cubes: Name and cube; a name of its own line above its variables if there are several.
        path: File to write.
    """
    lines: list[tuple[str, dict[int, Status] | None]] = []
    for title, cube in cubes:
        for name in cube.variables:
            group = cube.group(name)
            label = name.replace("_", " ") + (f" ({title})" if len(cubes) > 1 else "")
            lines.append((label, status_by_year(cube, name) if group.ticks else None))
    used = {s for _, status in lines if status for s in status.values()}
    with figure(9.5, 0.3 * len(lines) + 1.2) as drawn:
        axes = drawn.add_subplot()
        for row, (_, status) in enumerate(lines):
            if status is None:
                axes.barh(row, _SPAN[1] - _SPAN[0], left=_SPAN[0], height=0.28, color=_STATIC)
                continue
            for first, stop, kind in stretches(status):
                axes.barh(row, stop - first, left=first, height=0.62, color=_COLOURS[kind])
        axes.set_yticks(range(len(lines)), [name for name, _ in lines])
        axes.invert_yaxis()
        axes.set_xlim(_SPAN)
        axes.set_xticks(range(_SPAN[0], _SPAN[1] + 1, 25))
        axes.grid(axis="x", color="#e5e5e5", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_title("Years that the variables cover")
        patches = {k.name.lower(): c for k, c in _COLOURS.items() if k in used}
        if any(status is None for _, status in lines):
            patches["static"] = _STATIC
        legend_below(drawn, patches)
        return save(drawn, path)
