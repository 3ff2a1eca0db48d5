from __future__ import annotations

import importlib
import inspect
import logging
import os
from datetime import timedelta

import pytest
from program_calls import Call

from ai4land.cli import app, console, deferred
from ai4land.errors import AI4LandError, ConfigError, Interrupted


def test_help_lists_every_command(call: Call) -> None:
    code, out, _ = call("--help")
    assert code == 0
    for name, summary in app.COMMANDS.items():
        assert name in out
        assert summary[:40] in out


@pytest.mark.parametrize("name", app.COMMANDS)
def test_every_command_explains_itself_with_an_example(call: Call, name: str) -> None:
    code, out, _ = call(name, "--help")
    assert code == 0
    assert f"ai4land {name}" in out, "an example"
    function = getattr(importlib.import_module(f"ai4land.cli.commands.{name}"), name)
    first = (inspect.getdoc(function) or "").splitlines()[0]
    assert first == app.COMMANDS[name], "the list of commands says the same"


def test_version(call: Call) -> None:
    assert call("--version")[1].startswith("ai4land 0.")


def test_a_misspelt_command_names_the_nearest(call: Call) -> None:
    code, _, err = call("reconstuct")
    assert code == 2
    assert "Unknown command" in err
    assert "did you mean `ai4land reconstruct`?" in err


def test_known_errors_are_messages_and_with_debug_tracebacks(call: Call) -> None:
    code, out, err = call("inspect", "nowhere.zarr")
    assert (code, out) == (2, "")
    assert "Nothing here that AI4Land knows" in err
    assert "nowhere.zarr" in err
    assert "Traceback" not in err
    with pytest.raises(AI4LandError):
        call("--debug", "inspect", "nowhere.zarr")


def test_an_interrupted_command_says_how_to_go_on(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(deferred, "command", stopped)
    code, _, err = call("inspect", "x")
    assert code == 130
    assert "Run the same command again to resume" in err


def test_a_command_told_to_stop_ends_with_its_own_code(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scheduler can tell it from a failure, and put it back into the queue."""

    def stopped(name: str) -> None:
        raise Interrupted("The training was stopped after step 7", found="SIGUSR1", remedy="again")

    monkeypatch.setattr(deferred, "command", stopped)
    code, _, err = call("train", "x")
    assert code == os.EX_TEMPFAIL == 75
    assert "stopped after step 7 by SIGUSR1. Run the same command again to resume." in err


def test_without_a_terminal_lines_come_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first of each work, one in thirty seconds, and the last; with the time that is left."""
    now = [1000.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    with console.progress_or_lines() as say:
        for step in range(11, 101):
            say("training", step, 100, f"loss {step} [m]")
            now[0] += 2.0
        say("decision", 1, 20, "")
    lines = [line.split(" ", 1)[1] for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        "training 11/100  loss 11 [m]",
        *(
            f"training {n}/100, {timedelta(seconds=2 * (100 - n))} left  loss {n} [m]"
            for n in range(26, 100, 15)
        ),
        "training 100/100  loss 100 [m]",
        "decision 1/20",
    ]


def test_a_missing_extra_is_named(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(deferred, "command", absent)
    code, _, err = call("train", "x")
    assert code == 2
    assert "pip install 'ai4land[train]'" in err


def test_an_error_inside_an_error_is_shown_whole(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = ConfigError("The inner one", found=3)

    def failing(name: str) -> None:
        raise ConfigError("The outer one", found=inner, remedy="mend it")

    monkeypatch.setattr(deferred, "command", failing)
    _, _, err = call("check", "x")
    assert "The outer one" in err
    assert "The inner one" in err
    assert "remedy:   mend it" in err


def test_verbose_sets_the_level_of_the_log(call: Call) -> None:
    call("--verbose", "inspect", "nowhere")
    assert logging.getLogger().level == logging.INFO
    call("inspect", "nowhere")
    assert logging.getLogger().level == logging.WARNING
