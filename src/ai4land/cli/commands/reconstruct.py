"""``ai4land reconstruct``: from a checkpoint and a cube to maps of other years."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ai4land.cli.console import progress_bar, stdout, warn
from ai4land.cli.options.workers import SchedulerOption, WorkersOption
from ai4land.errors import ConfigError
from ai4land.rollout import DECISIONS, FinishedRun, RunOptions, load_run, reconstruct_run

__all__ = ["reconstruct"]

EXAMPLES = """Forward:  ai4land reconstruct runs/crete/checkpoint crete.zarr --from 1985 --to 2000
--out crete_2000.zarr

Baseline:  ai4land reconstruct kernel crete.zarr --from 1985 --to 1970 --out kernel_1970.zarr

Scenarios: ai4land reconstruct runs/globe/checkpoint ssp126.zarr --back-to 1850 --to 2100
--scenario ssp126=ssp126.zarr --scenario ssp585=ssp585.zarr --out RUN --scheduler processes"""


class Feedback(StrEnum):
    """What a step hands to the next."""

    CLASSES = "classes"
    PROBABILITIES = "probabilities"


DecisionName = StrEnum("DecisionName", list(DECISIONS))  # type: ignore[misc]


FeedbackOption = Annotated[
    Feedback | None, typer.Option(help="What a step takes as its prior [default: as trained].")
]
DecisionOption = Annotated[
    DecisionName | None,
    typer.Option(
        help="faithful honours the coarse areas to one pixel, likely takes the most likely "
        "classes, sampled draws a member of an ensemble [default: the checkpoint's]."
    ),
]
StayOption = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        help="A change is taken when it is more than this many times as likely as none "
        "[default: found on this path, before it is rolled out].",
    ),
]
BalanceOption = Annotated[
    bool | None,
    typer.Option(
        "--balance/--no-balance",
        help="Fit the probabilities of a coarse cell to what the forcing asks for first "
        "[default: as trained].",
    ),
]
ScenarioOption = Annotated[
    list[str] | None,
    typer.Option(help="NAME=CUBE: the same labels under another forcing; may be given again."),
]
ModelArgument = Annotated[
    str,
    typer.Argument(
        help="Folder of a checkpoint; persistence, kernel or random; or a run file, RUN.yaml."
    ),
]
CubeArgument = Annotated[Path | None, typer.Argument(help="Cube with the labels and the forcing.")]
FirstOption = Annotated[
    int | None,
    typer.Option("--from", help="Year of the initial map [default: the labelled years]."),
]
LastOption = Annotated[
    int | None, typer.Option("--to", help="Year to reach; an earlier one is a hindcast.")
]
OutOption = Annotated[
    Path, typer.Option(help="Where it goes: a cube, or with scenarios a folder of cubes.")
]
BackOption = Annotated[
    int | None, typer.Option(help="Year to reach backward from the first labelled one.")
]
MembersOption = Annotated[
    int, typer.Option(min=1, help="Sampled maps of each scenario, seeds from --seed on.")
]
StrideOption = Annotated[int, typer.Option(min=1, help="Times of the model's clock in one step.")]
KeepOption = Annotated[
    bool, typer.Option("--probabilities", help="Keep the classes' probabilities as well.")
]
MemberOption = Annotated[
    int | None, typer.Option(min=1, help="Use this network of an ensemble alone.")
]
TileOption = Annotated[int, typer.Option(min=8, help="Side of a tile in pixels.")]
OverlapOption = Annotated[int, typer.Option(min=0, help="Pixels shared by tiles.")]
BatchOption = Annotated[int, typer.Option(min=1, help="Tiles predicted at once.")]
SeedOption = Annotated[
    int, typer.Option(help="Of a sampled member; of the ties in kernel and random.")
]
DeviceOption = Annotated[str, typer.Option(help="Where the model computes: cpu, cuda.")]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace what is already there.")
]


def reconstruct(
    model: ModelArgument,
    cube: CubeArgument = None,
    first: FirstOption = None,
    last: LastOption = None,
    out: OutOption = ...,  # type: ignore[assignment]
    back_to: BackOption = None,
    scenario: ScenarioOption = None,
    members: MembersOption = 1,
    stride: StrideOption = 1,
    feedback: FeedbackOption = None,
    decision: DecisionOption = None,
    stay: StayOption = None,
    balance: BalanceOption = None,
    probabilities: KeepOption = False,
    member: MemberOption = None,
    tile: TileOption = 128,
    overlap: OverlapOption = 32,
    batch: BatchOption = 1,
    seed: SeedOption = 0,
    device: DeviceOption = "cpu",
    scheduler: SchedulerOption = None,
    workers: WorkersOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Roll the land forward or backward and save it, under one forcing or many.

    With --from the direction follows from the two years. Without, the labelled years are taken
    over, the history goes back to --back-to, and each scenario begins where its forcing differs.
    Every step stands on the step before. The result has the cube's schema and says where it comes
    from. Stopped, it goes on when the same command is called again.
    """
    if Path(model).suffix in {".yaml", ".yml"}:
        options = load_run(Path(model))
    elif cube is None or last is None:
        raise ConfigError(
            "A cube and a year to reach are needed",
            expected="MODEL CUBE --to YEAR, or the file of a run, RUN.yaml",
            found=model,
        )
    else:
        options = RunOptions(
            model=model,
            cube=str(cube),
            scenarios=_scenarios(scenario or []),
            first=first,
            last=last,
            back_to=back_to,
            stride=stride,
            feedback=feedback and feedback.value,
            decision=decision and decision.value,
            stay=stay,
            balance=balance,
            seed=seed,
            members=members,
            member=member,
            probabilities=probabilities,
            tile=tile,
            overlap=overlap,
            batch=batch,
            device=device,
        )
    run = _carried_out(options, out, scheduler, workers, overwrite)
    lines, missing = run.books()
    for line in lines:
        stdout().print(line, soft_wrap=True)
    for message in missing:
        warn(message)
    what = "Run written" if len(run.branches) > 1 else "Reconstruction written"
    stdout().print(f"{what}: {out}", soft_wrap=True)


def _carried_out(
    options: RunOptions, out: Path, scheduler: str | None, workers: int | None, overwrite: bool
) -> FinishedRun:
    """Carry out a run behind a bar."""
    with progress_bar("pieces") as progress:
        bar = progress.add_task("opening", total=None, figures="")

        def told(done: int, total: int, figures: dict[str, float]) -> None:
            line = " ".join(f"{name} {value:.3g}" for name, value in figures.items())
            progress.update(bar, description="decision", completed=done, total=total, figures=line)

        def step(when: str, done: int, total: int) -> None:
            progress.update(bar, description=when, completed=done, total=total, figures="")

        return reconstruct_run(
            options,
            out,
            scheduler=scheduler,
            workers=workers,
            overwrite=overwrite,
            progress=step,
            told=told,
            warn=warn,
        )


def _scenarios(given: Sequence[str]) -> dict[str, str]:
    """Scenarios as the command line names them."""
    found = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or not name.replace("_", "").replace("-", "").isalnum():
            raise ConfigError(
                "A scenario needs a name and a cube",
                expected="--scenario NAME=CUBE, a name of letters, digits, - and _",
                found=text,
            )
        found[name] = path
    return found
