"""Running a plan: what is missing is trained and scored, in order, within the budget."""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai4land.cube import Cube
from ai4land.errors import AI4LandError, ConfigError, Interrupted
from ai4land.experiments.ledger import SCORING, Ledger
from ai4land.experiments.plan import (
    NOT_RUN,
    SCORED,
    TO_SCORE,
    TO_TRAIN,
    Case,
    Plan,
    Run,
    Standing,
)
from ai4land.experiments.scene import Scene, open_scene
from ai4land.experiments.scoring import Judged, score_baselines, score_model
from ai4land.training import (
    Experiment,
    Progress,
    load_experiment,
    opened,
    train,
)
from ai4land.vocabulary import Place, nearest_name, validated

__all__ = ["experiment_of", "run_plan", "survey"]

Say = Callable[[str], None]

_OVERRIDES = ("forcing", "model", "samples", "series", "static", "training")
_MINUTES = "minutes.json"


@dataclass(frozen=True, eq=False)
class _Asked:
    """A run resolved: what is trained, and digests of all that decides weights and scores."""

    experiment: Experiment
    cube: Cube
    judged: Judged
    training: str
    place: str
    scores: str


def experiment_of(plan: Plan, run: Run) -> Experiment:
    """The experiment of a run: that of its case, with what its arm, fold and seed change.

    Raises:
        MissingFileError: If there is no experiment.
        ConfigError: If the arm changes what is scored, or the result is no experiment.
    """
    path = plan.cases[run.trained].experiment
    assert path is not None
    experiment = load_experiment(path)
    place = Place(f"arm {run.arm!r} of {path}")
    for key in plan.arms[run.arm]:
        if key not in _OVERRIDES:
            close = nearest_name(key, _OVERRIDES)
            raise ConfigError(
                "An arm cannot change this",
                where=place.at((key,)),
                expected=f"one of {', '.join(_OVERRIDES)}",
                found=repr(key),
                remedy=f"did you mean {close!r}?" if close else "write another experiment",
            )
    data = _merged(experiment.model_dump(mode="json"), plan.arms[run.arm])
    training = data["training"]
    training["seed"] = run.seed * int(training.get("members", 1))  # ensembles share no member
    if run.fold is not None:
        if data["split"]["space"] is None:
            raise ConfigError(
                "The experiment holds no blocks out",
                where=path,
                expected=f"split.space, for fold {run.fold} of case {run.trained!r}",
            )
        data["split"]["space"]["fold"] = run.fold
    return validated(data, Experiment, place)


