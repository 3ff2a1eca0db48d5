"""LUH2 and LUH3 land use: history, continued by a scenario, with transitions and management.

Hurtt et al. 2020, GMD 13, 5425, doi:10.5194/gmd-13-5425-2020 (v2h, v2f); Chini et al. 2021, ESSD
13, 4175, doi:10.5194/essd-13-4175-2021 (GCB releases); doi:10.25981/ESGF.input4MIPs.CMIP7/2521499
(LUH3).

**Which file drives which step.** The earlier file gives its years up to and including the seam,
the later one the years after it; nothing is blended. The seam is the first year of the later file
(2015 for v2f, 2022 for LUH3, 2100 for extensions), or the option ``seam``. This holds whatever year
the labels end: a step from a last label year after the seam is driven by the scenario at both
ends; the step that begins in the seam year has the history at its start and the scenario at its
end, and ``inspect`` reports the jump between the two. A transition at year Y is the change from Y
to Y + 1, so the transition that leaves the seam year is the scenario's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import field_validator

from ai4land.errors import SourceError
from ai4land.grid import Window
from ai4land.sources.file_source import (
    FileSource,
    check_one_grid,
    check_one_series,
    gaps_in,
    joined,
)
from ai4land.sources.luh2.files import CITATION, LuhFile, LuhFiles, scenario_name
from ai4land.sources.luh2.layers import OFFERS, LuhPiece, Offer, open_piece, read_values
from ai4land.sources.reader import Certainty, Reader, Strict
from ai4land.sources.source import Array, Flag, Notes, Product, SourceField, Ticks
from ai4land.vocabulary import Clock, variable

__all__ = ["READER", "Luh2", "Luh2Options", "open_luh2"]

_SURVEY_VALUES = 1 << 25
_WORDS = {"tree": "added tree cover"}
_FLAGS = {
    "v2h": Flag(
        "pasture and rangeland of Japan are wrong from 2001 on in LUH2 v2h",
        (2001, 2015),
        (128.5, 30.0, 146.0, 45.6),
        ("pastr", "range"),
    ),
    "luh3 3-0": Flag(
        "LUH3 3-0 was withdrawn by its authors: spurious spikes after 1950; take 3-1 or later",
        (1950, 2024),
    ),
}


class Luh2Options(Strict):
    """Options of ``luh2``.

    Attributes:
        scenario: Scenario whose files continue the history: ``ssp119`` … ``ssp585`` of LUH2,
            ``vl`` … ``h`` of LUH3.
        release: Which history, where a folder holds several; otherwise seen from the files.
        label_offset: Year of the file minus year of the labels. If the states of year Y are taken
            as the land use at the start of Y, 0 sets them beside the label of Y, 1 gives the
            label of Y the states at the end of Y, −1 those a year before its start. Coverage and
            seam move with it: with 1 the series ends a year earlier.
        seam: Last year of the files taken from the history; default: the first of the scenario.
        plantations: LUH3's thirteenth state, 0 in its history: ``refuse`` any that is not 0, or
            count it as secondary forest (``secdf``). It can be read as ``luh2_plantations``,
            with either choice.
    """

    scenario: str | None = None
    release: Literal["v2h", "gcb", "luh3", "3-0", "3-1", "3-1-1", "3-1-2"] | None = None
    label_offset: Literal[-1, 0, 1] = 0
    seam: int | None = None
    plantations: Literal["refuse", "secdf"] = "refuse"

    @field_validator("scenario")
    @classmethod
    def _known(cls, written: str | None) -> str | None:
        return None if written is None else scenario_name(written)


def open_luh2(path: Path, options: Luh2Options) -> Luh2:
    """Open one file, or a folder and its subfolders of files under their providers' names."""
    if path.is_file():
        check_one_series(path, options.scenario)
        piece = open_piece(path)
        return Luh2({piece.file.kind: LuhSeries.joined([piece], None)}, options)
    pieces: dict[Path, LuhPiece] = {}
    found: list[LuhFile] = []
    for file in sorted(path.rglob("*.nc")):
        known = LuhFile.of(file)
        if known is not None and known.release == "v2h" and known.kind != "static":
            pieces[file] = open_piece(file)  # a plain name may be a GCB release: its years tell
            known = LuhFile.of(file, last=max(pieces[file].index))
        if known is not None:
            found.append(known)
    files = LuhFiles(path, found)
    series: dict[str, LuhSeries] = {}
    absent: dict[str, str] = {}
    for kind in dict.fromkeys(o.kind for o in OFFERS):
        parts = files.chosen(kind, options.scenario, options.release)
        if kind == "states":
            if parts[0] is None:
                raise files.missing("history", options.scenario)
            if options.scenario is not None and parts[1] is None:
                raise files.missing(f"scenario {options.scenario}", options.scenario)
        there = [f for f in parts if f is not None][: 1 if kind == "static" else None]
        if not there:
            words = f"there is no {_WORDS.get(kind, kind)} file in {path.name}"
        elif options.scenario is not None and parts[1] is None and kind != "static":
            words = f"there is no {kind} file of {options.scenario} in {path.name}"
        else:
            opened = [pieces.get(f.path) or open_piece(f.path) for f in there]
            series[kind] = LuhSeries.joined(opened, options.seam)
            continue
        absent |= {o.name: words for o in OFFERS if o.kind == kind}
    return Luh2(series, options, absent)


