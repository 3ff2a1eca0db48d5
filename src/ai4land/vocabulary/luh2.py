"""The layers of LUH2's vector variables: states, transitions, harvest, crops, uses of wood.

Hurtt et al. 2020, GMD 13, 5425, doi:10.5194/gmd-13-5425-2020; LUH3 keeps the names.
"""

from __future__ import annotations

__all__ = ["LUH2_CROPS", "LUH2_HARVEST", "LUH2_STATES", "LUH2_TRANSITIONS", "LUH2_WOOD"]

LUH2_STATES = (
    "primf",
    "primn",
    "secdf",
    "secdn",
    "urban",
    "c3ann",
    "c4ann",
    "c3per",
    "c4per",
    "c3nfx",
    "pastr",
    "range",
)
"""The twelve land-use states of LUH2 in file order (Hurtt et al. 2020, GMD 13, 5425)."""

LUH2_CROPS = LUH2_STATES[5:10]
"""The five crop types, for which management is given one by one."""

# Nothing returns to primary land, and what turns primary land into secondary land of the same
# kind is wood harvest, a variable of its own.
LUH2_TRANSITIONS = tuple(
    f"{before}_to_{after}"
    for before in LUH2_STATES
    for after in LUH2_STATES[2:]
    if before != after and (before, after) not in {("primf", "secdf"), ("primn", "secdn")}
)
"""The 108 transitions between states; the value at a year is the share changing until the next."""

LUH2_HARVEST = ("primf", "primn", "secmf", "secyf", "secnf")
"""What wood is harvested from: primary (non-)forest, secondary mature, young and non-forest."""

LUH2_WOOD = ("rndwd", "fulwd", "combf")
"""What harvested wood is used for: industrial roundwood, fuelwood, commercial biofuel."""
