"""The record of a training: how far it is, what its validations found, and why it ended."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from ai4land.training.experiment import TrainingOptions
from ai4land.training.validation import Validation

__all__ = ["Record"]

_POINTS = 100  # of the learning curve, as the card keeps it


@dataclass(slots=True)
class Record:
    """How far a training is; kept with each of its checkpoints, so that a kill changes nothing.

    Attributes:
        step: Steps done.
        minutes: Time spent, over all calls.
        verdict: The best validation.
        curve: One row a validation: ``step``, mean training ``loss`` since the one before,
            ``score`` and the values found.
        loss_sum: Of the training losses since the last validation.
        loss_count: How many of them there are.
    """

    step: int = 0
    minutes: float = 0.0
    verdict: Validation | None = None
    curve: list[dict[str, float]] = field(default_factory=list)
    loss_sum: float = 0.0
    loss_count: int = 0

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Record:
        """The inverse of ``to_dict``; of empty facts a training not yet begun."""
        known = {f.name: facts[f.name] for f in fields(cls) if f.name in facts}
        verdict = known.get("verdict")
        return cls(**{**known, "verdict": Validation(**verdict) if verdict else None})

    def to_dict(self) -> dict[str, Any]:
        """The record as plain data."""
        return asdict(self)

    def saw(self, loss: float, minutes: float) -> None:
        """Count a step.

        Args:
            loss: Of the step.
            minutes: Time spent until now.
        """
        self.step += 1
        self.minutes = minutes
        self.loss_sum += loss
        self.loss_count += 1

    def judged(self, found: Validation) -> bool:
        """Keep what a validation found; whether it is better than any before."""
        mean = self.loss_sum / max(self.loss_count, 1)
        self.loss_sum, self.loss_count = 0.0, 0
        self.curve.append(
            {"step": self.step, "loss": mean, "score": float(found.score), **found.values}
        )
        better = self.verdict is None or found.score > self.verdict.score
        if better:
            self.verdict = found
        return better

    def ended(self, options: TrainingOptions) -> str | None:
        """Why the training is over; ``None`` while it is not."""
        if self.step >= options.steps:
            return "steps"
        if options.early_stop is not None and self._stale() >= options.early_stop:
            return "early stop"
        if options.max_minutes is not None and self.minutes >= options.max_minutes:
            return "time limit"
        return None

    def _stale(self) -> int:
        """Validations since the best one."""
        scores = [row["score"] for row in self.curve]
        return len(scores) - 1 - int(np.argmax(scores)) if scores else 0

    def write_curve(self, path: Path) -> None:
        """Write the learning curve as a table."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(self.curve[0]), restval="", extrasaction="ignore")
            table.writeheader()
            table.writerows(self.curve)

    def condensed(self, options: TrainingOptions) -> dict[str, Any]:
        """What a card says of the training: steps, why it ended, and the learning curve."""
        last = len(self.curve) - 1
        kept = np.unique(np.linspace(0, last, min(last + 1, _POINTS)).astype(int))
        rows = [self.curve[k] for k in kept]
        return {
            "steps": self.step,
            "ended": self.ended(options),
            "curve": {
                "step": [int(row["step"]) for row in rows],
                **{name: [round(row[name], 6) for row in rows] for name in ("loss", "score")},
            },
        }