@dataclass(frozen=True, slots=True)
class Joint:
    """Where one file ends and the next begins.

    Attributes:
        earlier: The file before.
        later: The file after.
        last: Last year taken from the file before.
    """

    earlier: LuhPiece
    later: LuhPiece
    last: int


@dataclass(frozen=True, slots=True)
class LuhSeries:
    """The files of one kind.

    Attributes:
        pieces: The files in time.
        years: Year of the files → the file that gives it, ascending; empty if static.
        joints: ``seam`` and ``extension_seam``, as far as there are such.
        gaps: Years inside that no file gives → why.
    """

    pieces: tuple[LuhPiece, ...]
    years: Mapping[int, LuhPiece]
    joints: Mapping[str, Joint] = field(default_factory=dict)
    gaps: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def joined(cls, pieces: Sequence[LuhPiece], seam: int | None) -> LuhSeries:
        """Join files: each gives its years up to and including the first year of the next.

        A transition at year Y leaves Y, so there the first year is the next file's already.

        Args:
            pieces: History, scenario, extension, in time; some may be lacking.
            seam: Last year of states taken from the history; default: first of the scenario.

        Raises:
            SourceError: If the files lie on different grids or do not hold the years of the seam.
        """
        years: dict[int, LuhPiece] = dict.fromkeys(sorted(pieces[0].index), pieces[0])
        joints: dict[str, Joint] = {}
        flow = 1 if pieces[0].file.kind == "transitions" else 0
        for earlier, later in itertools.pairwise(pieces):
            check_one_grid((p.file.path, p.layout.grid) for p in (earlier, later))
            last = min(min(later.index) - flow, max(earlier.index))
            if seam is not None and earlier.file.scenario is None:
                last = seam - flow
                _check_seam(earlier, later, last)
            years = joined(years, dict.fromkeys(later.index, later), last)
            name = "extension_seam" if later.file.extension else "seam"
            joints[name] = Joint(earlier, later, last)
        if not years:
            return cls(tuple(pieces), {})
        kind = pieces[0].file.kind
        gaps = gaps_in(years, lambda year: f"no {kind} file here holds {year}")
        return cls(tuple(pieces), years, joints, gaps)


