"""The engine: one result on any number of processes, threads and passes, and after a signal."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lively_backbones import LIVELY
from safetensors.torch import load_file

from ai4land.checkpoint import load_card
from ai4land.cube import Cube
from ai4land.errors import ConfigError, Interrupted
from ai4land.models.networks import BACKBONES
from ai4land.training import Experiment, Report, Trained, prepare, train
from ai4land.training.networks import loop, network_trainer
from ai4land.training.networks.batches import batches
from ai4land.training.validation import Validation
from experiments import small_experiment

TESTS = Path(__file__).resolve().parents[1]
SHALLOW = {"name": "shallow", "width": 6, "embedding": 3}
FORGETFUL = {"name": "forgetful", "width": 6, "embedding": 3}
Figures = list[dict[str, float]]


@pytest.fixture(autouse=True)
def _lively(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, parts in LIVELY.items():
        monkeypatch.setitem(BACKBONES, name, parts)


def fit(experiment: Experiment, out: Path, report: Report = lambda step, figures: None) -> Trained:
    """Fit one network, without choosing a decision, and keep its weights."""
    seed = experiment.training.seed
    trained = network_trainer(experiment).fit(prepare(experiment), out, seed, report)
    trained.predictor.save(out)
    return trained


def run(cube: Cube, out: Path, model: dict[str, Any], **training: Any) -> Figures:  # noqa: ANN401
    """The figures of each step of fitting one network."""
    seen: Figures = []
    experiment = small_experiment(cube, model=model, training=training)
    fit(experiment, out, lambda step, figures: seen.append(dict(figures)))
    return seen


def weights(out: Path) -> bytes:
    return (out / "model.safetensors").read_bytes()


def learned(out: Path) -> dict[str, torch.Tensor]:
    """Weights after the last step, not averaged."""
    state = load_file(str(out / "last" / "state.safetensors"))
    return {name: values for name, values in state.items() if name.startswith("network.")}


def assert_close(one: Path, two: Path) -> None:
    ours, theirs = learned(one), learned(two)
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        torch.testing.assert_close(values, theirs[name], rtol=1e-5, atol=1e-5, msg=name)


@pytest.fixture(scope="module")
def straight(tiny_cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbs, of a network that draws at random itself."""
    out = tmp_path_factory.mktemp("straight") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, "forgetful", LIVELY["forgetful"])
        run(tiny_cube, out, FORGETFUL)
    return out


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1"])
def test_a_signal_stops_between_two_steps_and_costs_nothing(
    tiny_cube: Cube, straight: Path, tmp_path: Path, name: str
) -> None:
    """Step 3 is under way when it comes: it is finished and kept, though no checkpoint is due."""
    out, number = tmp_path / "run", getattr(signal, name)
    experiment = small_experiment(tiny_cube, model=FORGETFUL, training={"checkpoint_every": 100})
    before = signal.getsignal(number)

    def preempt(done: int, figures: dict[str, float]) -> None:
        if done == 2:
            assert signal.getsignal(number) is not before
            os.kill(os.getpid(), number)

    with pytest.raises(Interrupted, match=rf"(?s)stopped after step 3.*{name}"):
        fit(experiment, out, preempt)
    assert signal.getsignal(number) is before
    assert json.loads((out / "last" / "state.json").read_text())["step"] == 3
    assert not (out / "model.safetensors").exists()
    # where and how it runs may change: what is learned does not
    more = {"checkpoint_every": 1, "workers": 2, "loggers": ["csv"]}
    assert len(run(tiny_cube, out, FORGETFUL, **more)) == 3
    assert weights(out) == weights(straight)
    curves = [(f / "logs" / "curve.csv").read_text() for f in (straight, out)]
    assert curves[0] == curves[1]


def test_in_another_thread_signals_are_left_alone(
    tiny_cube: Cube, straight: Path, tmp_path: Path
) -> None:
    handlers = []

    def note(done: int, figures: dict[str, float]) -> None:
        handlers.append(signal.getsignal(signal.SIGTERM))

    experiment = small_experiment(tiny_cube, model=FORGETFUL)
    before, out = signal.getsignal(signal.SIGTERM), tmp_path / "run"
    thread = threading.Thread(target=lambda: fit(experiment, out, note))
    thread.start()
    thread.join()
    assert handlers == [before] * 6
    assert weights(out) == weights(straight)


@pytest.mark.parametrize("workers", [0, 3])
def test_threads_change_nothing(
    tiny_cube: Cube, straight: Path, tmp_path: Path, workers: int
) -> None:
    figures = run(tiny_cube, tmp_path / "run", FORGETFUL, workers=workers)
    assert weights(tmp_path / "run") == weights(straight)
    assert all(0.0 <= f["waiting"] <= 1.0 and f["samples_per_second"] > 0 for f in figures)


