"""How change strikes again where it has struck before."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Recurrence"]


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How change strikes again in the truth, beyond the chances of single steps.

    Pixels differ in ways that no input tells of, so those that have stayed through some steps
    leave less often than a chance of one step says: they are the stayers of the mover–stayer model
    (Blumen, Kogan & McCarthy 1955; Goodman 1961, doi:10.1080/01621459.1961.10480669). And what has
    left goes back.

    Attributes:
        fade: Chances of leaving the initial class in step n are those of one step times n^−fade.
        back: Chance in a step that a pixel that has left its initial class goes back to it.
    """

    fade: float = 0.0
    back: float = 0.0
