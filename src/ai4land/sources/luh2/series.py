"""One kind of LUH files in time: history, scenario, extension, joined but never blended."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ai4land.errors import SourceError
from ai4land.sources.file_source import check_one_grid, gaps_in
from ai4land.sources.luh2.layers import LuhPiece

__all__ = ["Joint", "LuhSeries"]


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
            years = {y: p for y, p in years.items() if y <= last}
            years |= {y: later for y in sorted(later.index) if y > last}
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
