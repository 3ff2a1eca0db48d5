"""The kinds of workers: one line each."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from ai4land.errors import ConfigError
from ai4land.workers.dask_scheduler import dask_address
from ai4land.workers.here import serial, threads
from ai4land.workers.pool import Workers
from ai4land.workers.processes import processes
from ai4land.workers.slurm import slurm

__all__ = ["WORKERS", "check_scheduler", "open_workers"]

Opener = Callable[[str, int], AbstractContextManager[Workers]]

WORKERS: dict[str, Opener] = {
    "serial": serial,
    "threads": threads,
    "processes": processes,
    "…://…": dask_address,
    "slurm:…": slurm,
}
"""What a scheduler is called → who opens such workers."""


def check_scheduler(scheduler: str | None, count: int | None) -> None:
    """Refuse workers that cannot be, before anything is opened.

    Raises:
        ConfigError: If there is no such scheduler.
    """
    name = _kind(scheduler)
    if name not in WORKERS or (name == "slurm:…" and not Path(str(scheduler)[6:]).is_file()):
        raise ConfigError(
            "Unknown scheduler",
            found=repr(scheduler),
            expected="serial, threads, processes, the address of a Dask scheduler, "
            "tcp://host:8786, or slurm:FILE.yaml",
        )
    if count is not None and count < 1:
        raise ConfigError("There must be at least one worker", found=count)


def _kind(scheduler: str | None) -> str:
    """The entry of the table that a scheduler belongs to."""
    if scheduler is not None and "://" in scheduler:
        return "…://…"
    return "slurm:…" if str(scheduler).startswith("slurm:") else scheduler or "serial"


def open_workers(
    scheduler: str | None = None, count: int | None = None
) -> AbstractContextManager[Workers]:
    """Open workers, which end with the context.

    Args:
        scheduler: ``None`` or ``serial``: this process alone. ``threads``, ``processes``: of this
            machine. An address with ``://``: the Dask scheduler there, whose workers must see the
            files. ``slurm:FILE.yaml``: jobs of SLURM, see ``SlurmOptions``.
        count: How many threads or processes; default: the machine's cores.

    Raises:
        ConfigError: If there is no such scheduler, it does not answer, or has no workers.
    """
    check_scheduler(scheduler, count)
    return WORKERS[_kind(scheduler)](scheduler or "serial", count or os.cpu_count() or 1)
