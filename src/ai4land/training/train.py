"""Training: an experiment becomes a checkpoint, whatever family its model is of."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from ai4land.checkpoint import Card, load_card, save_checkpoint
from ai4land.models import Predictor, family_of
from ai4land.rollout import Decisions
from ai4land.training.calibration import fit_calibration
from ai4land.training.card import Said, describe
from ai4land.training.decision_search import choose_decisions
from ai4land.training.experiment import Experiment
from ai4land.training.families import (
    BoostingTrainer,
    LogisticTrainer,
    MarkovTrainer,
    StackTrainer,
)
from ai4land.training.networks import network_trainer
from ai4land.training.setting import Setting, prepare
from ai4land.training.trainer import Progress, Trained, Trainer

__all__ = ["TRAINERS", "train"]

TRAINERS: dict[str, Callable[[Experiment], Trainer]] = {
    "ai4land.models.networks": network_trainer,
    "ai4land.models.markov": MarkovTrainer,
    "ai4land.models.logistic": LogisticTrainer,
    "ai4land.models.trees": BoostingTrainer,
    "ai4land.models.stack": lambda experiment: StackTrainer(experiment, TRAINERS),
}
"""Family of models → what makes its trainer."""


def train(
    experiment: Experiment,
    out: str | Path,
    *,
    progress: Progress | None = None,
    deciding: Progress | None = None,
) -> Path:
    """Train the models of an experiment and write their checkpoint.

    A run that was killed goes on from its last checkpoint to the same weights: samples, and what
    a network draws itself, depend on the seed and the step alone. The validation split chooses
    among the moving averages seen at each validation, scales the probabilities, and gives each
    decision its constants; the test years and blocks are not read. The members of an ensemble take
    turns with the rounds of the split, and are judged together with those of the same round. A
    finished run is left as it is, but for one that its time limit cut short and that now has more
    time.

    Args:
        experiment: What is trained on what.
        out: Folder of the run: ``checkpoint/``, ``last/`` for resuming, ``logs/``,
            ``experiment.json``. Members of an ensemble after the first have ``member1/`` and so on.
        progress: Called after each step with step, total and the latest figures; of several
            processes, by the first.
        deciding: Called after each candidate of the decision likewise.

    Returns:
        The folder of the checkpoint.

    Raises:
        ConfigError: If ``out`` holds a run of another experiment, or the window does not fit the
            network.
        Interrupted: If a signal asked to stop; the same call goes on.
    """
    out = Path(out)
    options = experiment.training
    turns = experiment.turns(options.members)
    settings = [prepare(experiment, turn) for turn in range(turns)]
    if _finished(out / "checkpoint", experiment, settings[0].digest):
        return out / "checkpoint"
    family = family_of(experiment.model)
    trainer = TRAINERS[family.__name__](experiment)
    members: list[Trained] = []
    for member in range(options.members):
        folder = out / f"member{member}" if member else out
        shift = member * options.steps

        def report(step: int, figures: dict[str, float], shift: int = shift) -> None:
            if progress is not None and trainer.writes:
                progress(shift + step, options.members * options.steps, figures)

        members.append(trainer.fit(settings[member % turns], folder, options.seed + member, report))
    if not trainer.writes:
        return out / "checkpoint"
    _write_experiment(experiment, out)
    predictor, card = _described(settings, members, family.combine, deciding)
    save_checkpoint(out / "checkpoint", predictor, card)
    return out / "checkpoint"


def _described(
    settings: Sequence[Setting],
    members: Sequence[Trained],
    combine: Callable[[list[Predictor]], Predictor],
    deciding: Progress | None,
) -> tuple[Predictor, Card]:
    """All members as one model, and its card, after the validation split has been asked."""
    turns, options = len(settings), settings[0].experiment.training
    judged = [
        (combine([member.predictor for member in members[k::turns]]), region)
        for k in range(turns)
        for region in settings[k].regions
    ]
    scores = max((m.verdict for m in members), key=lambda v: v.score).values
    calibration = {
        target.name: fit_calibration(
            [(model, region.judge) for model, region in judged], target.name, options.calibration
        )
        for target in settings[0].spec.targets
        if target.categorical
    }
    decisions = Decisions()
    if calibration:
        decisions, rolled = choose_decisions(judged, calibration, deciding)
        scores = scores | {f"rollout_{name}": value for name, value in rolled.items()}
    predictor = combine([member.predictor for member in members])
    return predictor, describe(
        settings[0], predictor, Said(decisions, calibration, scores), members
    )


def _finished(checkpoint: Path, experiment: Experiment, digest: str) -> bool:
    """Whether a checkpoint stands there that this very experiment has led to."""
    if not (checkpoint / "card.json").exists():
        return False
    said = load_card(checkpoint).training
    if said.get("digest") != digest:
        return False
    cut = any(member.get("ended") == "time limit" for member in said.get("members", ()))
    limit, before = experiment.training.max_minutes, said["experiment"]["training"]["max_minutes"]
    return not cut or (limit is not None and limit <= before)


def _write_experiment(experiment: Experiment, out: Path) -> None:
    """Keep what was asked for beside what comes of it."""
    out.mkdir(parents=True, exist_ok=True)
    resolved = experiment.model_dump(mode="json")
    (out / "experiment.json").write_text(json.dumps(resolved, indent=1) + "\n", encoding="utf-8")
