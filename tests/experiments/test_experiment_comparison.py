"""A comparison is trained and scored once, resumed to the same ledger, and kept to its budget."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plans import small_plan, write_plan, write_plan_cube, write_states_cube

import ai4land.experiments.running as running
from ai4land.cube import Cube
from ai4land.errors import ConfigError
from ai4land.experiments import (
    CUT,
    Budget,
    Case,
    Ledger,
    Plan,
    Row,
    experiment_of,
    load_plan,
    open_scene,
    pools,
    run_plan,
    survey,
    unscored,
)
from ai4land.metrics import three_maps
from ai4land.report import draw_experiments, experiment_tables, plan_table, to_markdown
from ai4land.rollout import Persistence, rollout
from ai4land.vocabulary import single_task

AHEAD: dict[str, Any] = {"experiment": "toy.yaml", "from": 2006, "to": 2008, "step": 2}
GRID: dict[str, Any] = {
    "cases": {
        "ahead": {"experiment": "toy.yaml", "from": 2006, "to": 2008, "step": 2, "folds": [0, 1]},
        "back": {"experiment": "toy.yaml", "from": 2006, "to": 2004, "folds": [0, 1]},
    },
    "runs": [
        {"arms": ["plain", "warier"], "cases": ["ahead"], "seeds": [0, 1]},
        {"arms": ["plain"], "cases": ["back"]},
    ],
    "curve": [1.0, 0.2],
}


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> Cube:
    return write_plan_cube(tmp_path_factory.mktemp("plan_cube") / "cube.zarr")


@pytest.fixture(scope="module")
def done(cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Path, Ledger]:
    """Two arms, two seeds and two folds ahead, one arm back on the same trainings."""
    folder = tmp_path_factory.mktemp("compared")
    plan = small_plan(folder, cube.path, **GRID)
    ledger = Ledger(folder / "ledger.json")
    standings = run_plan(plan, folder / "out", ledger)
    assert {(s.state, s.why) for s in standings} == {("scored", "")}
    return plan, folder, ledger


def lasting(path: Path) -> dict[str, Any]:
    """A ledger without what differs between two machines or days."""
    data = json.loads(path.read_text(encoding="utf-8"))
    for entry in data["trainings"].values():
        assert entry.pop("minutes") > 0.0
    for entry in data["scores"].values():
        for measured in ("memory", "pixels_a_second", "windows_a_second"):
            del entry["cost"][measured]
    return dict(data)


def test_every_run_is_scored_and_trainings_are_shared(done: tuple[Plan, Path, Ledger]) -> None:
    plan, _, ledger = done
    assert len(plan.all_runs()) == 10
    assert len(ledger.names("scores")) == 10
    assert len(ledger.names("trainings")) == 8, "back is scored with what ahead has trained"
    assert ledger.names("baselines") == ["ahead/fold0", "ahead/fold1", "back/fold0", "back/fold1"]
    assert unscored(plan, ledger) == []
    scores = ledger.scores("ahead/fold0/plain/seed0")
    assert set(scores.rows) == {"faithful", "likely", CUT, "sampled"}
    assert scores.ticks == (2008,)
    assert ledger.scores("back/fold1/plain/seed0").ticks == (2005, 2004)
    assert scores.cost["parameters"] > 0
    assert scores.cost["operations"] > 0
    assert [odds for odds, _ in scores.curve] == [1.0, 0.2]
    assert not ledger.scores("ahead/fold0/plain/seed1").curve, "drawn for the first seed alone"


def test_a_comparison_that_was_killed_comes_to_the_same_ledger(
    done: tuple[Plan, Path, Ledger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, folder, ledger = done
    batch = plan.runs[0].model_copy(update={"arms": ("warier",), "seeds": (1,)})
    once = plan.model_copy(update={"runs": (batch,)})
    path, calls = tmp_path / "ledger.json", []

    def killed(*args: object, **options: object) -> object:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return score(*args, **options)

    score = running.score_model
    monkeypatch.setattr(running, "score_model", killed)
    with pytest.raises(KeyboardInterrupt):
        run_plan(once, tmp_path / "out", Ledger(path))
    states = [s.state for s in survey(once, tmp_path / "out", Ledger(path))]
    assert states == ["scored", "to score"]
    monkeypatch.setattr(running, "score_model", score)
    said: list[str] = []
    run_plan(once, tmp_path / "out", Ledger(path), say=said.append)
    assert said == ["scoring ahead/fold1/warier/seed1"], "nothing is made twice"
    again, whole = lasting(path), lasting(ledger.path)
    for name, entry in again["scores"].items():
        other = whole["scores"][name]
        assert entry["rows"] == other["rows"]
        assert entry["probable"] == other["probable"]
    assert again["baselines"].items() <= whole["baselines"].items()
    assert path.read_text().count("\n") == 2 + 2 * 3 + 6 + 1, "a line for each of six entries"
    run_plan(plan, folder / "out", ledger, say=pytest.fail)  # all there: nobody begins anything


def test_sums_of_folds_and_seeds_are_those_of_one_piece(done: tuple[Plan, Path, Ledger]) -> None:
    plan, _, ledger = done
    baselines, plain, warier = pools(plan, ledger)[:3]
    assert (plain.arm, warier.arm, plain.seeds) == ("plain", "warier", [0, 1])
    for pool in (baselines, plain, warier):
        for name in pool.names:
            row = pool.row(name)
            assert row is not None
            last = row.sums.leads[-1]
            np.testing.assert_array_equal(row.blocks.total().counts, last.counts)
            assert row.sums.last.support.sum() == last.total
            assert row.sums.last.right.sum() == pytest.approx(last.accuracy * last.total)
    one = [plain.row("likely", seed) for seed in plain.seeds]
    both = plain.row("likely")
    assert both is not None
    assert None not in one
    total = sum(row.sums.leads[0].counts for row in one if row is not None)
    np.testing.assert_array_equal(both.sums.leads[0].counts, total)
    kernel, alone = plain.row("kernel"), baselines.row("kernel")
    assert kernel is not None
    assert alone is not None
    assert kernel.sums.leads[-1].total == 2 * alone.sums.leads[-1].total, "once for each seed"
    assert (baselines.unclosed("kernel"), plain.unclosed("faithful")) == (0.0, 0.0)
    assert baselines.unclosed("persistence") == pytest.approx(1.0, abs=0.2)
    sampled = plain.row("sampled")
    assert sampled is not None
    assert sampled.sums.leads[-1].total == 2 * both.sums.leads[-1].total, "two members"


def test_folds_and_buffers_hold_every_scored_pixel_once(
    cube: Cube, done: tuple[Plan, Path, Ledger]
) -> None:
    plan, _, _ = done
    runs = [
        run for run in plan.all_runs() if (run.case, run.arm, run.seed) == ("ahead", "plain", 0)
    ]
    scenes = [open_scene(experiment_of(plan, run), cube, (2006, 2007, 2008)) for run in runs]
    first, second = (scene.mask for scene in scenes)
    assert first.any()
    assert second.any()
    assert not (first & second).any()
    assert not (first[:, :5] | second[:, :5]).any(), "the sea"
    rows, _ = scenes[0].row(
        rollout(
            Persistence(single_task(scenes[0].labels.target), scenes[0].labels.grid),
            scenes[0].initial,
            (2007, 2008),
        )
    )
    before, after = scenes[0].before, scenes[0].labels.at(2008)
    tables = three_maps(before, after, before, 8, mask=first & (after != 255))
    assert rows.sums.leads[-1].accuracy == pytest.approx(tables.correct_rejections / tables.total)
    assert rows.sums.leads[-1].gain == pytest.approx(0.0)


def test_the_kernel_is_cut_to_the_change_of_likely(done: tuple[Plan, Path, Ledger]) -> None:
    _, _, ledger = done
    for name in ledger.names("scores"):
        rows, place = ledger.scores(name).rows, name.rsplit("/", 2)[0]
        kernel = ledger.baselines(place).rows["kernel"]
        for lead, likely in enumerate(rows["likely"].sums.leads):
            whole = kernel.sums.leads[lead]
            assert rows[CUT].sums.leads[lead].simulated == min(likely.simulated, whole.simulated)
            assert rows[CUT].sums.leads[lead].counts[0] <= whole.counts[0]


def test_tables_name_all_of_it_and_a_picture_is_drawn(done: tuple[Plan, Path, Ledger]) -> None:
    plan, folder, ledger = done
    more = plan.model_copy(
        update={"runs": (*plan.runs, plan.runs[1].model_copy(update={"seeds": (7,)}))}
    )
    text = "\n".join(map(to_markdown, experiment_tables(more, ledger)))
    for said in (
        "ahead: change until 2008",
        "| kernel, cut to warier |",
        "| plain, sampled |",
        "accuracy above persistence by year",
        "ahead: calibration",
        "back: the reference's line, changed pixels",
        "Cost",
        "### Not run",
        "| back/fold1/plain/seed7 |",
    ):
        assert said in text
    assert " ± " in text
    headline = experiment_tables(plan, ledger)[0]
    assert all(len(row) == len(headline.columns) for row in headline.rows)
    picture = draw_experiments(plan, ledger, folder / "picture.png")
    assert picture is not None
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_first_tables_hold_every_arm_and_what_it_differs_by(
    done: tuple[Plan, Path, Ledger],
) -> None:
    plan, _, ledger = done
    some = plan.runs[0].model_copy(update={"arms": ("warier",), "seeds": (1,)})
    both = plan.runs[0].model_copy(update={"arms": ("plain",)})
    fewer = plan.model_copy(update={"runs": (both, some)})
    faithful, likely, differences, *_ = experiment_tables(fewer, ledger)
    (baselines, plain, warier) = pools(fewer, ledger)

    def last(row: Row | None) -> Budget:
        assert row is not None
        return row.sums.leads[-1]

    kernel = last(baselines.row("kernel"))
    times = last(plain.row("faithful")).figure_of_merit / kernel.figure_of_merit
    more = last(plain.row("faithful")).accuracy - kernel.accuracy
    assert faithful.columns == ("", "kernel", "plain", "warier")
    said = f"{kernel.figure_of_merit:.3f} ({kernel.accuracy:.3f})"
    assert faithful.rows[0][:3] == ("ahead", said, f"{times:.2f} ({more:+.4f})")
    assert likely.rows[0][1].startswith("("), "no change has no hits"
    assert [row[0] for row in differences.rows] == ["warier, ahead"]
    alike = last(warier.row("likely")).accuracy - last(plain.row("likely", 1)).accuracy
    assert differences.rows[0][-1].startswith(f"{alike:+.3f} ["), "on the seed that both have"


def test_what_does_not_fit_the_budget_is_named_and_not_begun(
    done: tuple[Plan, Path, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, folder, ledger = done
    spent = sum(ledger.minutes(name) or 0.0 for name in ledger.names("trainings"))
    batch = plan.runs[0].model_copy(update={"arms": ("plain",), "seeds": (0, 5)})
    tight = plan.model_copy(update={"runs": (batch, plan.runs[0]), "most_minutes": spent})
    monkeypatch.setattr(running, "train", lambda *_, **__: pytest.fail("begun"))
    said: list[str] = []
    standings = run_plan(tight, folder / "out", ledger, say=said.append)
    missed = [s for s in standings if s.state == "not run"]
    assert [s.run.seed for s in missed] == [5, 5]
    assert all("beyond the budget" in s.why for s in missed)
    assert all(s.minutes is not None and s.minutes > 0 for s in missed), "as other seeds took"
    assert [line.split(":")[0] for line in said] == ["not run", "not run"]
    text = to_markdown(plan_table("the plan", survey(tight, folder / "out", ledger)))
    assert "| ahead/fold0/plain/seed5 | not run |" in text


def test_minutes_before_an_interruption_count(
    done: tuple[Plan, Path, Ledger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, folder, _ = done
    only = plan.model_copy(update={"runs": (plan.runs[1],), "decisions": (), "members": 1})
    (run, *_), calls = only.all_runs(), []

    def train(*args: object, **options: object) -> None:
        calls.append(args)
        if len(calls) > 1:
            return
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "train", train)
    ledger = Ledger(tmp_path / "ledger.json")
    with pytest.raises(KeyboardInterrupt):
        run_plan(only, tmp_path, ledger)
    assert ledger.minutes(run.training) is None
    shutil.copytree(
        folder / "out", tmp_path, dirs_exist_ok=True, ignore=lambda *_: ["minutes.json"]
    )
    run_plan(only, tmp_path, ledger)
    assert ledger.minutes(run.training) >= 0.003, "0.2 s"


def test_what_is_not_there_is_passed_over_with_its_reason(
    done: tuple[Plan, Path, Ledger], tmp_path: Path
) -> None:
    _, folder, _ = done
    cube = folder / "nowhere.zarr"
    plan = small_plan(tmp_path, cube)
    (standing, _) = run_plan(plan, tmp_path / "out", Ledger(tmp_path / "ledger.json"))
    assert standing.state == "not run"
    assert "nowhere.zarr" in standing.why
    assert not (tmp_path / "ledger.json").exists()


def test_an_entry_holds_only_for_what_it_was_made_of(
    done: tuple[Plan, Path, Ledger], cube: Cube, tmp_path: Path
) -> None:
    plan, folder, ledger = done
    longer = plan.arms["plain"] | {"training": {"steps": 5}}
    other = plan.model_copy(update={"arms": {**plan.arms, "plain": longer}})
    states = {(s.run.case, s.run.arm): s.state for s in survey(other, folder / "out", ledger)}
    ahead = {"plain": "to train", "warier": "scored"}
    assert states == {**{("ahead", k): v for k, v in ahead.items()}, ("back", "plain"): "to score"}
    bold = plan.model_copy(update={"members": 3})
    assert {s.state for s in survey(bold, folder / "out", ledger)} == {"to score"}
    ensemble = plan.model_copy(update={"arms": {"plain": {"training": {"members": 3}}}})
    seeds = [experiment_of(ensemble, run).training.seed for run in plan.all_runs()[:4]]
    assert seeds == [0, 0, 3, 3], "members of one run are of no other"


def test_a_plan_names_what_it_does_not_know(cube: Cube, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"(?s)Unknown arm.*line \d+.*plan'.*did you mean 'plain'"
    ):
        small_plan(tmp_path, cube.path, runs=[{"arms": ["plan"], "cases": ["ahead"]}])
    with pytest.raises(ConfigError, match=r"(?s)Unknown case.*did you mean 'ahead'"):
        small_plan(tmp_path, cube.path, runs=[{"arms": ["plain"], "cases": ["ahed"]}])
    with pytest.raises(ConfigError, match=r"(?s)steps of 3 do not lead from 2006 to 2010"):
        small_plan(
            tmp_path,
            cube.path,
            cases={"ahead": {"experiment": "toy.yaml", "from": 2006, "to": 2010, "step": 3}},
        )
    cases = {
        "ahead": {"experiment": "toy.yaml", "from": 2006, "to": 2008, "folds": [0]},
        "there": {"checkpoint_of": "ahead", "cube": "c.zarr", "from": 2006, "to": 2008},
    }
    with pytest.raises(ConfigError, match=r"(?s)in the folds in which its models were trained"):
        small_plan(tmp_path, cube.path, cases=cases)
    plan = small_plan(tmp_path, cube.path, arms={"plain": {"splt": {}}, "warier": {}})
    with pytest.raises(ConfigError, match=r"(?s)An arm cannot change this.*splt"):
        experiment_of(plan, plan.all_runs()[0])
    assert load_plan(write_plan(tmp_path, cube.path)).cases["back"].path == (2006, 2005, 2004)


def test_models_are_tested_on_another_cube(done: tuple[Plan, Path, Ledger], tmp_path: Path) -> None:
    """A case may test the models of another with another cube; nothing is trained for it."""
    plan, folder, ledger = done
    elsewhere = write_plan_cube(tmp_path / "elsewhere.zarr")
    case = plan.cases["ahead"].model_copy(
        update={"experiment": None, "checkpoint_of": "ahead", "cube": str(elsewhere.path)}
    )
    more = plan.model_copy(
        update={
            "cases": {**plan.cases, "there": case},
            "runs": (plan.runs[1].model_copy(update={"cases": ("there",)}),),
        }
    )
    said: list[str] = []
    own = Ledger(tmp_path / "ledger.json")
    for name in ledger.names("trainings"):
        own.put("trainings", name, ledger.entry("trainings", name))
    run_plan(more, folder / "out", own, say=said.append)
    assert not [line for line in said if line.startswith("training")]
    there, here = own.scores("there/fold0/plain/seed0"), ledger.scores("ahead/fold0/plain/seed0")
    for name, row in there.rows.items():
        np.testing.assert_array_equal(
            row.sums.leads[-1].counts, here.rows[name].sums.leads[-1].counts
        )


def test_a_region_held_out_is_scored_whole(cube: Cube, tmp_path: Path) -> None:
    other = write_plan_cube(tmp_path / "other.zarr")
    runs = [{"arms": ["plain", "warier"], "cases": ["unseen"]}]
    plan = small_plan(tmp_path, cube.path, cases={"unseen": AHEAD}, runs=runs)
    text = (tmp_path / "toy.yaml").read_text(encoding="utf-8")
    cubes = f"cubes:\n- {{cube: {cube.path}, name: seen}}\n- {{cube: {other.path}, name: unseen}}\n"
    split = "split: {train: [2000, 2005], validation: [2005, 2006], region: unseen}\n"
    kept = [line for line in text.splitlines() if not line.startswith("cube:")]
    start = kept.index("split:")
    stop = next(n for n, line in enumerate(kept) if n > start and not line.startswith(" "))
    whole = "\n".join([*kept[:start], *kept[stop:], split, cubes])
    (tmp_path / "toy.yaml").write_text(whole, encoding="utf-8")
    (first, _) = survey(plan, tmp_path / "out", Ledger(tmp_path / "ledger.json"))
    assert (first.state, first.why) == ("to train", "")
    scene = open_scene(experiment_of(plan, first.run), other, (2006, 2008))
    assert scene.held_out.all()
    nowhere = whole.replace(", region: unseen", "")
    (tmp_path / "toy.yaml").write_text(nowhere, encoding="utf-8")
    (first, _) = survey(plan, tmp_path / "out", Ledger(tmp_path / "ledger.json"))
    assert (first.state, "on which cube" in first.why) == ("not run", True)


def test_a_damaged_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"(?s)damaged.*ledger.json"):
        Ledger(path)
    path.write_text('{"format": 0, "trainings": {}, "baselines": {}, "scores": {}}', "utf-8")
    with pytest.raises(ConfigError, match=r"(?s)another format.*1.*0"):
        Ledger(path)


def forced_plan(plan: Plan, **driven: object) -> Plan:
    """A plan with a case that tests the models of ``ahead`` under another forcing."""
    changes = {"experiment": None, "checkpoint_of": "ahead", **driven}
    case = Case.model_validate(
        {**plan.cases["ahead"].model_dump(by_alias=True), **changes}, by_name=False, by_alias=True
    )
    batch = plan.runs[1].model_copy(update={"cases": ("driven",)})
    return plan.model_copy(update={"cases": {**plan.cases, "driven": case}, "runs": (batch,)})


def test_models_are_tested_under_forcing_with_errors(
    done: tuple[Plan, Path, Ledger], tmp_path: Path
) -> None:
    plan, folder, ledger = done
    shutil.copy(ledger.path, tmp_path / "ledger.json")
    kept, errors = Ledger(tmp_path / "ledger.json"), {"error": 0.5, "of": "change", "seed": 1}
    wrong = forced_plan(plan, perturbed=errors)
    said: list[str] = []
    run_plan(wrong, folder / "out", kept, say=said.append)
    assert [line for line in said if line.startswith("training")] == []
    found, right = (kept.baselines(f"{case}/fold0") for case in ("driven", "ahead"))
    (_, asked), (_, truly) = (s.rows["kernel"].sums.closing[-1] for s in (found, right))
    assert 0.0 < abs(asked - truly) < 0.5 * truly, "wrong by about what was said"
    still = [s.rows["persistence"].sums.leads[-1].counts for s in (found, right)]
    np.testing.assert_array_equal(*still)
    scores, own = (kept.scores(f"{case}/fold0/plain/seed0") for case in ("driven", "ahead"))
    assert scores.rows["faithful"].sums.closing[-1, 1] == asked
    assert not np.array_equal(scores.probable["first"].change, own.probable["first"].change)
    assert (len(own.curve), len(scores.curve)) == (2, 0), "drawn under a model's own forcing"
    assert {s.state for s in survey(wrong, folder / "out", kept)} == {"scored"}
    other = forced_plan(plan, perturbed={**errors, "seed": 2})
    assert {s.state for s in survey(other, folder / "out", kept)} == {"to score"}


def test_another_product_drives_models_by_its_change(
    done: tuple[Plan, Path, Ledger], tmp_path: Path
) -> None:
    plan, folder, ledger = done
    shutil.copy(ledger.path, tmp_path / "ledger.json")
    kept, cube = Ledger(tmp_path / "ledger.json"), write_states_cube(tmp_path / "states.zarr")
    states = forced_plan(plan, cube=str(cube.path), forcing="luh2_states")
    assert {s.state for s in run_plan(states, folder / "out", kept)} == {"scored"}
    found, own = kept.baselines("driven/fold0"), kept.baselines("ahead/fold0")
    (lacking, asked), (_, truly) = (s.rows["kernel"].sums.closing[-1] for s in (found, own))
    assert asked == pytest.approx(truly, rel=0.25), "the product knows the change, with a bias"
    assert lacking < 0.05 * asked
    faithful = kept.scores("driven/fold0/plain/seed0").rows["faithful"].sums.closing[-1]
    np.testing.assert_allclose(faithful, (lacking, asked))
    nowhere = forced_plan(plan, cube=str(cube.path), forcing="luh2_state")
    (first, _) = run_plan(nowhere, folder / "out", kept)
    assert (first.state, "does not lead to the classes" in first.why) == ("not run", True)
    assert "luh2_state" in first.why