def _merged(data: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings merged; one that brings a ``name`` replaces the other whole."""
    found = dict(data)
    for key, value in changes.items():
        old = found.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping) and "name" not in value
        found[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return found


def _asked(plan: Plan, run: Run) -> _Asked:
    experiment, case = experiment_of(plan, run), plan.cases[run.case]
    trained_on = [opened(experiment.alone(region)) for region in experiment.regions]
    cube = _scored_on(experiment, case, run.case)
    judged = Judged(plan.decisions, plan.members, plan.curve_of(run))
    base = load_experiment(str(plan.cases[run.trained].experiment))
    seen = [one.spec.to_dict() for one in trained_on]
    training = _digest(experiment.learned(), seen)
    splits = [experiment.alone(region).split.model_dump(mode="json") for region in base.regions]
    spoken = [SCORING, splits, list(base.forcing), base.legend, base.task, case.path]
    spoken += [case.driven] if case.driven else []  # without it, as before there was such a thing
    place = _digest(spoken, cube.spec.to_dict(), seen)
    told = [list(judged.decisions), judged.members, list(judged.curve)]
    return _Asked(experiment, cube, judged, training, place, _digest(training, place, told))


def _scored_on(experiment: Experiment, case: Case, name: str) -> Cube:
    """The cube of a case: its own, the experiment's, or that of the region held out.

    Raises:
        ConfigError: If the experiment has several cubes and none of them is meant.
    """
    held_out = (r.cube for r in experiment.cubes if r.name == experiment.split.region)
    path = case.cube or experiment.cube or next(held_out, None)
    if path is None:
        raise ConfigError(
            "It is not said on which cube the models are scored",
            where=f"case {name!r}",
            expected="cube, or an experiment that holds a region out",
            found=", ".join(region.name for region in experiment.cubes),
        )
    return opened(experiment.model_copy(update={"cube": path, "cubes": ()}))


def _digest(*parts: object) -> str:
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def survey(plan: Plan, out: str | Path, ledger: Ledger) -> list[Standing]:
    """How every run stands, and what of the rest fits the budget by the minutes that are known.

    Args:
        plan: What is compared.
        out: Folder of the trainings.
        ledger: What is known.
    """
    runner = _Runner(plan, Path(out), ledger)
    ahead: dict[str, float] = {}
    found = []
    for run in plan.all_runs():
        standing = runner.standing(run, ahead)
        if standing.state == TO_TRAIN:
            ahead.setdefault(run.training, standing.minutes or 0.0)
        found.append(standing)
    return found


def run_plan(
    plan: Plan,
    out: str | Path,
    ledger: Ledger,
    *,
    say: Say = lambda _: None,
    progress: Progress | None = None,
) -> list[Standing]:
    """Train and score all that is missing; the ledger is written after each.

    A run that cannot be made, for want of data or of a model family, is named and passed over.

    Args:
        plan: What is compared.
        out: Folder of the trainings, each under ``CASE/FOLD/ARM/seedN``.
        ledger: What is known.
        say: Told in one line what begins.
        progress: As of ``training.train``.

    Returns:
        How every run stands in the end.

    Raises:
        Interrupted: If a signal asked to stop; the same call goes on.
    """
    runner = _Runner(plan, Path(out), ledger)
    found = []
    for run in plan.all_runs():
        standing = runner.standing(run, {})
        if standing.state in {TO_TRAIN, TO_SCORE}:
            try:
                runner.carry_out(run, standing, say, progress)
                standing = Standing(run, SCORED, ledger.minutes(run.training))
            except Interrupted:
                raise
            except AI4LandError as error:
                standing = Standing(run, NOT_RUN, standing.minutes, " ".join(str(error).split()))
        if standing.state == NOT_RUN:
            say(f"not run: {run.name}: {standing.why}")
        found.append(standing)
    return found


class _Runner:
    """A plan under way."""

    def __init__(self, plan: Plan, out: Path, ledger: Ledger) -> None:
        self.plan, self.out, self.ledger = plan, out, ledger
        self._names = {run.training for run in plan.all_runs()}
        self._asked = functools.cache(lambda run: _asked(plan, run))
        self._scene: tuple[str, Scene] | None = None

    def standing(self, run: Run, ahead: Mapping[str, float]) -> Standing:
        """How a run stands, if trainings lie ahead of it that will take some minutes."""
        try:
            asked = self._asked(run)
        except AI4LandError as error:
            return Standing(run, NOT_RUN, None, " ".join(str(error).split()))
        known = self.ledger.minutes(run.training, asked.training)
        if self.ledger.holds("scores", run.name, asked.scores):
            return Standing(run, SCORED, known)
        if run.training in ahead or (known is not None and self._checkpoint(run).exists()):
            return Standing(run, TO_SCORE, known if known is not None else ahead[run.training])
        expected = known if known is not None else self._expected(run)
        most, spent = self.plan.most_minutes, self._spent(run) + sum(ahead.values())
        if spent >= most or spent + (expected or 0.0) > most:
            takes = "an unknown time" if expected is None else f"about {expected:.0f} min"
            why = f"beyond the budget: {spent:.0f} of {most:.0f} min are spent, it takes {takes}"
            return Standing(run, NOT_RUN, expected, why)
        return Standing(run, TO_TRAIN, expected)

    def _spent(self, run: Run) -> float:
        """Minutes of the plan's other trainings."""
        names = self._names & set(self.ledger.names("trainings")) - {run.training}
        return sum(self.ledger.minutes(name) or 0.0 for name in names)

    def _expected(self, run: Run) -> float | None:
        """What a training will take by those of the same arm, on the same case if there is one."""
        alike: dict[bool, list[float]] = {True: [], False: []}
        for other in self.plan.all_runs():
            minutes = self.ledger.minutes(other.training)
            if minutes is not None and other.arm == run.arm:
                alike[other.trained == run.trained].append(minutes)
        found = alike[True] or alike[False]
        return sum(found) / len(found) if found else None

    def _checkpoint(self, run: Run) -> Path:
        return self.out / run.training / "checkpoint" / "card.json"

    def carry_out(self, run: Run, standing: Standing, say: Say, progress: Progress | None) -> None:
        """Train what must be, and score."""
        asked, folder = self._asked(run), self.out / run.training
        if standing.state == TO_TRAIN:
            known = "" if standing.minutes is None else f", about {standing.minutes:.0f} min"
            say(f"training {run.training}{known}")
            with _minutes(folder) as spent:
                train(asked.experiment, folder, progress=progress, deciding=progress)
            self._put("trainings", run.training, asked.training, {"minutes": spent()})
        scene = self._opened(run, asked)
        if not self.ledger.holds("baselines", run.place, asked.place):
            say(f"scoring the baselines of {run.place}")
            self._put("baselines", run.place, asked.place, score_baselines(scene).to_dict())
        say(f"scoring {run.name}")
        found = score_model(folder / "checkpoint", scene, asked.judged)
        self._put("scores", run.name, asked.scores, found.to_dict())

    def _opened(self, run: Run, asked: _Asked) -> Scene:
        """The scene of a run; that of the last one is still at hand."""
        if self._scene is None or self._scene[0] != asked.place:
            base = load_experiment(str(self.plan.cases[run.trained].experiment))
            shown = asked.experiment.model_copy(update={"forcing": base.forcing})
            case = self.plan.cases[run.case]
            scene = open_scene(
                shown, asked.cube, case.path, forcing=case.forcing, perturbed=case.perturbed
            )
            self._scene = asked.place, scene
        return self._scene[1]

    def _put(self, kind: str, name: str, digest: str, entry: Mapping[str, Any]) -> None:
        said = {
            "digest": digest,
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        }
        self.ledger.put(kind, name, {**entry, **said})


@contextmanager
def _minutes(folder: Path) -> Iterator[Callable[[], float]]:
    """Processor minutes of a training, those before it was interrupted as well."""
    file, begun = folder / _MINUTES, time.process_time()
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else 0.0

    def spent() -> float:
        return round(float(before) + (time.process_time() - begun) / 60.0, 3)

    try:
        yield spent
    finally:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(spent()), encoding="utf-8")
