"""What a cube, a checkpoint, a run or a recipe is, for people and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai4land.cube import Cube, GroupSpec, Status, VariableSpec, evidence
from ai4land.errors import CubeError
from ai4land.recipes import BYTES_PER_SECOND, Report, VariableReport, check_recipe, load_recipe
from ai4land.report.tables.table import Table, duration, size

__all__ = ["Description", "bias_table", "describe", "recipe_table", "sources_table"]


@dataclass(frozen=True, eq=False)
class Description:
    """What a path holds.

    Attributes:
        kind: ``cube``, ``reconstruction``, ``checkpoint`` or ``recipe``.
        title: One line on it.
        data: All of it as plain JSON data.
        tables: The same for people.
    """

    kind: str
    title: str
    data: Mapping[str, Any]
    tables: tuple[Table, ...]


def describe(path: Path) -> Description:
    """Say what a cube, a reconstruction or a recipe is.

    Raises:
        MissingFileError: If there is none.
    """
    return _recipe(path) if path.suffix in {".yaml", ".yml"} else _cube(path)


def _recipe(path: Path) -> Description:
    recipe = load_recipe(path)
    report = check_recipe(recipe)
    return Description(
        "recipe",
        recipe.title,
        {"kind": "recipe", "recipe": recipe.resolved(), "problems": list(report.problems)},
        (recipe_table(report),) if report.variables else (),
    )


def recipe_table(report: Report) -> Table:
    """What a recipe will give, variable by variable."""
    rows = tuple(
        (
            v.name,
            v.source,
            v.group.name,
            "static" if v.available is None else v.group.clock.span(v.available),
            str(len(v.status)) if v.status else "–",
            _outside(v),
            str(len(v.gaps) or "–"),
            f"{v.coverage:.0%}",
            v.method or "–",
            size(v.size),
        )
        for v in report.variables
    )
    heads = (
        *("variable", "source", "group", "has", "times", "outside", "gaps", "covers"),
        *("resample", "size"),
    )
    optional = {"outside", "gaps", "resample"}
    kept = [
        i for i, head in enumerate(heads) if head not in optional or any(r[i] != "–" for r in rows)
    ]
    note = (
        f"{size(report.size)} before compression; a worker holds one block of at most "
        f"{size(report.block)} and what it is made of. About {duration(report.seconds)} in one "
        f"process: an estimate from {BYTES_PER_SECOND / 1e6:.0f} MB/s of values read and written "
        "(benchmarks/build_speed.py), without the hashing of the files. "
        "Has: the times of the product. Gaps: times missing inside its series."
    )
    shown = tuple(tuple(row[i] for i in kept) for row in rows)
    return Table(report.title, tuple(heads[i] for i in kept), shown, note, numeric=False)


def _outside(variable: VariableReport) -> str:
    parts = []
    for name, times in (("held", variable.held), ("dropped", variable.dropped)):
        if times:
            said = variable.group.clock.stretches(times)
            parts.append(f"{name} {', '.join(said[:2])}{' …' if len(said) > 2 else ''}")
    return "; ".join(parts) or "–"


def bias_table(notes: Mapping[str, Any]) -> Table | None:
    """What resampling without conservation changed, variable by variable; ``None`` if nothing."""
    rows = []
    for name, note in notes.items():
        bias = note.get("area_bias") if isinstance(note, Mapping) else None
        if not bias:
            continue
        change: Mapping[str, float] = bias.get("relative_change") or bias.get("change_of_mean", {})
        worst = sorted(change.items(), key=lambda item: -abs(item[1]))[:3]
        percent = "relative_change" in bias
        said = ", ".join(f"{k} {v:+.2%}" if percent else f"{k} {v:+.3g}" for k, v in worst)
        rows.append((name, str(bias["method"]), str(bias["time"] or "static"), said or "–"))
    if not rows:
        return None
    note = (
        "Change of the area of a class, or of the mean of a number, against conservative "
        "regridding, largest first; estimated on one time in the middle of the grid."
    )
    heads = ("variable", "method", "time", "bias")
    return Table("Resampled", heads, tuple(rows), note, numeric=False)


def _cube(path: Path) -> Description:
    cube = Cube(path, allow_incomplete=True)
    finished = _finished(path)
    attributes = cube.attributes
    kind = "reconstruction" if "stepper" in attributes else "cube"
    rows, data = [], []
    for group in cube.spec.groups:
        for spec in group.variables:
            status = _status(cube, spec.name) if finished else {}
            size_now = _size_on_disk(path / group.name / spec.name)
            rows.append(
                (
                    spec.name,
                    group.name,
                    f"{group.grid.height} × {group.grid.width} of {float(group.grid.dx):.4g}°",
                    _years(group),
                    ", ".join(status) or "–",
                    ", ".join(spec.components) if len(spec.components) < 3 else _layers(spec),
                    size(size_now),
                )
            )
            data.append(
                {
                    "name": spec.name,
                    "group": group.name,
                    "grid": group.grid.to_dict(),
                    "clock": group.clock.value,
                    "ticks": list(group.ticks),
                    "status": status,
                    "legend": None if spec.legend is None else spec.legend.name,
                    "components": list(spec.components),
                    "units": spec.variable.units,
                    "source": spec.source,
                    "bytes": size_now,
                }
            )
    heads = ("variable", "group", "grid", "years", "status", "layers", "size")
    first = cube.spec.groups[0].grid
    note = f"{first.describe()}." + ("" if finished else " NOT FINISHED.")
    title = str(attributes.get("title", path.name))
    tables = [Table("Variables", heads, tuple(rows), note, numeric=False)]
    bias = bias_table(attributes.get("notes", {}))
    tables += [bias] if bias else []
    known = evidence(cube)
    if known:
        rows_known = tuple(known.items())
        tables.append(Table("What it is worth", ("variable", ""), rows_known, numeric=False))
    if kind == "reconstruction":
        tables.append(_made_by(attributes))
    provenance = list(attributes.get("provenance", []))
    tables += [sources_table(provenance)] if provenance else []
    everything = {"kind": kind, "finished": finished, "variables": data}
    return Description(kind, title, {**everything, "attributes": dict(attributes)}, tuple(tables))


def _finished(path: Path) -> bool:
    try:
        Cube(path)
    except CubeError:
        return False
    return True


def _status(cube: Cube, name: str) -> dict[str, list[int]]:
    """Status → the times that have it."""
    found: dict[str, list[int]] = {}
    for tick, status in cube.status(name).items():
        found.setdefault(Status(status).name.lower(), []).append(tick)
    return found


def _years(group: GroupSpec) -> str:
    if not group.ticks:
        return "static"
    label = group.clock.label
    return f"{label(group.ticks[0])}…{label(group.ticks[-1])} ({len(group.ticks)})"


def _layers(spec: VariableSpec) -> str:
    return f"{spec.components[0]} … {spec.components[-1]} ({spec.layers})"


def _size_on_disk(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _made_by(attributes: Mapping[str, Any]) -> Table:
    rows = [("stepper", str(attributes["stepper"]))]
    rows += [(key.replace("_", " "), str(value)) for key, value in attributes["options"].items()]
    checkpoint = attributes.get("checkpoint")
    if checkpoint:
        rows += [(f"SHA-256 of {name}", digest) for name, digest in checkpoint["files"].items()]
        rows.append(("trained on", str(checkpoint["card"]["data"].get("title", ""))))
    return Table("Made by", ("", ""), tuple(rows), numeric=False)


def sources_table(provenance: Sequence[Mapping[str, Any]]) -> Table:
    """Products behind a cube, files of one product counted together."""
    products: dict[tuple[str, str, str, str], list[str]] = {}
    for file in provenance:
        keys = ("product", "version", "licence", "citation")
        one, two, three, four = (str(file.get(key, "unknown")) for key in keys)
        products.setdefault((one, two, three, four), []).append(str(file.get("name", "?")))
    rows = tuple(
        (product, version, licence, _files(names), citation)
        for (product, version, licence, citation), names in products.items()
    )
    return Table("Sources", ("product", "version", "licence", "files", "cite"), rows, numeric=False)


def _files(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} files, {names[0]} …"
