"""Values of LUH2 and LUH3, checked: shares that fit into a cell, small negatives set to 0."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
import numpy.typing as npt

from ai4land.errors import SourceError
from ai4land.grid import Window
from ai4land.sources.file_source import check_whole_cells
from ai4land.sources.luh2.layers import PLANTATIONS, LuhPiece, Offer
from ai4land.vocabulary import LUH2_STATES, variable

__all__ = ["read_values"]

_LOG = logging.getLogger(__name__)
_SUM_LIMIT = 1.001  # Σ states = 1 − water and ice, up to rounding
_NEGATIVE_LIMIT = -1e-4  # of 1, or of the largest value where there is no upper bound
_SECDF = LUH2_STATES.index("secdf")

Floats = npt.NDArray[np.float32]


def read_values(
    offer: Offer,
    piece: LuhPiece,
    year: int | None,
    window: Window,
    plantations: Literal["refuse", "secdf"],
) -> tuple[Floats, int]:
    """Read, check, clip and bring to the vocabulary's units.

    Args:
        offer: What to read.
        piece: The file.
        year: Year of the file; ``None`` if static.
        window: Rows and columns of the file's grid.
        plantations: What to do with LUH3's thirteenth state where it is not 0.

    Returns:
        ``(layer, y, x)`` in the vocabulary's units, NaN missing; and how many of them were slightly
        negative and are 0 now.

    Raises:
        SourceError: If the values are not what the product promises.
    """
    where = piece.describe(year)
    names, odd = piece.names[offer.name], _placeholders(offer, piece)
    found = piece.read((*names, *odd), year, window)
    values, planted = found[: len(names)], np.nan_to_num(found[len(names) :])
    if offer.name == "luh2_states":
        check_whole_cells(np.isnan(values), "states", where)
    if planted.any():
        _settle(offer, values, planted, plantations, where)
    _check(offer, values, where)
    negative = values < 0  # NaN is not
    clipped = int(negative.sum())
    if clipped:
        _LOG.debug("%s: %d slightly negative values set to 0", where, clipped)
        values[negative] = 0
    if offer.per_area:
        rows = piece.layout.grid.row_areas()[window.slices[0]]
        values = (values / rows[:, None]).astype(np.float32)
    elif offer.scale != 1:
        values *= np.float32(offer.scale)
    return values, clipped


def _placeholders(offer: Offer, piece: LuhPiece) -> tuple[str, ...]:
    """What the file says of plantations beside the layers of an offer."""
    if offer.name == "luh2_states":
        return tuple(n for n in piece.placeholders if n == PLANTATIONS)
    if offer.name == "luh2_transitions":
        return tuple(n for n in piece.placeholders if "_to_" in n)
    if offer.kind == "transitions":
        ending = "_bioh" if offer.per_area else "_harv"
        return tuple(n for n in piece.placeholders if n.endswith(ending))
    return ()


def _settle(offer: Offer, values: Floats, planted: Floats, plantations: str, where: str) -> None:
    """Count plantations as secondary forest, if that is wanted and can be done."""
    if offer.name == "luh2_states" and plantations == "secdf":
        values[_SECDF] += planted[0]
        return
    raise SourceError(
        "The file has plantations, which the twelve states do not know",
        where=where,
        expected=f"0, as in the history of LUH3, in what belongs to {PLANTATIONS}",
        found=f"up to {float(np.abs(planted).max()):g}",
        remedy="set the option `plantations: secdf` to count them as secondary forest"
        if offer.name == "luh2_states"
        else f"{offer.name} cannot tell them; use luh2_states, with `plantations: secdf`",
    )


def _check(offer: Offer, values: Floats, where: str) -> None:
    """Refuse values that are no shares, or clearly negative."""
    if not np.isfinite(values).any():
        return
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    most = variable(offer.name).bounds[1]
    if offer.total:
        high = float(np.nan_to_num(values).sum(axis=0).max())
    too_high = most is not None and high > most * _SUM_LIMIT
    if too_high or low < _NEGATIVE_LIMIT * (1.0 if most is not None else max(1.0, high)):
        sums = "sum " if offer.total else ""
        raise SourceError(
            "The states are not shares of the cell"
            if offer.name == "luh2_states"
            else f"The values of {offer.name} are impossible",
            where=where,
            expected=f"at least {_NEGATIVE_LIMIT:g} each"
            + ("" if most is None else f", {sums}at most {_SUM_LIMIT}"),
            found=f"smallest {low:g}, largest {sums}{high:g}",
            remedy="the file may hold percent, or its fill value is not masked"
            if too_high
            else "the file is damaged",
        )
