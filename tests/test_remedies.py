"""What an error says to do exists: options, sources, commands and extras that remedies name."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import click
import pytest
from pydantic import TypeAdapter, ValidationError
from rasterio.rio.main import main_group
from typer.main import get_command

import ai4land
from ai4land.cli.app import build_app
from ai4land.recipes import VariableRecipe
from ai4land.sources.products import SOURCES

ROOT = Path(ai4land.__file__).parent
ROOMS = ("sources", "formats", "recipes", "download", "cube", "cli")
PROGRAMS = {  # of others, not installed
    *("gdalwarp", "gdalbuildvrt", "ogr2ogr", "ogrinfo"),
    *("nccopy", "ncks", "ncpdq", "ncrename", "cdo", "grib_copy"),
}
WORDS = {
    *("by_hour_of_day", "monthly_averaged_reanalysis", "ocd", "mode", "null"),
    *("_FillValue", "bounds", "proleptic_gregorian"),
}
"""What is no name of ours: of downloads, layers, methods, attributes and YAML."""


def remedies() -> Iterator[tuple[str, str]]:
    """Place and text of each remedy; holes of a text are ``…``."""
    for path in sorted(p for room in ROOMS for p in (ROOT / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = {f.name: f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef)}
        for call in (c for c in ast.walk(tree) if isinstance(c, ast.Call)):
            for keyword in (k for k in call.keywords if k.arg == "remedy"):
                for text in _texts(keyword.value, functions):
                    yield f"{path.relative_to(ROOT)}:{keyword.value.lineno}", text
        for named in (a for a in ast.walk(tree) if isinstance(a, ast.Assign)):
            if any(isinstance(t, ast.Name) and t.id == "remedy" for t in named.targets):
                for text in _texts(named.value, functions):
                    yield f"{path.relative_to(ROOT)}:{named.lineno}", text


def _texts(node: ast.expr, functions: dict[str, ast.FunctionDef]) -> Iterator[str]:
    """Every text that an expression may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body, functions)
        yield from _texts(node.orelse, functions)
    elif isinstance(node, ast.BoolOp):
        for part in node.values:
            yield from _texts(part, functions)
    elif isinstance(node, ast.BinOp):
        for left in _texts(node.left, functions):
            yield from (left + right for right in _texts(node.right, functions))
    elif isinstance(node, ast.Call):
        name = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        for found in ast.walk(functions[name]) if name in functions else ():
            if isinstance(found, ast.Return) and found.value is not None:
                yield from _texts(found.value, {})


@cache
def commands() -> dict[str, set[str]]:
    """Command → its options."""
    group = get_command(build_app())
    assert isinstance(group, click.Group) or hasattr(group, "list_commands")
    context = click.Context(group)  # type: ignore[arg-type]
    found = {}
    for name in group.list_commands(context):  # type: ignore[attr-defined]
        command = group.get_command(context, name).make_context(name, [], resilient_parsing=True)  # type: ignore[attr-defined]
        found[name] = {o for p in command.command.params for o in (*p.opts, *p.secondary_opts)}
    return found


@cache
def options() -> dict[str, list[object]]:
    """Key of a recipe's entry or of its options → the types that it has."""
    found: dict[str, list[object]] = {}
    for model in (VariableRecipe, *(reader.options for reader in SOURCES.values())):
        for name, entry in model.model_fields.items():
            found.setdefault(name, []).append(entry.rebuild_annotation())
    return found


@cache
def values() -> set[str]:
    """Words that some option takes."""

    def literal(kind: object) -> Iterator[str]:
        for one in get_args(kind):
            if isinstance(one, str):
                yield one
            else:
                yield from literal(one)

    return {word for kinds in options().values() for kind in kinds for word in literal(kind)}


def _takes(kind: object, written: str) -> bool:
    value: object = {"true": True, "false": False}.get(written, written)
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


def _known(said: str) -> bool:
    """Whether what stands between backticks exists."""
    head, _, rest = said.partition(" ")
    if head in PROGRAMS:
        return True
    if head == "dask":
        return rest in {"scheduler", "worker"}
    if head == "rio":
        command = main_group.commands[rest.split()[0]]
        taken = {o for parameter in command.params for o in parameter.opts}
        return {word for word in rest.split() if word.startswith("--")} <= taken
    if head == "ai4land" or said.startswith(("ai4land[", "pip install ai4land[")):
        return "[" in said or rest == "--help" or rest.split()[0] in {*commands(), "…"}
    if said.startswith("--"):
        return any(head in taken for taken in commands().values())
    key, colon, value = said.partition(": ")
    if colon:
        kinds = options().get(key, [])
        taken = value in {"…", "<class>"} or any(_takes(kind, value) for kind in kinds)
        return key == "…" or (bool(kinds) and taken)
    return said in {*options(), *SOURCES, *values(), *WORDS, "…"}


def test_there_are_remedies_to_look_at() -> None:
    assert len(list(remedies())) > 100


@pytest.mark.parametrize(("place", "text"), [pytest.param(*r, id=r[0]) for r in remedies()])
def test_what_a_remedy_names_exists(place: str, text: str) -> None:
    unknown = [said for said in re.findall(r"`([^`]+)`", text) if not _known(said)]
    assert not unknown, f"{place}: {text}"
    for said in re.findall(r"option (\w+)", text):
        assert said in options(), f"{place}: {text}"
    for said in re.findall(r"(?<![\w`])--[a-z-]+", re.sub(r"`[^`]+`", "", text)):
        assert any(said in taken for taken in commands().values()), f"{place}: {text}"
    for said in re.findall(r"ai4land (\w+)", text):
        assert said in commands(), f"{place}: {text}"
    extras = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text())["project"]
    for said in re.findall(r"ai4land\[(\w+)\]", text):
        assert said in extras["optional-dependencies"], f"{place}: {text}"
