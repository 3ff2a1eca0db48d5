"""Whether an installed package has all that a checkout has."""

from __future__ import annotations

from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[1]


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
