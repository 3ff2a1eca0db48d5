"""Calling the program in a test."""

from __future__ import annotations

from collections.abc import Callable

from typer.testing import CliRunner

from ai4land.cli.app import build_app

Result = tuple[int, str, str]
Call = Callable[..., Result]


def invoke(*arguments: object) -> Result:
    """Exit code, standard output and standard error of a call of the program."""
    result = CliRunner().invoke(build_app(), [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr
