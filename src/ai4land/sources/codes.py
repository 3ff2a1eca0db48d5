"""Codes: from those of one legend to those of another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ai4land.errors import VocabularyError
from ai4land.vocabulary import NO_DATA, Legend, check_name, crosswalk

__all__ = ["translation"]

Codes = npt.NDArray[np.uint8]


def translation(source: Legend, target: Legend, classes: Mapping[str, str] | None = None) -> Codes:
    """The 256-entry table that translates codes of one legend into another's.

    Args:
        source: Legend translated from.
        target: Legend translated to.
        classes: Source class → target class; default: the crosswalk that comes with AI4Land.

    Raises:
        VocabularyError: If there is no crosswalk, or it leaves a class out.
    """
    names = crosswalk(source.name, target.name).lookup() if classes is None else dict(classes)
    table = np.full(256, NO_DATA, dtype=np.uint8)
    for name in names:
        what = "The crosswalk names a class that the source legend does not have"
        where = f"{source.name} → {target.name}"
        check_name(name, source.names, what, where, error=VocabularyError)
    for cls in source.classes:
        if cls.name not in names:
            raise VocabularyError(
                "The crosswalk leaves a class out",
                where=f"{source.name} → {target.name}",
                found=repr(cls.name),
                remedy="give every class of the source legend a class of the target",
            )
        table[cls.code] = target.classes[target.index(names[cls.name])].code
    for code in set(source.sea) - set(source.codes):
        table[code] = target.sea[0] if target.sea else NO_DATA
    return table
