"""What the checkers of others say of a product; ``make checkers`` installs them, no network needed.

- compliance-checker (cf:1.11, acdd) and cf-checker on every NetCDF file,
- ``rio cogeo validate`` on every GeoTIFF,
- the JSON schemas of STAC 1.1 and of its extensions on the catalogue.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from product_runs import files_of

CFCHECKER_TABLES = {
    "area-types": "<area_type_table><version_number>0</version_number><date>0</date>{}"
    "</area_type_table>",
    "regions": "<standard_region_list><version_number>0</version_number><date>0</date>{}"
    "</standard_region_list>",
}
"""cf-checker wants all three of its tables, or it asks the network."""

NAMELESS = [
    (f'variable "land_use_{rank}_probability" missing the following attributes:', ["standard_name"])
    for rank in ("first", "second")
]
"""Of the option ``top_two``: CF has no standard name for the probability of a class."""


def program(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def test_compliance_checker_finds_nothing(product: Path, tmp_path: Path) -> None:
    pytest.importorskip("compliance_checker", reason="pip install 'ai4land[checkers]'")
    files = files_of(product, ".nc")
    assert len(files) == 4
    out = tmp_path / "found.json"
    options = ("-t", "cf:1.11", "-t", "acdd", "-c", "normal", "-f", "json_new", "-o", str(out))
    call = [program("compliance-checker"), *options, *map(str, files)]
    subprocess.run(call, capture_output=True, check=False)  # it fails by its report, not its code
    reports = json.loads(out.read_text())
    assert len(reports) == len(files)
    for path, report in reports.items():
        assert set(report) == {"cf:1.11", "acdd"}, path
        for name, said in report.items():
            kinds = ("high_priorities", "medium_priorities")
            found = [(c["name"], c["msgs"]) for kind in kinds for c in said[kind] if c["msgs"]]
            expected = NAMELESS if name == "acdd" and "_fractions_" not in path else []
            assert found == expected, path
            assert said["scored_points"] > 50


def test_cf_checker_finds_nothing(product: Path, tmp_path: Path) -> None:
    """But that it knows CF 1.8 at most: it does not take 1.11 for a version of the conventions."""
    pytest.importorskip("cfchecker", reason="pip install 'ai4land[checkers]'")
    try:
        import cfunits  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"cf-checker needs the system's library udunits2: {error}")
    spec = find_spec("compliance_checker")
    assert spec is not None
    assert spec.origin is not None
    names = Path(spec.origin).parent / "data" / "cf-standard-name-table.xml"
    for name, text in CFCHECKER_TABLES.items():
        (tmp_path / f"{name}.xml").write_text(text.format('<entry id="land"/>'))
    tables = ("-s", names, "-a", tmp_path / "area-types.xml", "-r", tmp_path / "regions.xml")
    for path in files_of(product, ".nc"):
        call = [program("cfchecks"), "-v", "1.8", *map(str, tables), str(path)]
        done = subprocess.run(call, capture_output=True, text=True, check=False, env=os.environ)
        said = [x for x in done.stdout.splitlines() if x.startswith(("ERROR:", "WARN:"))]
        assert said == [
            "ERROR: (2.6.1): This netCDF file does not appear to contain CF Convention data."
        ], done.stdout + done.stderr


def test_geotiffs_are_valid_and_optimized(
    product: Path, large: tuple[Path, npt.NDArray[np.uint8]]
) -> None:
    cogeo = pytest.importorskip("rio_cogeo", reason="pip install 'ai4land[checkers]'")
    for path in (*files_of(product, ".tif"), large[0]):
        valid, errors, warnings = cogeo.cog_validate(str(path), strict=True, quiet=True)
        assert (valid, errors, warnings) == (True, [], []), path


def test_the_catalogue_fits_the_schemas_of_stac(product: Path, realdata: Path) -> None:
    """Those of the extensions as their authors publish them; of ``file`` only that it is named."""
    validation = pytest.importorskip("pystac.validation", reason="pip install 'ai4land[checkers]'")
    pytest.importorskip("jsonschema", reason="pip install 'ai4land[checkers]'")
    schemas = [json.loads(p.read_text()) for p in (realdata / "schemas").glob("stac-*.json")]
    assert len(schemas) >= 4
    found: dict[str, Any] = {one["$id"].rstrip("#"): one for one in schemas}
    proj = Path(rasterio.__file__).parent / "proj_data" / "projjson.schema.json"
    found["https://proj.org/schemas/v0.7/projjson.schema.json"] = json.loads(proj.read_text())
    draft = {"$schema": "http://json-schema.org/draft-07/schema#"}
    found["https://stac-extensions.github.io/file/v2.1.0/schema.json"] = draft
    validator = validation.JsonSchemaSTACValidator()
    validator.schema_cache.update(found)
    validation.RegisteredValidator.set_validator(validator)
    files = [*files_of(product, "catalog.json"), *files_of(product, "collection.json")]
    files += files_of(product / "past" / "stac", ".json")
    assert len(files) == 5
    for path in files:
        said = json.loads(path.read_text())
        assert len(validation.validate_dict(said)) == 1 + len(said.get("stac_extensions", ()))
