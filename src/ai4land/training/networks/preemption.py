"""Preemption: a signal asks the training to stop, and it stops between two steps."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["StopSignals"]

_NAMES = ("SIGTERM", "SIGUSR1")  # what schedulers send before they kill


class StopSignals:
    """While it is entered, signals only leave word; before and after, they do what they did.

    Only the main thread can hear signals; in any other this does nothing.

    Attributes:
        heard: Name of the signal that came, or ``None``.
    """

    def __init__(self) -> None:
        self.heard: str | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Listen."""
        if threading.current_thread() is threading.main_thread():
            known = (getattr(signal, name, None) for name in _NAMES)
            for number in (s for s in known if s is not None):
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Listen no more."""
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before.clear()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.heard = signal.Signals(number).name
