"""A run opened from its options: branches, what must be told of them, and what decides them."""

from __future__ import annotations

import functools
import itertools
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ai4land.checkpoint import Card, load_card
from ai4land.cube import Cube, Reference, State, Status, full_disk_named
from ai4land.errors import ConfigError
from ai4land.rollout.allocation_stepper import AllocationStepper
from ai4land.rollout.deciding import decided_on
from ai4land.rollout.decisions import Sampled, decision_data, decision_of
from ai4land.rollout.levers import Levers
from ai4land.rollout.opening import as_trained, demand_of, open_model
from ai4land.rollout.predictor_stepper import PredictorStepper
from ai4land.rollout.provenance import domain_warnings, prediction_attributes
from ai4land.rollout.run.branches import Branch, Leg, Start
from ai4land.rollout.run.jobs import Bench
from ai4land.rollout.run.manifest import fingerprint, machine, write_json
from ai4land.rollout.run.options import RunOptions
from ai4land.rollout.run.scenarios import shared_until
from ai4land.rollout.start import observed_state
from ai4land.rollout.stepper import Persistence, Stepper, begun
from ai4land.vocabulary import LAND_USE, VARIABLES, Clock, Direction, Kind, Task, variable
from ai4land.workers import Rest

__all__ = ["Opened", "RunPlan", "opened_run", "work_far"]

CACHE = 256 * 2**20  # bytes of decoded chunks: eight of a global forcing, 25 MiB each
HISTORY = "history"

_ONE_AT_A_TIME = threading.Lock()
Told = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True)
class RunPlan:
    """A run as a worker elsewhere needs it, to open it again.

    Attributes:
        options: With paths that mean the same everywhere.
        folder: Where manifest, journal and constants lie.
        out: Where the stores go: the one of a run of one branch, or a folder for several.
        token: Tells two runs apart, so that a worker that lives on opens the files again.
    """

    options: RunOptions
    folder: Path
    out: Path
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __hash__(self) -> int:
        """By the token."""
        return hash(self.token)

    def __eq__(self, other: object) -> bool:
        """By the token."""
        return isinstance(other, RunPlan) and other.token == self.token

    def stores(self) -> dict[str, Path]:
        """Name of a branch → its store, known before anything is opened."""
        options = self.options
        if options.first is not None:
            return {"map": self.out}
        names = [HISTORY, *(n for _, n, _ in members_of(options))]
        return {name: self.out / f"{name}.zarr" for name in names}

    def asked(self) -> dict[str, Any]:
        """All that decides the bytes, known before anything is opened."""
        options, used = self.options, dict[str, dict[str, str]]()
        card = None if options.baseline else load_card(options.model)
        for name, path in {"": options.cube, **options.scenarios}.items():
            cube = Cube(path)
            wanted = [n for n in cube.variables if _matters(options, card, n)]
            used[name] = fingerprint(cube, wanted)
        weights = None if card is None else {"files": dict(card.files), "card": card.to_dict()}
        plain = {"options": options.deciding(), "checkpoint": weights, "cubes": used}
        return {**plain, "shard": list(options.shard), "machine": machine()}


@dataclass(frozen=True)
class Opened:
    """A run that can be worked on.

    Attributes:
        branches: A branch after the one that it goes on from.
        warnings: What a user must be told before it begins.
    """

    branches: tuple[Branch, ...]
    warnings: tuple[str, ...] = ()


def members_of(options: RunOptions) -> Iterator[tuple[str, str, int]]:
    """Scenario, name of its branch and seed, of all members."""
    for name in options.scenarios:
        for member in range(options.members):
            more = f"_member{member + 1}" if options.members > 1 else ""
            yield name, name + more, options.seed + member


def work_far(plan: RunPlan, job: Any) -> Rest:  # noqa: ANN401
    """Work on a piece in a process that opens the run for itself, once."""
    with _ONE_AT_A_TIME:
        bench = _bench(plan)
    return bench.work(job)


@functools.lru_cache(maxsize=1)
def _bench(plan: RunPlan) -> Bench:
    return Bench(opened_run(plan).branches)


def opened_run(plan: RunPlan, told: Told | None = None) -> Opened:
    """Open the cubes and models of a run, and find what must be known before the first step.

    The odds of decisions and what the initial maps hold are found once and kept in the folder of
    the run: whoever opens it again reads them there.

    Args:
        plan: What is asked for.
        told: Called with what is done of a search for odds.

    Raises:
        ConfigError: If it cannot be carried out.
    """
    opener = _Opener(plan, told)
    return opener.single() if plan.options.first is not None else opener.history()


