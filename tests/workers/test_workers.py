"""Work is done once for each item, whoever does it and whoever dies."""

from __future__ import annotations

import functools
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ai4land.errors import ConfigError, WorkerLostError
from ai4land.workers import Rest, SlurmOptions, each, open_workers, slurm_options


def doubled(number: int) -> Rest:
    return Rest(functools.partial(int.__mul__, number, 2))


def dying_once(folder: Path, number: int) -> int:
    """Number 3 takes its process along the first time it is worked on."""
    marker = folder / "died"
    if number == 3 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / f"{number}.{os.getpid()}").touch()
    return number


def taker(count: int) -> Callable[[], int | None]:
    items: Iterator[int] = iter(range(count))
    return lambda: next(items, None)


@pytest.mark.parametrize("scheduler", [None, "serial", "threads", "processes"])
def test_each_item_is_done_once(scheduler: str | None) -> None:
    with open_workers(scheduler, 2) as workers:
        found = dict(each(workers, doubled, taker(9)))
    assert found == {n: 2 * n for n in range(9)}


def test_items_may_follow_from_others() -> None:
    """What is ready is asked for again after every item that is done."""
    ready, found = [1], []
    with open_workers("threads", 2) as workers:
        for item, result in each(workers, doubled, lambda: ready.pop() if ready else None):
            found.append(item)
            if result < 20:
                ready.append(result)
    assert found == [1, 2, 4, 8, 16]


def test_a_thread_writes_behind() -> None:
    """Alone, a process computes the next item while a thread ends the one before."""
    names = []

    def work(number: int) -> Rest:
        return Rest(lambda: names.append(threading.current_thread().name))

    with open_workers() as workers:
        list(each(workers, work, taker(3)))
    assert len(names) == 3
    assert all(name.startswith("behind") for name in names)


def test_an_error_of_the_work_stops_all() -> None:
    def work(number: int) -> None:
        raise ValueError(number)

    with open_workers("threads", 2) as workers, pytest.raises(ValueError, match="0"):
        list(each(workers, work, taker(1)))


def test_a_lost_process_costs_what_it_was_running(tmp_path: Path) -> None:
    with open_workers("processes", 2) as workers:
        found = dict(each(workers, functools.partial(dying_once, tmp_path), taker(8)))
    assert found == {n: n for n in range(8)}
    done = [p.name.split(".")[0] for p in tmp_path.glob("*.*")]
    assert sorted(done) == [str(n) for n in range(8)], "nothing was done twice"


def always_dying(_number: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_kills_every_worker_is_given_up() -> None:
    with open_workers("processes", 1) as workers, pytest.raises(WorkerLostError):
        list(each(workers, always_dying, taker(1)))


@pytest.mark.slow
def test_a_lost_dask_worker_costs_what_it_was_running(tmp_path: Path) -> None:
    distributed: Any = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
            ) as cluster,
            open_workers(cluster.scheduler_address) as workers,
        ):
            work = functools.partial(dying_once, tmp_path)
            found = dict(each(workers, work, taker(8)))
    assert found == {n: n for n in range(8)}
    done = [p.name.split(".")[0] for p in tmp_path.glob("*.*")]
    assert {int(n) for n in done} == set(range(8))
    # one result may have been on its way when the worker died: that is all that is done again
    assert len(done) <= 9


@pytest.mark.parametrize("scheduler", ["many", "tcp", "processes:4", "slurm:nowhere.yaml"])
def test_unknown_workers_are_refused(scheduler: str) -> None:
    with pytest.raises(ConfigError, match="Unknown scheduler"):
        open_workers(scheduler)
    with pytest.raises(ConfigError, match="at least one worker"):
        open_workers("threads", 0)


def test_slurm_is_asked_in_the_names_of_dask_jobqueue() -> None:
    said = slurm_options(SlurmOptions(gpus=4, processes=4, cores=32, skip=("--mem",)))
    assert said["job_extra_directives"] == ["--gres=gpu:4"]
    assert said["job_directives_skip"] == ["--mem"]
    assert said["job_script_prologue"] == ["export OMP_NUM_THREADS=8"]
    assert said["worker_extra_args"] == ["--lifetime", "55m", "--lifetime-stagger", "4m"]
    outdated = {"extra", "env_extra", "header_skip", "job_extra"}
    assert not outdated & set(said)


@pytest.mark.slow
def test_the_script_of_a_job_is_one_that_slurm_takes() -> None:
    jobqueue: Any = pytest.importorskip("dask_jobqueue", reason="the extra `slurm` is missing")
    options = SlurmOptions(
        gpus=4,
        processes=4,
        cores=32,
        memory="64GB",
        queue="boost",
        account="land",
        directives=("--exclusive",),
        skip=("--mem",),
        prologue=("module load python",),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # outdated names would say so
        with jobqueue.SLURMCluster(**slurm_options(options)) as cluster:
            script = cluster.job_script().splitlines()
    for line in ("-p boost", "-A land", "--gres=gpu:4", "--exclusive", "-t 01:00:00"):
        assert f"#SBATCH {line}" in script
    assert not any("--mem" in line for line in script if line.startswith("#SBATCH"))
    assert script.index("export OMP_NUM_THREADS=8") < script.index("module load python")
    assert "--nworkers 4" in script[-1]
    assert "--lifetime 55m --lifetime-stagger 4m" in script[-1]
