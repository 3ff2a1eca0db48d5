"""The inputs a model must be built for, from what there is to drive it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ai4land.cube import Cube
from ai4land.errors import CheckpointError, SampleError
from ai4land.models import InputSpec
from ai4land.samples.drivers import Described, Drivers
from ai4land.vocabulary import (
    VARIABLES,
    Clock,
    Driver,
    Kind,
    Legend,
    Target,
    Task,
    crosswalk_names,
)

__all__ = [
    "DEMAND",
    "check_drivers",
    "class_forcing",
    "crosswalk_source",
    "input_spec",
    "leads_between_classes",
]

DEMAND = "demand"
"""Forcing that nobody stores: the classes' shares in the map, and what a product wants of them."""


def crosswalk_source(about: Described, legend: Legend) -> str | None:
    """By which name a fraction variable leads to a legend's classes; ``None`` if by none.

    Fractions of the classes of another legend go by that legend, a product's own states (LUH2) by
    the name of the variable.
    """
    name = about.name if about.legend is None else about.legend.name
    return name if f"{name}_to_{legend.name}" in crosswalk_names() else None


def leads_between_classes(name: str) -> bool:
    """Whether a variable holds gross transitions: layers that are pairs of classes."""
    return name in VARIABLES and bool(VARIABLES[name].pairs_of)


def class_forcing(
    drivers: Drivers, target: Target, legend: Legend | None, preferred: Sequence[str] = ()
) -> tuple[str, ...]:
    """Fraction variables that can be translated into a target's classes.

    The preferred ones come first, then those made of the labels' own classes.
    """
    if legend is None:
        return ()
    own, walked = [], []
    for name in drivers.names:
        about = drivers.describe(name)
        if about.kind is not Kind.FRACTION or not about.components or leads_between_classes(name):
            continue
        if name == target.probability:  # what a model gave asks for nothing
            continue
        if about.components == legend.names:
            own.append(name)
        elif crosswalk_source(about, legend) is not None:
            walked.append(name)
    return tuple(sorted((*own, *walked), key=lambda name: name not in preferred))


def input_spec(
    cube: Cube,
    drivers: Drivers,
    task: Task,
    forcing: Sequence[str] = (),
    static: Sequence[str] = (),
    *,
    series: Mapping[str, Driver] | None = None,
    history: int = 0,
    trust: float = 1.0,
) -> InputSpec:
    """The inputs a model must be built for.

    Args:
        cube: Holds the labels, whose legends are the classes.
        drivers: What is given.
        task: What is predicted.
        forcing: Variables that are known at prior and target time; gross transitions among them are
            told of the step itself.
        static: Slow variables, taken at the prior time; categorical ones become zones.
        series: Variables that are told at lags before the target time.
        history: Maps before the prior that the model looks at.
        trust: How far gross transitions are believed, in (0, 1].

    Raises:
        SampleError: If gross transitions are given that nothing can be done with.
    """
    flows = [name for name in forcing if leads_between_classes(name)]
    forcing = [name for name in forcing if name not in flows]
    legends = {t.name: cube.variable(t.name).legend for t in task.targets if t.categorical}
    targets = tuple(
        t.with_classes(legend.names) if (legend := legends.get(t.name)) else t for t in task.targets
    )
    channels = [full for name in forcing for full in drivers.describe(name).channels]
    zones: list[tuple[str, int]] = []
    numbers: list[str] = []
    for name in static:
        about = drivers.describe(name)
        if about.kind is Kind.CATEGORICAL and about.legend is not None:
            zones.append((name, len(about.legend) + 1))
        else:
            numbers += about.channels
    lagged = tuple((series or {}).values())
    bound, translated, translation = _translation(drivers, forcing, targets, legends)
    classes = () if bound is None else bound.classes
    if flows and (bound is None or len(flows) > 1):
        raise SampleError(
            "Gross transitions go with the fractions that they change",
            where="forcing",
            expected=f"one of them, beside {VARIABLES[flows[0]].pairs_of}",
            found=", ".join((*flows, *forcing)),
        )
    if translated and drivers.describe(translated).components != classes:
        # a product of other classes: the model is given the classes' own books as well
        blank = (0.0,) * len(channels)
        channels += [f"{DEMAND}/{name}" for name in classes]
        translation = tuple(
            (*blank, *(float(i == j) for j in range(len(classes)))) for i in range(len(classes))
        )
    return InputSpec(
        targets=targets,
        forcing=tuple(channels),
        static=tuple(numbers),
        zones=tuple(zones),
        series=lagged,
        series_channels=tuple(
            f"{full} −{lag}"
            for driver in lagged
            for lag in driver.lags
            for full in drivers.describe(driver.name).channels
        ),
        calendar=_calendar(task),
        bound="" if bound is None else bound.name,
        translation=translation,
        closed_loop=bound is not None,
        history=history,
        flows=flows[0] if flows else "",
        trust=trust if flows else 1.0,
    )


def check_drivers(spec: InputSpec, drivers: Drivers, where: object) -> None:
    """Refuse drivers that lack what a model was built for.

    Raises:
        CheckpointError: If they do.
    """
    have: set[str] = set()
    for name in drivers.names:
        have |= {name, *drivers.describe(name).channels}
    stored = [n for n in spec.forcing if not n.startswith(f"{DEMAND}/")]
    need = [*stored, *spec.static, *(name for name, _ in spec.zones)]
    need += [driver.name for driver in spec.series]
    need += [spec.flows] if spec.flows else []
    missing = [name for name in need if name not in have]
    if missing:
        raise CheckpointError(
            "The drivers lack fields that the model needs",
            where=where,
            expected=", ".join(missing),
            found=", ".join(sorted(have)),
            remedy="add them to the recipe and build the cube again, or to the drivers",
        )


def _calendar(task: Task) -> tuple[str, ...]:
    """Features of the calendar: how far each target moves, and the season below the year."""
    one = len(task.targets) == 1
    lengths = ("years",) if one else tuple(f"years/{t.name}" for t in task.targets)
    return lengths if task.clock is Clock.YEAR else (*lengths, "season_cos", "season_sin")


def _translation(
    drivers: Drivers,
    forcing: Sequence[str],
    targets: Sequence[Target],
    legends: Mapping[str, Legend | None],
) -> tuple[Target | None, str, tuple[tuple[float, ...], ...]]:
    """Bound target, the variable that leads to its classes, and the matrix from all channels.

    The first map of classes that a forcing leads to: one made of the classes themselves if there
    is one, else the first with a crosswalk.
    """
    abouts = [drivers.describe(name) for name in forcing]
    for target in targets:
        legend = legends.get(target.name)
        if legend is None:
            continue
        own = next((a.name for a in abouts if a.components == legend.names), "")
        walked = next((a.name for a in abouts if crosswalk_source(a, legend)), "")
        if own or walked:
            columns = [
                tuple(float(about.name == own and i == j) for j in range(len(legend)))
                for about in abouts
                for i in range(len(about.channels))
            ]
            return target, own or walked, tuple(zip(*columns, strict=True))
    return None, "", ()