def _check_seam(earlier: LuhPiece, later: LuhPiece, last: int) -> None:
    """Refuse a seam that the files cannot be joined at."""
    if last in earlier.index and last + 1 in later.index:
        return
    raise SourceError(
        "History and scenario cannot be joined in that year",
        where=f"option seam, {earlier.file.path.name} and {later.file.path.name}",
        expected=f"the history to hold {last} and the scenario {last + 1}",
        found=f"history {min(earlier.index)}…{max(earlier.index)}, "
        f"scenario {min(later.index)}…{max(later.index)}",
    )


class Luh2(FileSource):
    """Land-use states and what goes with them, history up to the seam, scenario after it.

    Args:
        series: Kind of file → its files in time.
        options: Conventions of time and of plantations.
        absent: Variable → why it is not there.
    """

    def __init__(
        self,
        series: Mapping[str, LuhSeries],
        options: Luh2Options,
        absent: Mapping[str, str] | None = None,
    ) -> None:
        self._series, self._options = series, options
        self._offers: dict[str, Offer] = {}
        reasons = dict(absent or {})
        fields: dict[str, SourceField] = {}
        for offer in OFFERS:
            chain = series.get(offer.kind)
            if chain is None or offer.name in fields:
                continue
            lacking = [p for p in chain.pieces if offer.name not in p.names]
            if lacking:
                reasons[offer.name] = lacking[0].absent[offer.name]
                continue
            self._offers[offer.name] = offer
            fields[offer.name] = self._field(offer, chain)
        some = next(iter(series.values())).pieces[0].file.product
        super().__init__(fields, some, reasons)

    def _field(self, offer: Offer, chain: LuhSeries) -> SourceField:
        """What one variable offers, its times counted as the labels count."""
        shift = self._options.label_offset
        grid = chain.pieces[0].layout.grid
        if not chain.years:
            return SourceField(variable(offer.name), grid, Clock.STATIC)
        flags = []
        for piece in chain.pieces:
            key = " ".join(x for x in (piece.file.release, piece.file.version) if x)
            flag = _FLAGS.get(key)
            if flag is None or (flag.components and offer.name != "luh2_states"):
                continue
            assert flag.ticks is not None
            mine = [y for y, p in chain.years.items() if p is piece]
            first, last = max(flag.ticks[0], min(mine)), min(flag.ticks[1], max(mine))
            if first <= last:
                ticks = (first - shift, last - shift)
                flags.append(Flag(flag.text, ticks, flag.box, flag.components))
        return SourceField(
            variable(offer.name),
            grid,
            Clock.YEAR,
            tuple(y - shift for y in chain.years),
            gaps={y - shift: why for y, why in chain.gaps.items()},
            flags=tuple(flags),
        )

    def _piece(self, offer: Offer, tick: int | None) -> tuple[LuhPiece, int | None]:
        """The file that gives a time, and the year it calls it; ``None`` if static."""
        chain = self._series[offer.kind]
        if tick is None:
            return chain.pieces[0], None
        year = tick + self._options.label_offset
        return chain.years[year], year

    def _values(self, entry: SourceField, tick: int | None, window: Window) -> Array:
        """Layers of a window, ``([layer,] y, x)`` float32, NaN missing."""
        offer = self._offers[entry.variable.name]
        piece, year = self._piece(offer, tick)
        values, _ = read_values(offer, piece, year, window, self._options.plantations)
        return values if entry.variable.components else values[0]

    def _found(self, entry: SourceField, ticks: Ticks, window: Window) -> Notes:
        """Look at the first and last time and at the seam; nothing is blended there.

        Returns:
            ``seam`` (and ``extension_seam``): per layer, the area-weighted mean of the window
            on both sides and the jump, where ``ticks`` reach beyond it. ``clipped``: how many
            slightly negative values become 0 in the years looked at. ``plantations``: that LUH3's
            are 0. Empty if nothing is remarkable.
        """
        offer = self._offers[entry.variable.name]
        chain = self._series[offer.kind]
        notes: dict[str, Any] = {}
        seen: dict[str, int] = {}
        for tick in sorted({ticks[0], ticks[-1]}) if ticks else [None]:
            piece, year = self._piece(offer, tick)
            seen["all" if year is None else str(year)] = self._means(offer, piece, year, window)[1]
        if any(seen.values()):
            notes["clipped"] = {"negative values set to 0": seen}
        for name, joint in chain.joints.items():
            if ticks and max(ticks) + self._options.label_offset > joint.last:
                notes[name] = self._jump(offer, joint.earlier, joint.later, joint.last, window)
        if offer.name == "luh2_states" and any(p.placeholders for p in chain.pieces):
            counted = self._options.plantations == "secdf"
            notes["plantations"] = (
                "counted as secondary forest" if counted else "0 in the years looked at, left out"
            )
        return notes

    def _jump(
        self, offer: Offer, earlier: LuhPiece, later: LuhPiece, last: int, window: Window
    ) -> dict[str, Any]:
        """Means on both sides of a seam."""
        out: dict[str, Any] = {"scenario": later.file.scenario, "year": last}
        before = "scenario" if earlier.file.scenario else "history"
        after = "extension" if later.file.extension else "scenario"
        first = last if last in later.index else last + 1
        for label, piece, year in (
            (before, earlier, last - 1),
            (before, earlier, last),
            (after, later, first),
        ):
            if year in piece.index:
                out[f"{label}_{year}"] = self._means(offer, piece, year, window)[0]
        if first == last:
            one, two = out[f"{before}_{last}"], out[f"{after}_{last}"]
            out["jump"] = {name: round(two[name] - one[name], 9) for name in one}
        return out

    def _means(
        self, offer: Offer, piece: LuhPiece, year: int | None, window: Window
    ) -> tuple[dict[str, float], int]:
        """Area-weighted mean of each layer over the known cells of a window, and the clipped."""
        names = variable(offer.name).components or (offer.name,)
        rows = max(1, _SURVEY_VALUES // (len(names) * window.width))
        sums, weight, clipped = np.zeros(len(names)), np.zeros(len(names)), 0
        areas = piece.layout.grid.row_areas()
        for strip in window.strips(rows):
            values, low = read_values(offer, piece, year, strip, self._options.plantations)
            part = areas[strip.slices[0], None]
            sums += (np.nan_to_num(values.astype(np.float64)) * part).sum(axis=(1, 2))
            weight += (np.isfinite(values) * part).sum(axis=(1, 2))
            clipped += low
        means = sums / np.where(weight > 0, weight, 1)
        return {n: round(float(m), 9) for n, m in zip(names, means, strict=True)}, clipped

    def _files(self, entry: SourceField, tick: int | None) -> Iterable[Path]:
        return [self._piece(self._offers[entry.variable.name], tick)[0].file.path]

    def _product_of(self, path: Path) -> Product:
        pieces = (p for chain in self._series.values() for p in chain.pieces)
        return next(p.file.product for p in pieces if p.file.path == path)


READER = Reader(
    Luh2Options,
    tuple(dict.fromkeys(o.name for o in OFFERS)),
    lambda path, options, _: open_luh2(path, options),
    title="LUH2 v2h, v2f and GCB releases, LUH3: states, transitions, management, static data",
    files=(
        "states.nc, transitions.nc, management.nc, staticData_quarterdeg.nc",
        "multiple-states_input4MIPs_landState_ScenarioMIP_UofMD-IMAGE-ssp126-2-1-f_gn_2015-2100.nc",
        "states4.nc, management4.nc (GCB)",
        "multiple-states_input4MIPs_landState_CMIP_UofMD-landState-3-1-1_gn_0850-2024.nc",
    ),
    years="850–2015 (v2h), 2015–2100 (v2f), 850–2024 and 2022–2100 (LUH3)",
    licence="CC BY 4.0",
    citation=CITATION,
    certainty=Certainty.HEADERS,
)