class _Opener:
    """Opens the parts of one run."""

    def __init__(self, plan: RunPlan, told: Told | None) -> None:
        self.plan, self.options, self.told = plan, plan.options, told
        self.card = None if self.options.baseline else load_card(self.options.model)
        self.task: Task = LAND_USE if self.card is None else self.card.task_of()
        self.warnings: list[str] = []

    def single(self) -> Opened:
        """One branch, from one year to another."""
        options, cube = self.options, self._cube(self.options.cube)
        assert options.first is not None
        path = _path(self.task.clock, options.first, options.last, options.stride)
        leg, chosen = self._leg("map", cube, path)
        said = self._attributes(leg.stepper, cube, path, chosen)
        assert isinstance(leg.start, State)
        observed = {path[0]: leg.start}
        branch = self._branch("map", self.plan.out, cube, observed, (leg,), said)
        return Opened((branch,), tuple(self.warnings))

    def history(self) -> Opened:
        """The history that scenarios share, and each of them from where it differs."""
        options, base = self.options, self._cube(self.options.cube)
        labels = self._labelled(base)
        first, known = labels[0], labels[-1]
        cubes = {name: self._cube(path) for name, path in options.scenarios.items()}
        forward, chosen = self._leg(
            "forward", next(iter(cubes.values()), base), tuple(range(known, options.last + 1))
        )
        shared = options.last
        if cubes:
            shared = shared_until(base, cubes, self._names(base, forward), known, options.last)
        legs, back = [], options.back_to
        if back is not None and back < first:
            legs.append(self._leg("backward", base, tuple(range(first, back - 1, -1)))[0])
        legs += [
            self._leg(f"from_{a}", base, tuple(range(a, b)))[0]
            for a, b in itertools.pairwise(labels)
            if b > a + 1
        ]
        common = self._leg("forward", base, tuple(range(known, shared + 1)), forward.stepper)[0]
        legs.append(common)
        observed = {t: observed_state(base, self.task, t) for t in labels}
        stores = self.plan.stores()
        years = tuple(sorted({*labels, *(t for leg in legs for t in leg.ticks)}))
        said = self._attributes(common.stepper, base, years, chosen) | {"branch": HISTORY}
        branches = [self._branch(HISTORY, stores[HISTORY], base, observed, tuple(legs), said)]
        for name, member, seed in members_of(options):
            ticks = tuple(range(shared + 1, options.last + 1))
            leg, chosen = self._leg(
                "forward", cubes[name], tuple(range(known, options.last + 1)), seed=seed
            )
            start = Start(HISTORY, len(legs) - 1, shared - known)
            leg = Leg(leg.stepper, start, shared, ticks)
            said = self._attributes(leg.stepper, cubes[name], ticks, chosen)
            said |= {"branch": member, "goes_on_from": {"branch": HISTORY, "year": shared}}
            branches.append(self._branch(member, stores[member], cubes[name], {}, (leg,), said))
        return Opened(tuple(branches), tuple(dict.fromkeys(self.warnings)))

    def _cube(self, path: str) -> Cube:
        cube = Cube(path, cache=CACHE)
        return cube if self.card is None else as_trained(cube, self.card)

    def _branch(
        self,
        name: str,
        path: Path,
        cube: Cube,
        observed: Mapping[int, State],
        legs: tuple[Leg, ...],
        said: Mapping[str, Any],
    ) -> Branch:
        options = self.options
        source = legs[0].stepper.name
        keep = options.probabilities
        return Branch(name, path, cube, observed, legs, said, source, keep, shard=options.shard)

    def _labelled(self, cube: Cube) -> list[int]:
        """The years whose labels are taken over."""
        clocks = {t.clock for t in self.task.targets}
        if clocks != {Clock.YEAR}:
            raise ConfigError(
                "A history has annual maps",
                expected="a model of annual targets",
                found=", ".join(sorted(clock.value for clock in clocks)),
                remedy="give `--from` and `--to`",
            )
        known = {Status.OBSERVED, Status.BACK_CAST}
        years = [
            {t for t, s in cube.status(target.name).items() if s in known}
            for target in self.task.targets
        ]
        found = sorted(set.intersection(*years))
        back = self.options.back_to
        if not found or self.options.last <= found[-1] or (back or found[0]) > found[0]:
            raise ConfigError(
                "The years of the run are those that have no labels",
                where=cube.path,
                expected="`--back-to` before the first labelled year, `--to` after the last",
                found=f"labels of {cube.group(self.task.targets[0].name).clock.span(found)}"
                if found
                else "no labels",
            )
        return found

    def _names(self, cube: Cube, leg: Leg) -> list[str]:
        """The variables in which scenarios must be told apart."""
        demand = leg.stepper.demand
        used = {n for n in cube.variables if _matters(self.options, self.card, n)}
        if self.card is None:  # a rule reads no other forcing than the one it places
            used = {self.task.targets[0].name, *([demand.forcing] if demand is not None else [])}
        return sorted(used)

    def _leg(
        self,
        name: str,
        cube: Cube,
        path: tuple[int, ...],
        stepper: Stepper | None = None,
        seed: int | None = None,
    ) -> tuple[Leg, dict[str, Any]]:
        """The steps along a path, and the options by which they are made."""
        options, seed = self.options, self.options.seed if seed is None else seed
        if self.card is None:
            stepper, chosen = _baseline(options.model, cube, seed)
            if isinstance(stepper, AllocationStepper):
                stepper = stepper.with_levers(self._levers(cube))
            start = observed_state(cube, self.task, path[0])
        else:
            stepper, start, chosen = self._model(name, cube, path, self.card, seed)
        key = f"{name}_{path[0]}"
        leg = Leg(stepper, _begun(self.plan.folder, key, stepper, start), path[0], path[1:])
        return leg, {"stride": options.stride} | chosen

    def _model(
        self, name: str, cube: Cube, path: tuple[int, ...], card: Card, seed: int
    ) -> tuple[PredictorStepper, State, dict[str, Any]]:
        """A checkpoint opened for a path, its decision as found by who opened the run first."""
        options = self.options
        ahead = path if len(path) > 1 else (path[0], path[0] + 1)
        stepper, start, _ = open_model(
            options.model,
            cube,
            ahead,
            tiling=options.tiling,
            feedback=options.feedback,
            decision=options.decision,
            member=options.member,
            device=options.device,
        )
        stepper = stepper.with_levers(self._levers(cube))
        direction = Direction.leading(ahead[0], ahead[-1])
        kept = self.plan.folder / "constants" / f"{direction.value}.json"
        if kept.exists():
            stepper = stepper.with_decision(decision_of(json.loads(kept.read_text())))
        else:
            stepper = decided_on(stepper, start, ahead, card, options.wish, self.told)
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_json(kept, decision_data(stepper.decision))
        if isinstance(stepper.decision, Sampled):
            stepper = stepper.with_decision(replace(stepper.decision, seed=seed))
        chosen: dict[str, Any] = {
            "decision": decision_data(stepper.decision),
            "feedback": stepper.feedback,
        }
        chosen |= {"tile": options.tile, "overlap": options.overlap}
        chosen |= {"member": options.member} if options.member else {}
        if len(path) > 1:
            self.warnings += domain_warnings(card, cube, path)
        return stepper, start, chosen

    def _levers(self, cube: Cube) -> Levers | None:
        """What must not happen to the map of classes."""
        target = next((t for t in self.task.targets if t.categorical), None)
        if target is None:
            return None
        legend = cube.variable(target.name).legend
        assert legend is not None
        return self.options.levers.opened(cube.grid(target.name), legend)

    def _attributes(
        self, stepper: Stepper, cube: Cube, path: Sequence[int], chosen: Mapping[str, Any]
    ) -> dict[str, Any]:
        clock = self.task.clock
        levers = self.options.levers.model_dump(mode="json", exclude_defaults=True)
        chosen = {**chosen, **({"levers": levers} if levers else {})}
        return prediction_attributes(stepper.name, cube, path, chosen, self.card, clock)


