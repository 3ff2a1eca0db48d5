"""The first page, the citation, and the notice that stands in every file."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from product_runs import METADATA, NOTICE, YEARS

from ai4land.cube import Cube
from ai4land.errors import ConfigError, CubeError
from ai4land.product import Maps, Metadata, load_metadata, write_product
from tiny_cubes import LANDUSE8


def test_the_page_says_what_the_run_says(product: Path) -> None:
    text = (product / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {NOTICE}: Tiny: 2010 → 2012 by model\n\n> **{NOTICE}**\n")
    assert "3 years: 1 observed, 2 predicted" in text
    assert "decision faithful" in text
    assert "co2 says nothing of some years: held 2012." in text
    assert "land_use_gross_transitions: upper bound." in text
    assert "does not hold: 60 pixels in 2012, the worst year" in text
    assert "| HILDA+ | v1 | CC BY 4.0 | not stated |" in text
    assert "| LUH2 | v2h | not stated | Hurtt et al. 2020 |" in text
    assert text.count("| HILDA+ ") == 1, "a product is named once, however many files it has"
    for one in LANDUSE8.classes:
        assert f"| {one.code} | {one.name} | `{one.colour}` |" in text
    for kind, number in {"netcdf": 3, "cog": 3, "classes": 24, "fractions": 1, "stac": 3}.items():
        (line,) = [line for line in text.splitlines() if f"`past/{kind}/`" in line]
        assert f"| {number} |" in line


def test_what_the_page_tells_to_type_works(
    product: Path, run: Cube, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (product / "README.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(product)
    exec(code.replace(f'"{run.path.name}"', repr(str(run.path))), {})


def test_the_citation_file(product: Path) -> None:
    said = yaml.safe_load((product / "CITATION.cff").read_text(encoding="utf-8"))
    assert said["cff-version"] == "1.2.0"
    assert said["title"].startswith(NOTICE)
    assert said["authors"] == [
        {
            "given-names": "Ada",
            "family-names": "Lovelace",
            "affiliation": "Analytical Engines",
        }
    ]
    assert said["license"] == "CC-BY-4.0"
    assert [one["title"] for one in said["references"]] == ["HILDA+ v1", "LUH2 v2h"]
    assert set(said) >= {"message", "authors", "title", "cff-version"}, "what the format requires"


def test_the_notice_stands_in_every_file(product: Path) -> None:
    for path in product.rglob("*"):
        if path.is_file() and path.name != "files.jsonl":
            assert NOTICE.encode() in path.read_bytes(), path


def test_what_nobody_said_is_said_to_be_unknown(tmp_path: Path, run: Cube) -> None:
    write_product({"past": run}, tmp_path, formats=["stac"])
    said = yaml.safe_load((tmp_path / "CITATION.cff").read_text(encoding="utf-8"))
    assert said["authors"] == [{"name": "not stated"}]
    assert "license" not in said
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "not stated for this product; made from HILDA+ CC BY 4.0." in text
    assert NOTICE not in text


def test_metadata_is_strict(tmp_path: Path) -> None:
    path = tmp_path / "product.yaml"
    path.write_text("name: tiny\nlicense: MIT\n")
    with pytest.raises(ConfigError, match=r"(?s)line 2: license.*did you mean 'licence'"):
        load_metadata(path)
    path.write_text("creator: {name: A, mail: b}\n")
    with pytest.raises(ConfigError, match=r"(?s)Unknown key.*mail"):
        load_metadata(path)
    path.write_text("name: 'a b/c'\n")
    with pytest.raises(ConfigError, match="does not fit"):
        load_metadata(path)
    path.write_text("name: tiny\ndate: 2026-01-02\npublisher: {name: B}\n")
    found = load_metadata(path)
    assert found.date is not None
    assert (found.published_by.name, found.creator.name) == ("B", "not stated")
    assert load_metadata(None) == Metadata()
    assert METADATA.published_by == METADATA.creator


def test_a_code_without_a_class_is_loud(run: Cube, monkeypatch: pytest.MonkeyPatch) -> None:
    maps = Maps("past", run, "land_use", YEARS)
    codes = run.read("land_use", 2011).copy()
    codes[7, 9] = 99
    monkeypatch.setattr(Cube, "read", lambda *_: codes)
    with pytest.raises(CubeError, match=r"(?s)legend does not know.*2011, row 7, column 9.*99"):
        maps.read(2011, run.grid("land_use").window)
