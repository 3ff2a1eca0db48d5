"""Move a checkpoint of format 1 (AI4Land 0.1 before the typed card) to today's format, once.

    python scripts/move_checkpoint.py OLD NEW

Weights keep their values under new names; a reconstruction with them gives the same maps where
tiles lie as they did (``Tiling.origin``). The old folder is left as it is.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from safetensors.numpy import load_file, save

from ai4land.checkpoint import Card, Domain, decisions_by_odds
from ai4land.grid import Grid
from ai4land.models import InputSpec
from ai4land.vocabulary import Clock, Direction, Legend, SplitOptions, Target
from ai4land.vocabulary import task as task_of

Arrays = dict[str, np.ndarray]

_ENCODER = ("forcing_scale", "change_scale", "static_scale", "embed_forcing", "embed_static")
_ENCODER += ("embed_zones", "embed_demand", "translation")
_PER_TARGET = ("embed_prior", "embed_history")
_BACKBONE = ("down", "reduce", "up", "embed_step")


def moved_name(key: str, target: str, categorical: bool) -> str | None:
    """Today's name of a weight; ``None`` for what no longer exists."""
    first, _, rest = key.partition(".")
    tail = f".{rest}" if rest else ""
    if first in _ENCODER:
        return f"encoder.{first}{tail}"
    if first in _PER_TARGET:
        return f"encoder.{first}.{target}{tail}"
    if first in _BACKBONE:
        return f"backbone.{first}{tail}"
    if first == "head":
        return f"heads.{target}.correction{tail}"
    if first == "target_scale":
        return None if categorical else f"encoder.target_scales.{target}{tail}"
    if first == "transitions":
        return f"heads.{target}.transitions{tail}" if categorical else None
    return f"heads.{target}.{key}"


def moved_weights(old: Arrays, target: str, categorical: bool) -> Arrays:
    """All weights under today's names, an ensemble's members numbered."""
    found: Arrays = {}
    for full, values in old.items():
        number, key = "0", full
        if full.startswith("networks."):
            _, number, key = full.split(".", 2)
        name = moved_name(key, target, categorical)
        if name is None:
            continue
        if name.endswith(("gates.weight", "gates.bias")) and not categorical:
            values = values[:1]  # the others never meant anything for numbers
        found[f"{number}.{name}"] = values
        for part in ("mean", "spread"):
            found.setdefault(f"{number}.encoder.series_scale.{part}", np.zeros(0, np.float32))
    return found


def moved_card(old: dict[str, Any], files: dict[str, str]) -> Card:
    """The typed card of what an old one says."""
    said, task = old["inputs"], task_of(old["task"])
    target = Target(said["target"], said["activation"], Clock(old["clock"]), tuple(said["classes"]))
    experiment, box, decision = old["training"]["experiment"], old["domain"], dict(old["decision"])
    feedback = decision.pop("feedback", "classes")
    legend = old["legend"]
    return Card(
        task=old["task"],
        recursive=tuple(sorted(task.recursive)),
        architecture=old["architecture"],
        inputs=InputSpec(
            targets=(target,),
            forcing=tuple(said["forcing"]),
            static=tuple(said["static"]),
            zones=tuple((name, count) for name, count in said["zones"]),
            bound=target.name if said["translation"] else "",
            translation=tuple(map(tuple, said["translation"])),
            closed_loop=said["closed_loop"],
            history=said["history"],
        ),
        legends={} if legend is None else {target.name: Legend.from_dict(legend)},
        grids={name: Grid.from_dict(grid) for name, grid in old["grids"].items()},
        strides=tuple(old["strides"]),
        directions=tuple(map(Direction, old["directions"])),
        split=SplitOptions.model_validate(experiment["split"]),
        domain=Domain(
            **{side: box[side] for side in ("west", "south", "east", "north")},
            trained=tuple(box["trained"]),
            validated=tuple(box["validated"]),
        ),
        decision=decisions_by_odds(decision),
        feedback=feedback,
        training={"experiment": experiment, "digest": old["training"].get("digest", "")},
        data=old["data"],
        licences=tuple(old["licences"]),
        scores=old["scores"],
        code_version=old["code_version"],
        variables=old["variables"],
        normaliser=old["normaliser"],
        files=files,
    )


def main(
    old: Annotated[Path, typer.Argument(help="Folder of the old checkpoint.")],
    new: Annotated[Path, typer.Argument(help="Folder of the new one; must not exist.")],
) -> None:
    """Move a checkpoint of format 1 to today's format."""
    data = json.loads((old / "card.json").read_text(encoding="utf-8"))
    if data.get("format") != 1:
        raise SystemExit(f"{old}: format {data.get('format')}, nothing to move")
    target, categorical = data["inputs"]["target"], bool(data["inputs"]["classes"])
    weights = moved_weights(load_file(str(old / "model.safetensors")), target, categorical)
    content, name = save(weights), "model.safetensors"
    card = moved_card(data, {name: hashlib.sha256(content).hexdigest()})
    text = json.dumps(card.to_dict(), indent=1, sort_keys=True, allow_nan=False)
    new.mkdir(parents=True)
    (new / name).write_bytes(content)
    (new / "card.json").write_text(text + "\n", encoding="utf-8")
    print(f"moved: {new}")


if __name__ == "__main__":
    typer.run(main)