def _baseline(model: str, cube: Cube, seed: int) -> tuple[Stepper, dict[str, Any]]:
    """A stepper that no model stands behind, and its options."""
    if model == "persistence":
        return Persistence(LAND_USE, cube.grid(LAND_USE.targets[0].name)), {}
    demand = demand_of(cube, LAND_USE.targets[0])
    options: dict[str, Any] = {"seed": seed, "forcing": demand.forcing}
    return AllocationStepper(model, demand, seed=seed), options


def _matters(options: RunOptions, card: Card | None, name: str) -> bool:
    """Whether a variable of a cube may reach what moves the land, or is what it predicts.

    One too many does no harm: of equal cubes it is equal as well.
    """
    if options.model == "persistence":
        return name == LAND_USE.targets[0].name
    kind = variable(name).kind
    if card is None:
        return name == LAND_USE.targets[0].name or kind is Kind.FRACTION
    inputs = card.inputs
    told = {*inputs.told_variables, *(target.name for target in card.targets)}
    told |= {variable(n).pairs_of for n in told if n in VARIABLES}
    fixed = json.dumps([list(inputs.static), list(inputs.zones)])
    return name in told or name in fixed or kind is Kind.FRACTION


def _begun(folder: Path, name: str, stepper: Stepper, start: State) -> State:
    """A state as ``begin`` leaves it, what its map holds counted once for all who open the run."""
    path = folder / "constants" / f"{name}.npz"
    if path.exists():
        with np.load(path) as held:
            reference = Reference(int(held["tick"]), held["counts"], held["pixels"])
        return replace(start, reference=reference)
    state = begun(stepper, start)
    if state.reference is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{name}.partial.npz")
        with full_disk_named(path):
            said = state.reference
            np.savez(part, tick=said.tick, counts=said.counts, pixels=said.pixels)
            part.replace(path)
    return state


def _path(clock: Clock, first: int, last: int, stride: int) -> tuple[int, ...]:
    """All times from the initial one to the last; below the year those of both years as well."""
    before, after = clock.ticks([first]), clock.ticks([last])
    start, end = (before[0], after[-1]) if last >= first else (before[-1], after[0])
    if start == end or abs(end - start) % stride:
        raise ConfigError(
            "The times cannot be reached in whole steps",
            expected=f"--to a multiple of {stride} {clock.noun} away from --from",
            found=f"{first} → {last}, {abs(end - start)} {clock.noun}",
            remedy="choose another --to or --stride",
        )
    sign = 1 if end > start else -1
    return tuple(range(start, end + sign, sign * stride))
