from __future__ import annotations

import importlib
import inspect
import logging

import pytest
from program_calls import Call

from ai4land.cli import app, deferred
from ai4land.errors import AI4LandError, ConfigError


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
