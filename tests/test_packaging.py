"""Whether an installed package has all that a checkout has."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
IMPORTED_AS = {"pyyaml": "yaml"}


def test_the_wheel_carries_every_file_of_the_package() -> None:
    carried = {
        Path(file.path).resolve(): file.distribution_path
        for file in WheelBuilder(str(ROOT)).recurse_included_files()
    }
    package = ROOT / "src" / "ai4land"
    held = {
        path: path.relative_to(ROOT / "src").as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert carried == held
    kinds = {Path(name).suffix for name in held.values()}
    assert {".py", ".typed", ".j2", ".css", ".js", ".json", ".yaml"} <= kinds


def imported_names() -> set[str]:
    """Top-level names that any module of the package imports, at whatever time."""
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found


def test_what_must_be_installed_is_imported() -> None:
    names = {re.split(r"[^\w-]", line)[0].lower() for line in PROJECT["dependencies"]}
    known = {name.lower() for name in imported_names()}
    assert not {name for name in names if IMPORTED_AS.get(name, name) not in known}


def test_an_extra_brings_something_of_its_own() -> None:
    extras = PROJECT["optional-dependencies"]
    empty = [name for name, lines in extras.items() if not lines]
    aliases = [
        name for name, lines in extras.items() if lines in [[f"ai4land[{e}]"] for e in extras]
    ]
    assert not empty + aliases