def test_passes_add_up_to_one_batch(tiny_cube: Cube, tmp_path: Path) -> None:
    """Though each of them holds another number of valid pixels."""
    one = run(tiny_cube, tmp_path / "one", SHALLOW, batch=4)
    for batch, accumulate in ((2, 2), (1, 4)):
        out = tmp_path / str(batch)
        two = run(tiny_cube, out, SHALLOW, batch=batch, accumulate=accumulate)
        np.testing.assert_allclose([f["loss"] for f in two], [f["loss"] for f in one], rtol=1e-5)
        assert_close(tmp_path / "one", out)
    run(tiny_cube, tmp_path / "other", SHALLOW, batch=2)
    with pytest.raises(AssertionError):
        assert_close(tmp_path / "one", tmp_path / "other")


def in_processes(count: int, experiments: Mapping[Path, Experiment]) -> None:
    """Fit a network into each folder, as torchrun would start it."""
    given = []
    for out, experiment in experiments.items():
        said = out.with_suffix(".json")
        said.write_text(experiment.model_dump_json(), encoding="utf-8")
        given += [str(said), str(out)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS / "training"), *sys.path]),
        "OMP_NUM_THREADS": "1",
        "TORCHELASTIC_RUN_ID": "none",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "GROUP_RANK": "0",
    }
    command = [sys.executable, str(TESTS / "training" / "train_once.py"), *given]
    started = [
        subprocess.Popen(
            command,
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    try:
        for process in started:
            _, said = process.communicate(timeout=120)
            assert process.returncode == 0, said
    finally:
        for process in started:
            process.kill()


def test_two_processes_learn_what_one_learns(tiny_cube: Cube, tmp_path: Path) -> None:
    """With a recursion, two passes a step, and a coast that leaves each another count of pixels."""
    experiment = small_experiment(
        tiny_cube, model=SHALLOW, training={"batch": 4, "accumulate": 2, "steps": 4}
    )
    normed = small_experiment(tiny_cube, training={"batch": 4, "steps": 1})
    alone, both, normed_alone, normed_both = (tmp_path / name for name in "abcd")
    fit(experiment, alone)
    fit(normed, normed_alone)
    in_processes(2, {both: experiment, normed_both: normed})
    assert_close(alone, both)
    # on CPUs each process norms its own half, but what is kept of it is the mean of both
    one, two = learned(normed_alone), learned(normed_both)
    first = next(name for name in one if name.endswith("running_mean"))
    torch.testing.assert_close(one[first], two[first])
    rows = [list(csv.DictReader((f / "logs" / "curve.csv").open())) for f in (alone, both)]
    for one, two in zip(*rows, strict=True):
        assert float(one["loss"]) == pytest.approx(float(two["loss"]), rel=1e-5)
    assert len(list((both / "logs" / "csv").iterdir())) == 1, "one process writes"


def test_processes_share_a_batch_evenly(tiny_cube: Cube) -> None:
    setting = prepare(small_experiment(tiny_cube, training={"batch": 4, "accumulate": 2}))
    options = setting.experiment.training

    def drawn(rank: int, count: int) -> list[np.ndarray[Any, Any]]:
        (parts,) = batches(setting.sampler, options, 5, [7], (rank, count))
        return [part.forcing for part in parts]

    whole, halves = drawn(0, 1), [drawn(rank, 2) for rank in range(2)]
    for turn, part in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([h[turn] for h in halves]), part)
    assert (whole[0] != whole[1]).any()
    with pytest.raises(ConfigError, match=r"(?s)share a batch evenly.*multiple of 3.*found: 4"):
        drawn(0, 3)


def scripted(scores: list[float]) -> Callable[..., Validation]:
    """A validation that finds these scores, one after the other."""
    left = iter(scores)
    return lambda *_: Validation(found := next(left), {"figure": 10 * found})


def test_training_stops_when_validation_no_longer_improves(
    tiny_cube: Cube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, options = tmp_path / "run", {"early_stop": 2, "validate_every": 1, "steps": 50}
    monkeypatch.setattr(loop, "validate", scripted([1.0, 3.0, 2.0, 4.0, 4.0, 3.0, 9.0]))
    figures = run(tiny_cube, out, SHALLOW, **options)
    assert [f["validation_figure"] for f in figures] == [10, 30, 20, 40, 40, 30]
    before = weights(out)
    assert run(tiny_cube, out, SHALLOW, **options) == [], "what has stopped stays stopped"
    assert weights(out) == before
    experiment = small_experiment(tiny_cube, model=SHALLOW, training=options)
    card = load_card(train(experiment, out))
    (member,) = card.training["members"]
    assert (member["steps"], member["ended"]) == (6, "early stop")
    assert member["curve"]["step"] == [1, 2, 3, 4, 5, 6]
    assert member["curve"]["score"] == [1, 3, 2, 4, 4, 3]
    assert member["curve"]["loss"] == pytest.approx([f["loss"] for f in figures], abs=1e-6)
    assert card.scores["validation"]["figure"] == 40.0


def test_the_curve_holds_every_validation(tiny_cube: Cube, tmp_path: Path) -> None:
    figures = run(tiny_cube, tmp_path / "run", SHALLOW, validate_every=2, steps=5)
    rows = list(csv.DictReader((tmp_path / "run" / "logs" / "curve.csv").open()))
    assert [int(row["step"]) for row in rows] == [2, 4, 5]
    means = [np.mean([f["loss"] for f in figures[a:b]]) for a, b in ((0, 2), (2, 4), (4, 5))]
    assert [float(row["loss"]) for row in rows] == pytest.approx(means)
    for row in rows:
        found = figures[int(row["step"]) - 1]
        for name in set(row) - {"step", "loss", "score"}:
            assert float(row[name]) == pytest.approx(found[f"validation_{name}"])


def test_a_time_limit_ends_training_and_a_longer_one_goes_on(
    tiny_cube: Cube, tmp_path: Path
) -> None:
    out, steps = tmp_path / "run", []

    def told(minutes: float) -> int:
        steps.clear()
        options = {"validate_every": 1, "max_minutes": minutes}
        experiment = small_experiment(tiny_cube, model=SHALLOW, training=options)
        train(experiment, out, progress=lambda done, *_: steps.append(done))
        return len(steps)

    assert told(1e-6) == 1
    (member,) = load_card(out / "checkpoint").training["members"]
    assert (member["steps"], member["ended"]) == (1, "time limit")
    assert told(1e-6) == 0
    assert told(60) == 5
    assert told(90) == 0
    straight = tmp_path / "straight"
    run(tiny_cube, straight, SHALLOW, validate_every=1)
    assert weights(out / "checkpoint") == weights(straight)


@pytest.mark.parametrize(
    ("schedule", "end"), [("cosine", 0.01 + 0.99 * 0.5), ("linear", 0.505), ("constant", 1.0)]
)
def test_schedules(tiny_cube: Cube, tmp_path: Path, schedule: str, end: float) -> None:
    """Half way, all warm: a half, or all of it."""
    options = {"schedule": schedule, "warm_up": 2, "steps": 4, "learning_rate": 0.01}
    rates = [f["learning_rate"] for f in run(tiny_cube, tmp_path / "r", SHALLOW, **options)]
    assert rates[0] == pytest.approx(0.005)
    assert rates[2] == pytest.approx(0.01 * end)
    assert rates[1] >= rates[2] >= rates[3] > 0


def test_half_precision_on_a_cpu(tiny_cube: Cube, tmp_path: Path) -> None:
    """Finite, close to full precision, and after a signal to the same bytes: moments too."""
    unet = {"name": "unet", "widths": [4, 6], "embedding": 3}
    half = run(tiny_cube, tmp_path / "half", unet, precision="bf16-mixed")
    full = run(tiny_cube, tmp_path / "full", unet)
    losses = [[f["loss"] for f in figures] for figures in (half, full)]
    assert np.isfinite(losses).all()
    np.testing.assert_allclose(*losses, rtol=0.1)
    assert losses[0] != losses[1]
    experiment = small_experiment(tiny_cube, training={"precision": "bf16-mixed"})

    def preempt(done: int, figures: dict[str, float]) -> None:
        if done == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        fit(experiment, tmp_path / "cut", preempt)
    run(tiny_cube, tmp_path / "cut", unet, precision="bf16-mixed")
    assert weights(tmp_path / "cut") == weights(tmp_path / "half")


def fake_mlflow(sent: list[Any]) -> types.ModuleType:
    """As much of MLflow as a training uses."""
    module = types.ModuleType("mlflow")

    class Client:
        def get_experiment_by_name(self, name: str) -> None:
            return None

        def create_experiment(self, name: str) -> str:
            sent.append(("experiment", name))
            return "7"

        def create_run(self, place: str, run_name: str) -> types.SimpleNamespace:
            sent.append(("run", place, run_name))
            return types.SimpleNamespace(info=types.SimpleNamespace(run_id="r1"))

        def log_batch(self, run_id: str, metrics: list[Any]) -> None:
            sent.append((run_id, [(m[0], m[3]) for m in metrics]))

        def set_terminated(self, run_id: str, status: str) -> None:
            sent.append((run_id, status))

    module.MlflowClient = Client  # type: ignore[attr-defined]
    module.entities = types.SimpleNamespace(Metric=lambda *a: a)  # type: ignore[attr-defined]
    return module


def test_mlflow_hears_of_every_step(
    tiny_cube: Cube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setitem(sys.modules, "mlflow", fake_mlflow(sent))
    out, options = tmp_path / "slope", {"loggers": ["mlflow"], "max_minutes": 1e-6}
    run(tiny_cube, out, SHALLOW, **options)
    assert sent[:2] == [("experiment", "ai4land"), ("run", "7", "slope")]
    run(tiny_cube, out, SHALLOW, **{**options, "max_minutes": 60})
    steps = [
        step for said in sent if isinstance(said[1], list) for n, step in said[1] if n == "loss"
    ]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert [said[0] for said in sent].count("run") == 1, "a training that goes on is one run"
    assert sent[-1] == ("r1", "FINISHED")
    assert not list((out / "logs").rglob("metrics.csv"))


def test_a_missing_mlflow_is_one_clear_error(
    tiny_cube: Cube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ConfigError, match=r"(?s)MLflow is not installed.*ai4land\[tracking\]"):
        run(tiny_cube, tmp_path / "run", SHALLOW, loggers=["csv", "mlflow"])
