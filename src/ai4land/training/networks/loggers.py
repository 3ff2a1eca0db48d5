"""Loggers: where the figures of each step go, beside the learning curve."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ai4land.errors import ConfigError

__all__ = ["LOGGERS", "Logger", "MlflowLogger", "make_loggers"]

_BUFFERED = 200  # figures that are sent to a server at once


class Logger(Protocol):
    """What the training asks of a logger, named as in ``lightning-fabric``."""

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Record the figures of a step."""

    def finalize(self, status: str) -> None:
        """Write what is left; ``status`` is ``success`` or ``failed``."""


def _csv(folder: Path) -> Logger:
    from lightning_fabric.loggers.csv_logs import CSVLogger

    return CSVLogger(folder, name="csv", flush_logs_every_n_steps=1)  # a kill loses no row


def _tensorboard(folder: Path) -> Logger:
    from lightning_fabric.loggers.tensorboard import TensorBoardLogger

    return TensorBoardLogger(folder, name="tensorboard")


class MlflowLogger:
    """Figures of a training as a run of MLflow.

    The server is that of ``MLFLOW_TRACKING_URI``. A training that goes on goes on with its run,
    whose id is kept in ``mlflow.txt``.

    Args:
        folder: The training's ``logs``; the folder around it names the run.

    Raises:
        ConfigError: If MLflow is not installed.
    """

    experiment = "ai4land"

    def __init__(self, folder: Path) -> None:
        try:
            mlflow = importlib.import_module("mlflow")
        except ModuleNotFoundError as error:
            raise ConfigError(
                "MLflow is not installed",
                where="training.loggers",
                found=error,
                remedy="pip install 'ai4land[tracking]', or take mlflow out of the loggers",
            ) from error
        self._metric: Any = mlflow.entities.Metric
        self._client: Any = mlflow.MlflowClient()
        self._waiting: list[Any] = []
        kept = folder / "mlflow.txt"
        if kept.exists():
            self.run_id = kept.read_text(encoding="utf-8").strip()
            return
        known = self._client.get_experiment_by_name(self.experiment)
        place = known.experiment_id if known else self._client.create_experiment(self.experiment)
        run = self._client.create_run(place, run_name=folder.resolve().parent.name)
        self.run_id = run.info.run_id
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(self.run_id + "\n", encoding="utf-8")

    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:
        """Record the figures of a step, sent some at a time."""
        now = int(time.time() * 1000)
        self._waiting += [self._metric(name, value, now, step) for name, value in metrics.items()]
        if len(self._waiting) >= _BUFFERED:
            self._send()

    def finalize(self, status: str) -> None:
        """Send what is left and close the run."""
        self._send()
        ended = "FINISHED" if status == "success" else "FAILED"
        self._client.set_terminated(self.run_id, ended)

    def _send(self) -> None:
        if self._waiting:
            self._client.log_batch(self.run_id, metrics=self._waiting)
            self._waiting = []


LOGGERS: Mapping[str, Callable[[Path], Logger]] = {
    "csv": _csv,
    "tensorboard": _tensorboard,
    "mlflow": MlflowLogger,
}
"""Name → what makes the logger for a folder; a resumed run writes a version beside the older."""


def make_loggers(names: Sequence[str], folder: Path) -> list[Logger]:
    """The loggers of a training.

    Args:
        names: Of ``LOGGERS``.
        folder: Where files go.
    """
    return [LOGGERS[name](folder) for name in names]
