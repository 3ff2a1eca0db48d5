"""Fixtures shared by all tests: where the real products lie, if they are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
