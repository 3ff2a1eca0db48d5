"""What importing a room brings along: the core must not wait for networks, plots or rasters."""

from __future__ import annotations

import subprocess
import sys

import pytest

NETWORKS = {"torch", "lightning_fabric", "safetensors", "tensorboard"}
NEVER = {"torchvision", "timm", "segmentation_models_pytorch", "terratorch", "transformers"}
PICTURES = {"matplotlib"}
HEAVY = {"numba", "rasterio", "netCDF4", "dask", "xarray", "pandas"}

LIGHT = NETWORKS | NEVER | PICTURES | HEAVY
CASES = {
    "ai4land": LIGHT,
    "ai4land.errors": LIGHT | {"numpy"},
    "ai4land.vocabulary": LIGHT | {"numpy"},
    "ai4land.grid": LIGHT,
    "ai4land.metrics": LIGHT,
    "ai4land.cube": LIGHT,
    "ai4land.cli": LIGHT | {"numpy"},
    "ai4land.evaluation": LIGHT | {"numpy"},
    "ai4land.experiments": LIGHT | {"numpy"},
    "ai4land.report": LIGHT | {"numpy"},
    "ai4land.sources": NETWORKS | NEVER | PICTURES,
    "ai4land.recipes": NETWORKS | NEVER | PICTURES,
    "ai4land.download": NETWORKS | NEVER | PICTURES,
    "ai4land.allocation": NETWORKS | NEVER | PICTURES,
    "ai4land.regrid": NETWORKS | NEVER | PICTURES,
    "ai4land.models": LIGHT,
    "ai4land.samples": LIGHT,
    "ai4land.checkpoint": LIGHT,
    "ai4land.rollout": LIGHT,
    "ai4land.product": LIGHT,
    "ai4land.evaluation.evaluation": NETWORKS | NEVER | PICTURES,
    "ai4land.cli.commands.reconstruct": NETWORKS | NEVER | PICTURES,
    "ai4land.training": NEVER | PICTURES,
    "ai4land.report.tables.experiments": NETWORKS | NEVER | PICTURES,
    "ai4land.report.page": NEVER | PICTURES,
}


def loaded_by(statement: str) -> set[str]:
    """Top-level names of all modules that are loaded after a statement, in a fresh interpreter."""
    code = f"{statement}\nimport sys\nprint(' '.join({{m.partition('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", CASES)
def test_importing_a_room_stays_light(module: str) -> None:
    found = loaded_by(f"import {module}") & CASES[module]
    assert not found, f"importing {module} loads {sorted(found)}"


def test_scoring_three_rasters_needs_no_network() -> None:
    found = loaded_by(
        "import ai4land.evaluation as e, ai4land.report as r, ai4land.cli.commands.score; "
        "e.score_raster_files, e.Weighting, r.raster_tables, r.to_markdown"
    )
    assert not found & (NETWORKS | PICTURES)
