"""The plan of a comparison: which arms are trained and scored on which cases, in which order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ai4land.errors import ConfigError
from ai4land.vocabulary import Place, nearest_name, read_yaml, validated

__all__ = [
    "NOT_RUN",
    "SCORED",
    "TO_SCORE",
    "TO_TRAIN",
    "Batch",
    "Case",
    "Perturbed",
    "Plan",
    "Run",
    "Standing",
    "load_plan",
]

Positive = Annotated[int, Field(ge=1)]
Decided = Literal["faithful", "likely", "sampled"]

SCORED, TO_SCORE, TO_TRAIN, NOT_RUN = "scored", "to score", "to train", "not run"
"""How a run may stand."""

_CURVE = (2.0, 1.0, 0.6, 0.4, 0.25, 0.16, 0.1, 0.06, 0.03)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Perturbed(_Part):
    """Errors in the forcing of a case, see ``samples.PerturbedDrivers``.

    Attributes:
        error: Standard deviation of the logarithm: 0.05 for 5 %.
        of: What is wrong: the ``change`` that is asked for, or the ``shares`` of every time.
        seed: Another seed gives other errors.
    """

    error: Annotated[float, Field(gt=0)]
    of: Literal["change", "shares"] = "change"
    seed: Annotated[int, Field(ge=0)] = 0


class Case(_Part):
    """One rollout that is scored, and the experiment that trains its models.

    Attributes:
        experiment: Path of the experiment, relative to the plan. Cases that name the same one
            share its trainings.
        checkpoint_of: Another case whose models are tested here, in place of an experiment.
        cube: The cube that holds initial map, forcing and truth, relative to the plan; default
            the experiment's.
        forcing: Class fractions of that cube, of a product with a crosswalk to the labels, whose
            change since the initial map takes the place of the forcing that models learned from.
        perturbed: Errors that are put into the forcing.
        start: Time of the initial map, in the plan ``from``.
        to: The last time.
        step: Times in one step.
        folds: Spatial folds that are each trained and tested; ``None`` takes the experiment as it
            stands.
    """

    experiment: str | None = None
    checkpoint_of: str | None = None
    cube: str | None = None
    forcing: str | None = None
    perturbed: Perturbed | None = None
    start: Annotated[int, Field(alias="from")]
    to: int
    step: Positive = 1
    folds: tuple[Annotated[int, Field(ge=0)], ...] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.experiment is None) == (self.checkpoint_of is None):
            raise ValueError("a case names an experiment, or the case whose models it tests")
        if len(self.path) < 2 or self.path[-1] != self.to:
            raise ValueError(f"steps of {self.step} do not lead from {self.start} to {self.to}")
        return self

    @property
    def driven(self) -> dict[str, Any]:
        """What drives the models in place of their own forcing as it is; empty for that one."""
        return self.model_dump(mode="json", include={"forcing", "perturbed"}, exclude_none=True)

    @property
    def path(self) -> tuple[int, ...]:
        """The times of the rollout, the initial one first."""
        jump = self.step if self.to > self.start else -self.step
        return tuple(range(self.start, self.to + (1 if jump > 0 else -1), jump))


class Batch(_Part):
    """Runs that belong together.

    Attributes:
        arms: Names of arms; every one meets every case, seed and fold.
        cases: Names of cases.
        seeds: Seeds. An ensemble of n members takes n seeds, those of one run no other's.
    """

    arms: tuple[str, ...]
    cases: tuple[str, ...]
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = (0,)


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """One model scored on one case.

    Attributes:
        case: Name of the case.
        trained: Name of the case whose experiment trains it.
        arm: Name of the arm.
        fold: The spatial fold; ``None`` as the experiment says.
        seed: The seed.
    """

    case: str
    trained: str
    arm: str
    fold: int | None
    seed: int

    @property
    def place(self) -> str:
        """Case and fold: what all arms and seeds are scored on."""
        return f"{self.case}/{_fold(self.fold)}"

    @property
    def name(self) -> str:
        """How the ledger calls its scores."""
        return f"{self.place}/{self.arm}/seed{self.seed}"

    @property
    def training(self) -> str:
        """How the ledger calls its training; its folder as well."""
        return f"{self.trained}/{_fold(self.fold)}/{self.arm}/seed{self.seed}"


def _fold(number: int | None) -> str:
    return "whole" if number is None else f"fold{number}"


@dataclass(frozen=True)
class Standing:
    """How a run stands.

    Attributes:
        run: The run.
        state: ``scored``, ``to score`` (trained already), ``to train`` or ``not run``.
        minutes: Processor minutes of its training, as it took or as others alike took; ``None``
            if nobody knows.
        why: Why it is not run.
    """

    run: Run
    state: str
    minutes: float | None = None
    why: str = ""


class Plan(_Part):
    """What is compared.

    Attributes:
        title: One line for people.
        cases: Name → rollout that is scored.
        arms: Name → what differs from the experiments: ``model``, ``samples``, ``training``,
            ``forcing``, ``static``, ``series``. A ``model`` with a name replaces that of the
            experiment, everything else is merged.
        runs: What is run, in the order of the budget.
        decisions: Decisions by which every model is scored.
        members: Of the ensemble drawn by ``sampled``.
        curve: Odds of ``likely`` at which the trade of accuracy and figure of merit is drawn, for
            the first seed of every arm, where its own forcing drives it.
        most_minutes: Processor minutes of training in all; what would go beyond is not run.
    """

    title: str
    cases: dict[str, Case]
    arms: dict[str, dict[str, Any]]
    runs: tuple[Batch, ...]
    decisions: tuple[Decided, ...] = ("faithful", "likely", "sampled")
    members: Positive = 5
    curve: tuple[Annotated[float, Field(gt=0)], ...] = _CURVE
    most_minutes: Annotated[float, Field(gt=0)] = 360.0

    def source(self, name: str) -> str:
        """The first case that trains the models of a case."""
        case = self.cases[name]
        if case.checkpoint_of is not None:
            return self.source(case.checkpoint_of)
        return next(
            other
            for other, that in self.cases.items()
            if (that.experiment, that.folds) == (case.experiment, case.folds)
        )

    def all_runs(self) -> list[Run]:
        """Every run once, in the order of the budget."""
        return list(dict.fromkeys(self._runs()))

    def _runs(self) -> Iterator[Run]:
        for batch in self.runs:
            for arm, seed, case in itertools.product(batch.arms, batch.seeds, batch.cases):
                for fold in self.cases[case].folds or (None,):
                    yield Run(case, self.source(case), arm, fold, seed)

    def curve_of(self, run: Run) -> tuple[float, ...]:
        """Odds at which the trade is drawn for a run; none for most."""
        alike = [r.seed for r in self.all_runs() if (r.case, r.arm) == (run.case, run.arm)]
        return () if self.cases[run.case].driven or run.seed > min(alike) else self.curve


def load_plan(path: str | Path) -> Plan:
    """Read a plan; paths in it become absolute.

    Raises:
        MissingFileError: If there is no such file.
        ConfigError: If it is no plan, or names a case or an arm that it does not describe.
    """
    data, place = read_yaml(Path(path))
    plan = validated(data, Plan, place)
    _check_names(plan, place)
    cases = {name: _resolved(name, case, place) for name, case in plan.cases.items()}
    return plan.model_copy(update={"cases": cases})


def _resolved(name: str, case: Case, place: Place) -> Case:
    found = {
        key: str(place.resolve(written, ("cases", name, key)).resolve())
        for key in ("experiment", "cube")
        if (written := getattr(case, key)) is not None
    }
    return case.model_copy(update=found)


def _check_names(plan: Plan, place: Place) -> None:
    for n, batch in enumerate(plan.runs):
        for arm in batch.arms:
            _known(arm, plan.arms, "arm", place.at(("runs", n, "arms")))
        for named in batch.cases:
            _known(named, plan.cases, "case", place.at(("runs", n, "cases")))
    for name, case in plan.cases.items():
        trail = [name]
        while (other := plan.cases[trail[-1]].checkpoint_of) is not None:
            where = place.at(("cases", trail[-1], "checkpoint_of"))
            _known(other, plan.cases, "case", where)
            if other in trail:
                raise ConfigError("Cases that test each other's models", where=where, found=trail)
            trail.append(other)
        if plan.cases[trail[-1]].folds != case.folds:
            raise ConfigError(
                "A case is tested in the folds in which its models were trained",
                where=place.at(("cases", name)),
                expected=plan.cases[trail[-1]].folds,
                found=case.folds,
            )


def _known(name: str, known: Mapping[str, object], kind: str, where: str) -> None:
    if name not in known:
        close = nearest_name(name, known)
        raise ConfigError(
            f"Unknown {kind}",
            where=where,
            expected=f"one of {', '.join(known)}",
            found=repr(name),
            remedy=f"did you mean {close!r}?" if close else None,
        )
