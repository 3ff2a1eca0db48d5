"""The annual class maps of one scenario of a run, gone through in bands of rows."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.cube import Cube, Status
from ai4land.errors import ConfigError, CubeError, MissingFileError
from ai4land.grid import Grid, Window
from ai4land.vocabulary import NO_DATA, TASKS, Clock, Legend, LegendClass

__all__ = ["BAND", "Maps", "open_maps", "runs_in"]

BAND = 1024
"""Rows that are held at once: whole shards of the store and whole tiles of every file."""

_SEA = "#d6e6f2"
_STORE = "zarr.json"  # what makes a folder a store
_ORIGINS = ("origin", "{}_origin")  # names of a variable that says where pixels come from
_LABELS = tuple(dict.fromkeys(t.name for task in TASKS.values() for t in task.targets))


@dataclass(frozen=True)
class Maps:
    """Class maps by year.

    Attributes:
        scenario: Its name, as files and catalogues call it.
        cube: The finished run.
        variable: The class variable.
        years: The years that are delivered, ascending.
    """

    scenario: str
    cube: Cube
    variable: str
    years: tuple[int, ...]

    @property
    def grid(self) -> Grid:
        """Where the pixels lie."""
        return self.cube.grid(self.variable)

    @property
    def legend(self) -> Legend:
        """What the codes mean."""
        legend = self.cube.variable(self.variable).legend
        assert legend is not None, "a categorical variable has a legend"
        return legend

    @cached_property
    def classes(self) -> tuple[LegendClass, ...]:
        """All codes that a map may hold: the legend's classes, and sea where it is none of them."""
        legend = self.legend
        further = [code for code in legend.sea if code not in legend.codes]
        names = ["sea"] if len(further) == 1 else [f"sea_{code}" for code in further]
        sea = (LegendClass(c, n, _SEA) for c, n in zip(further, names, strict=True))
        return tuple(sorted((*legend.classes, *sea), key=lambda one: one.code))

    @cached_property
    def precedence(self) -> tuple[LegendClass, ...]:
        """The classes in the order in which they win where two are equally frequent.

        Land goes before sea, and in the order of the legend.
        """
        legend = self.legend
        legend_order = {code: place for place, code in enumerate(legend.codes)}

        def place(one: LegendClass) -> tuple[bool, int]:
            return one.code in legend.sea, legend_order.get(one.code, len(legend_order))

        return tuple(sorted(self.classes, key=place))

    @property
    def probability(self) -> str | None:
        """Variable of the probabilities of the classes, if the run kept them."""
        name = f"{self.variable}_probability"
        return name if name in self.cube.variables else None

    @property
    def origin(self) -> str | None:
        """Variable that says of pixels where they come from, if the run has one on this grid."""
        names = [name.format(self.variable) for name in _ORIGINS]
        held = [n for n in names if n in self.cube.variables and self.cube.grid(n) == self.grid]
        return held[0] if held else None

    def status(self, year: int) -> Status:
        """Where the map of a year comes from."""
        return self.cube.status(self.variable)[year]

    def bands(self) -> Iterator[Window]:
        """All rows, in the order in which files are written."""
        for row in range(0, self.grid.height, BAND):
            yield self.grid.band(row, BAND)

    def read(self, year: int, window: Window) -> npt.NDArray[np.uint8]:
        """Codes of a window, ``(y, x)``, ``NO_DATA`` missing.

        Raises:
            CubeError: If the map holds a code that the legend does not know.
        """
        codes: npt.NDArray[np.uint8] = self.cube.read(self.variable, year, window)
        legal = np.zeros(256, bool)
        legal[[c.code for c in self.classes] + [NO_DATA]] = True
        right = legal[codes]
        if not right.all():
            row, col = np.unravel_index(int(right.argmin()), right.shape)
            raise CubeError(
                "The map holds a code that the legend does not know",
                where=f"{self.cube.path}, {self.variable} {year}, row {window.row + int(row)}, "
                f"column {window.col + int(col)}",
                expected=f"one of {[c.code for c in self.classes]}, {NO_DATA} missing",
                found=int(codes[row, col]),
                remedy="the run is damaged: reconstruct it again",
            )
        return codes

    @property
    def finished(self) -> dt.datetime:
        """When the run was finished, to the second."""
        said = (self.cube.path / _STORE).stat().st_mtime
        return dt.datetime.fromtimestamp(int(said), dt.UTC)

    @cached_property
    def identity(self) -> str:
        """Changes with anything that decides the bytes of files made from the run."""
        said = json.dumps(self.cube.spec.to_dict(), sort_keys=True, default=str)
        stamp = (self.cube.path / _STORE).stat().st_mtime_ns
        return hashlib.sha256(f"{said}{stamp}{self.variable}".encode()).hexdigest()

    @property
    def provenance(self) -> Sequence[Mapping[str, Any]]:
        """The files that the run was made from, as its attributes list them."""
        return tuple(self.cube.attributes.get("provenance") or ())


def runs_in(path: str | Path) -> dict[str, Path]:
    """Scenario → its run: a store under its own name, or all stores of a folder under theirs.

    Raises:
        MissingFileError: If there is no store.
    """
    path = Path(path)
    stores = [path] if (path / _STORE).is_file() else sorted(path.glob(f"*/{_STORE}"))
    found = {store.stem: store for store in (s.parent if s.name == _STORE else s for s in stores)}
    if not found:
        raise MissingFileError(
            "There is no finished run here",
            where=path,
            expected="a Zarr store, or a folder of some",
            remedy="make one with `ai4land reconstruct`",
        )
    return found


def open_maps(
    runs: Mapping[str, Cube | str | Path],
    years: tuple[int, int] | None = None,
) -> dict[str, Maps]:
    """The class maps of several scenarios that one product holds.

    Args:
        runs: Scenario → finished run, or its folder.
        years: First and last year that are delivered; default: all.

    Raises:
        ConfigError: If a run has no annual class map, or none of the years, or if the runs have
            different legends.
        MissingFileError: If there is no store.
        CubeError: If a store is not a finished run.
    """
    found: dict[str, Maps] = {}
    for scenario, run in runs.items():
        if not scenario.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise ConfigError(
                "A scenario needs a name that files can bear",
                expected="letters, digits, '-', '_' and '.'",
                found=repr(scenario),
                remedy="name it: --scenario NAME=RUN",
            )
        cube = run if isinstance(run, Cube) else Cube(run)
        name = _class_variable(cube)
        held = cube.group(name).ticks
        wanted = tuple(t for t in held if years is None or years[0] <= t <= years[1])
        if not wanted:
            raise ConfigError(
                "The run has none of these years",
                where=f"{cube.path}, {name}",
                expected=Clock.YEAR.span(held),
                found=Clock.YEAR.span(years) if years else "no year",
            )
        found[scenario] = Maps(scenario, cube, name, wanted)
    legends = {maps.legend for maps in found.values()}
    if len(legends) > 1:
        raise ConfigError(
            "The scenarios of a product must share one legend",
            found=", ".join(f"{s}: {m.legend.name}" for s, m in found.items()),
            remedy="make a product of each",
        )
    return found


def _class_variable(cube: Cube) -> str:
    """The annual class variable that a run predicts."""
    annual = [g for g in cube.spec.groups if g.clock is Clock.YEAR]
    names = [v.name for g in annual for v in g.variables if v.dtype == "uint8" and v.legend]
    for name in _LABELS:
        if name in names:
            return name
    raise ConfigError(
        "There are no annual class maps to deliver",
        where=cube.path,
        expected=f"one of {', '.join(_LABELS)}",
        found=", ".join(cube.variables),
    )
