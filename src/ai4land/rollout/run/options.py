"""What a user asks of a run, as a file says it or a command line does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ai4land.errors import ConfigError
from ai4land.rollout.deciding import Wish
from ai4land.rollout.levers import LeverOptions
from ai4land.rollout.run.branches import SHARD
from ai4land.rollout.run.manifest import digest_of
from ai4land.rollout.tiling import Tiling
from ai4land.vocabulary import read_yaml, validated

__all__ = ["BASELINES", "RunOptions", "load_run"]

BASELINES = ("persistence", "kernel", "random")


_TAKEN = {"history", "declared", "map"}  # names of other branches, and of lines in the journal


class RunOptions(BaseModel):
    """A run: what moves the land, over which years, under which forcing.

    With ``first`` there is one branch, from the map of that year to ``last``. Without, the labelled
    years are taken over; backward from the first of them to ``back_to``, and forward from the last
    to ``last``, under each of the ``scenarios`` from where they begin to differ.

    Attributes:
        model: Folder of a checkpoint, or persistence, kernel or random.
        cube: Cube with the labels and the forcing.
        scenarios: Name → cube of the same labels with the forcing of a scenario.
        first: Year of the initial map of a run of one branch.
        last: Year to reach; an earlier one than ``first`` is a hindcast.
        back_to: Year to reach backward from the first labelled one.
        stride: Times of the model's clock in one step.
        feedback: What a step takes as its prior; default as trained.
        decision: Name of the decision; default the checkpoint's.
        stay: Odds from which on a change is taken; default found on the path.
        balance: Whether probabilities are first fitted to the forcing; default as trained.
        seed: Of a sampled map; of the ties in kernel and random.
        members: Maps of each scenario, with seeds from ``seed`` on; of a sampled decision.
        member: The only network of an ensemble to be used, from 1.
        probabilities: Whether the classes' probabilities are kept.
        tile: Side of a tile in pixels.
        overlap: Pixels shared by tiles.
        batch: Tiles predicted at once.
        device: Where the model computes.
        shard: Rows and columns of a file of a map at most.
        levers: What must not happen to the maps of classes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    cube: str
    scenarios: dict[str, str] = Field(default_factory=dict)
    first: int | None = None
    last: int
    back_to: int | None = None
    stride: int = Field(default=1, ge=1)
    feedback: Literal["classes", "probabilities"] | None = None
    decision: str | None = None
    stay: float | None = Field(default=None, ge=0.0)
    balance: bool | None = None
    seed: int = 0
    members: int = Field(default=1, ge=1)
    member: int | None = Field(default=None, ge=1)
    probabilities: bool = False
    tile: int = Field(default=128, ge=8)
    overlap: int = Field(default=32, ge=0)
    batch: int = Field(default=1, ge=1)
    device: str = "cpu"
    shard: tuple[int, int] = SHARD
    levers: LeverOptions = LeverOptions()

    @property
    def baseline(self) -> bool:
        """Whether no model stands behind it."""
        return self.model in BASELINES

    @property
    def wish(self) -> Wish:
        """What is said of the decision."""
        return Wish(self.stay, self.balance, self.seed)

    @property
    def tiling(self) -> Tiling:
        """How the globe is cut."""
        return Tiling(self.tile, self.overlap, self.batch)

    def deciding(self) -> dict[str, Any]:
        """All that decides the bytes of the maps but data and weights, as plain data."""
        data = self.model_dump(mode="json", exclude={"cube", "device", "shard", "levers"})
        data["scenarios"] = [*self.scenarios]
        data["levers"] = self.levers.model_dump(mode="json", exclude={"protected"})
        if self.levers.protected is not None:
            data["levers"]["protected"] = digest_of(Path(self.levers.protected))[1]
        return data | {"model": self.model if self.baseline else "checkpoint"}

    def absolute(self) -> RunOptions:
        """The same with paths that mean the same in every folder of every worker."""
        where = {name: str(Path(path).absolute()) for name, path in self.scenarios.items()}
        model = self.model if self.baseline else str(Path(self.model).absolute())
        cube = str(Path(self.cube).absolute())
        said = {"model": model, "cube": cube, "scenarios": where}
        return self.model_copy(update={**said, "levers": self._levers(Path.absolute)})

    def _levers(self, placed: Callable[[Path], Path]) -> LeverOptions:
        """The levers with the place of their raster."""
        said = self.levers.protected
        path = None if said is None else str(placed(Path(said)))
        return self.levers.model_copy(update={"protected": path})

    def check(self) -> None:
        """Refuse what only a model can do, and branches that there are not.

        Raises:
            ConfigError: If such a thing is asked for.
        """
        decided = (self.decision, self.stay, self.balance, self.feedback)
        for asked, said in (
            (any(v is not None for v in decided), "Only a model's probabilities are decided on"),
            (self.probabilities, "Only a model gives probabilities"),
            (self.member is not None, "Only an ensemble has members"),
        ):
            if self.baseline and asked:
                raise ConfigError(said, found=self.model, expected="folder of a checkpoint")
        for name in self.scenarios:
            if name in _TAKEN or "/" in name:
                raise ConfigError("A scenario cannot have this name", found=repr(name))
        if self.first is not None and (self.scenarios or self.back_to is not None):
            raise ConfigError(
                "A run of one branch has no scenarios and no history",
                found="an initial year, and scenarios or a year to go back to",
                remedy="leave out `--from`: the labelled years are where a history begins",
            )
        if self.members > 1 and (self.decision != "sampled" or not self.scenarios):
            raise ConfigError(
                "All members would be alike",
                expected="scenarios, and the decision 'sampled'",
                found=f"{self.members} members, {self.decision or 'the default decision'}",
            )


def load_run(path: Path) -> RunOptions:
    """Read a run file: strict YAML, its paths relative to its folder.

    Raises:
        MissingFileError: If there is no such file.
        ConfigError: If it does not fit; names the line and the nearest known key.
    """
    data, place = read_yaml(path)
    options = validated(data, RunOptions, place)
    scenarios = {
        name: str(place.resolve(written, ("scenarios", name)))
        for name, written in options.scenarios.items()
    }
    model = options.model
    return options.model_copy(
        update={
            "model": model if options.baseline else str(place.resolve(model, ("model",))),
            "cube": str(place.resolve(options.cube, ("cube",))),
            "scenarios": scenarios,
            "levers": options._levers(lambda p: place.resolve(str(p), ("levers", "protected"))),
        }
    )
