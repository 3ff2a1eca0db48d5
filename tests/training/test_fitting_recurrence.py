"""How change strikes again, read off labels: what goes back, and how chances fade."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from ai4land.grid import Window
from ai4land.rollout import Belief, Recurrence
from ai4land.training.recurrence import fit_recurrence, share_back
from ai4land.vocabulary import NO_DATA, Clock

SIDE = 200
LEAVE = 0.02


@dataclass
class Maps:
    """Labels of one row of pixels for each of some years."""

    maps: list[np.ndarray]
    target: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(clock=Clock.YEAR))

    def at(self, tick: int, window: Window | None = None) -> np.ndarray:
        del window
        return self.maps[tick]


@dataclass
class Told:
    """An outlook of which every pixel leaves its class by the same chance in every step."""

    ticks: tuple[int, ...]
    pieces: tuple[Window, ...] = (Window(0, 0, SIDE, SIDE),)
    stepper: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(task=SimpleNamespace(clock=Clock.YEAR))
    )

    def __post_init__(self) -> None:
        """One piece, all of it land of the first class."""
        self.before = [np.zeros((SIDE, SIDE), np.uint8)]
        self.domain = [np.ones((SIDE, SIDE), bool)]

    def changed(self, recurrence: Recurrence) -> list[float]:
        belief = Belief(np.zeros((1, 1), np.uint8), 2, recurrence)
        found = []
        for _ in self.ticks:
            belief.advance(np.array([1 - LEAVE, LEAVE], np.float32).reshape(2, 1, 1))
            found.append(SIDE**2 * float(belief.values[1, 0, 0]))
        return found


def truth(changed: list[float]) -> Maps:
    """Maps with so many changed pixels after each step."""
    maps = [np.zeros((SIDE, SIDE), np.uint8)]
    for count in changed:
        flat = np.zeros(SIDE**2, np.uint8)
        flat[: round(count)] = 1
        maps.append(flat.reshape(SIDE, SIDE))
    return Maps(maps)


@pytest.mark.parametrize(("fade", "back"), [(0.0, 0.0), (0.4, 0.0), (0.6, 0.1), (1.2, 0.05)])
def test_the_fade_of_the_labels_is_found(fade: float, back: float) -> None:
    told = Told((1, 2, 3, 4, 5))
    labels = truth(told.changed(Recurrence(fade, back)))
    found = fit_recurrence([(told, labels)], back)  # type: ignore[list-item]
    assert found.fade == pytest.approx(fade, abs=0.03)
    assert found.back == back


def test_paths_of_any_length_count_together() -> None:
    long, short = Told((1, 2, 3, 4, 5)), Told((1, 2))
    both = [(told, truth(told.changed(Recurrence(0.5)))) for told in (long, short)]
    assert fit_recurrence(both, 0.0).fade == pytest.approx(0.5, abs=0.03)  # type: ignore[arg-type]


def test_one_step_or_hardly_any_change_tells_nothing() -> None:
    one, still = Told((1,)), Told((1, 2, 3))
    assert fit_recurrence([(one, truth([500.0]))], 0.2) == Recurrence()  # type: ignore[list-item]
    labels = truth([3.0, 4.0, 5.0])
    assert fit_recurrence([(still, labels)], 0.2) == Recurrence()  # type: ignore[list-item]


def test_the_share_that_goes_back_counts_known_pixels_under_the_mask() -> None:
    first, second, third = (np.zeros((SIDE, SIDE), np.uint8) for _ in range(3))
    second[:10], third[:4] = 1, 1  # 2000 leave, of which 1200 go back
    third[5, :100] = NO_DATA  # of them 100 nobody knows
    second[100:110] = 1  # outside the mask
    mask = np.ones((SIDE, SIDE), bool)
    mask[100:] = False
    labels = Maps([first, second, third])
    assert share_back([(labels, (0, 1, 2), mask)]) == pytest.approx(1100 / 1900)  # type: ignore[list-item]
    assert share_back([(labels, (0, 1), mask)]) == 0.0  # type: ignore[list-item]
