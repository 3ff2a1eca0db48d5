"""Fixtures shared by all tests: where the real products lie, and a tiny cube."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run in several processes

import pytest

from ai4land.cube import Cube
from tiny_cubes import write_land_cube

_SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Folder of real product files; skips where it is absent."""
    folder = Path(os.environ.get("AI4LAND_REALDATA", _SHARED / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set AI4LAND_REALDATA to its folder")
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of golden metric cases; skips where it is absent."""
    folder = Path(os.environ.get("AI4LAND_GOLDEN", _SHARED / "golden"))
    if not folder.is_dir():
        pytest.skip(f"no golden cases at {folder}; set AI4LAND_GOLDEN to their folder")
    return folder


@pytest.fixture(scope="session")
def tiny_cube(tmp_path_factory: pytest.TempPathFactory) -> Cube:
    """A finished cube of 40 × 48 pixels and twelve years, see ``tiny_cubes``; read it only."""
    return write_land_cube(tmp_path_factory.mktemp("tiny") / "cube.zarr")
