"""``ai4land compare``: a dry run begins nothing, a run makes tables, tables need no data."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from program_calls import Call

PLAN = {
    "title": "toys",
    "cases": {"ahead": {"experiment": "toy.yaml", "from": 2008, "to": 2009}},
    "arms": {"plain": {}},
    "runs": [{"arms": ["plain"], "cases": ["ahead"]}],
    "decisions": ["likely"],
    "curve": [],
}


@pytest.fixture
def plan(experiment: Path, tmp_path: Path) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(PLAN, sort_keys=False), encoding="utf-8")
    shutil.copy(experiment, tmp_path / "toy.yaml")
    return path


def test_a_comparison_from_plan_to_tables(call: Call, plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said, err = call("compare", plan, "--out", out, "--dry")
    assert (code, err) == (0, "")
    assert "ahead/whole/plain/seed0" in said
    assert "to train" in said
    assert not out.exists()
    assert not plan.with_suffix(".ledger.json").exists()

    code, said, err = call("compare", plan, "--out", out)
    assert code == 0, err
    assert "training ahead/whole/plain/seed0" in err
    assert "ahead: change until 2009" in said
    assert "plain, likely" in said
    assert (out / "ahead/whole/plain/seed0/checkpoint/card.json").exists()
    tables = (out / "compare.md").read_text(encoding="utf-8")
    assert "ahead: calibration" in tables
    assert (out / "compare.png").exists()

    (tmp_path / "toy.yaml").unlink()  # neither experiment, data nor checkpoint
    shutil.rmtree(out)
    code, again, err = call("compare", plan, "--out", out, "--only", "tables")
    assert (code, err) == (0, "")
    assert again in said
    assert (out / "compare.md").read_text(encoding="utf-8") == tables


def test_a_plan_that_has_run_nothing_says_so(call: Call, plan: Path, tmp_path: Path) -> None:
    code, said, err = call("compare", plan, "--out", tmp_path / "out", "--only", "tables")
    assert code == 0
    assert "Not run" in said
    assert "holds no score" in err
