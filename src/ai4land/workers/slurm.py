"""The nodes of a SLURM cluster, through ``dask-jobqueue``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ai4land.errors import ConfigError
from ai4land.vocabulary import load_strict
from ai4land.workers.dask_scheduler import DaskWorkers
from ai4land.workers.pool import Workers

__all__ = ["SlurmOptions", "slurm", "slurm_options"]


class SlurmOptions(BaseModel):
    """What a site wants to know of each job of workers (``slurm:FILE.yaml``).

    Attributes:
        jobs: SLURM jobs at once.
        cores: Cores of a job.
        processes: Workers of a job; one for each accelerator.
        memory: Of a job, ``"64GB"``.
        walltime: Of a job, ``"01:00:00"``; workers end before it and give back what they have.
        minutes: How long a worker lives, a little less than ``walltime``.
        queue: Partition.
        account: Who pays.
        gpus: Accelerators of a job.
        directives: More lines of ``#SBATCH``, without that word.
        skip: Lines that the site refuses, such as ``--mem``.
        prologue: Commands before the workers start (modules, environments).
        interface: Network interface of the nodes, such as ``ib0``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    jobs: int = Field(default=1, ge=1)
    cores: int = Field(default=1, ge=1)
    processes: int = Field(default=1, ge=1)
    memory: str = "8GB"
    walltime: str = "01:00:00"
    minutes: int = Field(default=55, ge=1)
    queue: str | None = None
    account: str | None = None
    gpus: int = Field(default=0, ge=0)
    directives: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    prologue: tuple[str, ...] = ()
    interface: str | None = None


def slurm_options(options: SlurmOptions) -> dict[str, Any]:
    """The arguments of ``dask_jobqueue.SLURMCluster``, in the names of its version 0.9."""
    more = (f"--gres=gpu:{options.gpus}",) if options.gpus else ()
    life = ("--lifetime", f"{options.minutes}m", "--lifetime-stagger", "4m")
    return {
        "cores": options.cores,
        "processes": options.processes,
        "memory": options.memory,
        "walltime": options.walltime,
        "queue": options.queue,
        "account": options.account,
        "interface": options.interface,
        "job_extra_directives": [*options.directives, *more],
        "job_directives_skip": list(options.skip),
        "job_script_prologue": [
            f"export OMP_NUM_THREADS={max(options.cores // options.processes, 1)}",
            *options.prologue,
        ],
        "worker_extra_args": list(life),
        "scheduler_options": {"dashboard_address": ":0"},  # any free port
    }


@contextmanager
def slurm(scheduler: str, _count: int) -> Iterator[Workers]:
    """Workers that SLURM starts, and starts again when their time is over.

    Raises:
        ConfigError: If ``dask-jobqueue`` is not installed, or the file of options is wrong.
    """
    options = load_strict(Path(scheduler.partition(":")[2]), SlurmOptions)
    try:
        import dask_jobqueue
        import distributed
    except ImportError as error:
        raise ConfigError(
            "SLURM is asked for its nodes by a package that is not installed",
            found=error,
            remedy="run `pip install 'ai4land[slurm]'`",
        ) from error
    connect: Any = distributed.Client  # its constructor has no types
    with (
        dask_jobqueue.SLURMCluster(**slurm_options(options)) as cluster,
        connect(cluster) as client,
    ):
        cluster.adapt(maximum_jobs=options.jobs)
        yield DaskWorkers(client, options.jobs * options.processes)
