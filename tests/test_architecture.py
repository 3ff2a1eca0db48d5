"""The house rules: rooms import downwards only, nothing grows too large, heavy things stay out."""

from __future__ import annotations

import ast
import importlib
import inspect
import statistics
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import ai4land

ROOT = Path(ai4land.__file__).parent
PACKAGE = "ai4land"

FLOORS = {
    "errors": 0,
    "vocabulary": 0,
    "grid": 1,
    "models": 1,
    "workers": 1,
    "regrid": 2,
    "allocation": 2,
    "cube": 2,
    "metrics": 2,
    "formats": 2,
    "sources": 3,
    "samples": 3,
    "checkpoint": 3,
    "recipes": 4,
    "download": 4,
    "rollout": 4,
    "training": 5,
    "product": 5,
    "evaluation": 5,
    "experiments": 6,
    "emulator": 6,
    "report": 7,
    "serve": 7,
    "cli": 8,
}
TESTING = "testing"
FOUNDATIONS = {("vocabulary", "errors")}  # floor 0 is two rooms, one of which is only words

SUB_ROOMS = {"models.networks"}  # rooms within a room, with a door of their own
TORCH_FOLDERS = {"models/networks", "training/networks"}  # nobody else knows what a tensor is
TORCH = {"torch", "lightning_fabric", "safetensors"}
FORBIDDEN = {"torchvision", "timm", "segmentation_models_pytorch", "terratorch", "transformers"}
NAMES_TO_AVOID = {"utils", "util", "helpers", "helper", "manager", "common", "misc", "base2"}

MODULE_LINES, FUNCTION_LINES, ARGUMENTS, MEDIAN_LINES = 500, 80, 8, 200
FOLDER_MODULES = 15  # beside ``__init__``; what is larger has sub-folders
LARGE_FOLDERS: set[str] = set()  # not yet divided; this list only gets shorter


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    """Dotted names that a tree imports; for ``from a.b import c`` it is ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), node


def rooms_imported(path: Path) -> Iterator[tuple[str, str]]:
    """Other rooms that a module imports, and the dotted name by which it does."""
    for name, _ in imports(tree_of(path)):
        parts = name.split(".")
        if parts[0] == PACKAGE and len(parts) > 1 and parts[1] != room_of(path):
            yield parts[1], name


parametrised = pytest.mark.parametrize("path", modules(), ids=label)


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in modules()} - {"__init__", TESTING}
    assert rooms <= set(FLOORS), f"rooms without a floor: {sorted(rooms - set(FLOORS))}"


@parametrised
def test_rooms_import_lower_floors_only(path: Path) -> None:
    own = room_of(path)
    for other, name in rooms_imported(path):
        if own == TESTING or (own, other) in FOUNDATIONS:
            continue
        if other == TESTING:
            assert own == "cli", f"{label(path)} imports {name}: only the demonstration may"
            continue
        assert FLOORS[other] < FLOORS[own], f"{label(path)} imports {name} from its own floor or up"


@parametrised
def test_other_rooms_are_entered_by_the_door(path: Path) -> None:
    doors = {f"{PACKAGE}.{room}" for room in SUB_ROOMS}
    for other, name in rooms_imported(path):
        assert name in {f"{PACKAGE}.{other}", *doors}, f"{label(path)} reaches into {name}"


@parametrised
def test_nobody_imports_the_root_or_relatively(path: Path) -> None:
    for name, node in imports(tree_of(path)):
        assert not name.startswith("."), f"{label(path)}:{node.lineno} imports relatively"
        assert name != PACKAGE, f"{label(path)}:{node.lineno} imports the package root"


@parametrised
def test_no_internal_import_inside_a_function(path: Path) -> None:
    for function in ast.walk(tree_of(path)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for name, node in imports(function):
                inside = name.split(".")[0] == PACKAGE
                assert not inside, f"{label(path)}:{node.lineno} imports {name} in a function"


@parametrised
def test_torch_stays_in_its_rooms(path: Path) -> None:
    for name, node in imports(tree_of(path)):
        top = name.split(".")[0]
        assert top not in FORBIDDEN, f"{label(path)}:{node.lineno} imports {name}"
        if not any(path.is_relative_to(ROOT / folder) for folder in TORCH_FOLDERS):
            brings = top in TORCH or name in {f"{PACKAGE}.{room}" for room in SUB_ROOMS}
            assert not brings, f"{label(path)}:{node.lineno} imports {name}, which needs torch"


@parametrised
def test_budgets(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MODULE_LINES, f"{label(path)} has {lines} lines"
    for node in ast.walk(tree_of(path)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        where = f"{label(path)}:{node.lineno} {node.name}"
        assert length <= FUNCTION_LINES, f"{where} has {length} lines"
        if node.name == "__init__":
            count = len(node.args.args) + len(node.args.kwonlyargs) - 1
            assert count <= ARGUMENTS, f"{where} takes {count} arguments"


def test_modules_are_small_on_the_whole() -> None:
    sizes = [path.read_text(encoding="utf-8").count("\n") for path in modules()]
    assert statistics.median(sizes) <= MEDIAN_LINES


def test_large_folders_are_divided() -> None:
    sizes = Counter(path.parent for path in modules() if path.name != "__init__.py")
    large = {label(folder) for folder, count in sizes.items() if count > FOLDER_MODULES}
    assert large <= LARGE_FOLDERS, f"more than {FOLDER_MODULES} modules in {large - LARGE_FOLDERS}"
    assert large == LARGE_FOLDERS, f"divided by now, so no exception: {LARGE_FOLDERS - large}"


@parametrised
def test_names_say_what_is_inside(path: Path) -> None:
    parts = {part.removesuffix(".py").strip("_") for part in path.relative_to(ROOT).parts}
    assert not parts & NAMES_TO_AVOID, f"{label(path)} is named after nothing"


def test_no_import_cycles() -> None:
    known = {_dotted(path): path for path in modules()}
    graph = {
        name: {target for target in _targets(path, known) if target != name}
        for name, path in known.items()
    }
    done: set[str] = set()
    for start in graph:
        _visit(start, graph, [], done)


def _dotted(path: Path) -> str:
    parts = [PACKAGE, *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _targets(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Modules imported when a module is loaded; what only type checkers see does not count."""
    for node in _loaded(tree_of(path)):
        for name, statement in imports(node):
            if name in known:
                yield name
            if isinstance(statement, ast.ImportFrom):
                yield from (full for a in statement.names if (full := f"{name}.{a.name}") in known)


def _loaded(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        checking = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if isinstance(node, ast.Import | ast.ImportFrom) and not checking:
            yield node


def _visit(name: str, graph: dict[str, set[str]], trail: list[str], done: set[str]) -> None:
    assert name not in trail, f"import cycle: {' → '.join([*trail[trail.index(name) :], name])}"
    if name in done:
        return
    for target in sorted(graph[name]):
        _visit(target, graph, [*trail, name], done)
    done.add(name)


def test_folders_that_may_know_torch_are_there() -> None:
    for folder in TORCH_FOLDERS:
        assert (ROOT / folder / "__init__.py").exists()


@pytest.mark.parametrize("room", sorted({room_of(p) for p in modules()} - {"__init__"} | SUB_ROOMS))
def test_public_names_are_documented(room: str) -> None:
    module = importlib.import_module(f"{PACKAGE}.{room}")
    assert inspect.getdoc(module), f"{room} does not say what it is"
    assert module.__all__, f"{room} has no public names"
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), f"{room}.{name} has no docstring"
