"""The program ``ai4land``: its commands, each loaded when it is asked for."""

from __future__ import annotations

import logging
from importlib.metadata import version
from types import MappingProxyType
from typing import Annotated

import typer
import typer.main
from rich.logging import RichHandler

from ai4land.cli.console import stderr, stdout
from ai4land.cli.deferred import CommandGroup

__all__ = ["COMMANDS", "Commands", "build_app", "main"]

COMMANDS: MappingProxyType[str, str] = MappingProxyType(
    {
        "demo": "Run the whole way once on a synthetic planet, in a few minutes.",
        "sources": "List the products that a recipe may name.",
        "download": "Fetch a product's files from its provider.",
        "check": "Check a recipe or an experiment without running it.",
        "build": "Build a cube from a recipe.",
        "train": "Train a model as an experiment says.",
        "reconstruct": "Roll the land forward or backward and save it, under one forcing or many.",
        "estimate": "Say what a run will cost, and beside it what it has cost.",
        "verify": "Check every file of a reconstruction or a run, and repair it.",
        "product": "Write a finished run as files that others open.",
        "compare": "Train and score a grid of experiments, as one table and picture.",
        "score": "Score a reconstruction, or any three class maps.",
        "report": "Draw maps, curves and coverage of runs and reconstructions.",
        "why": "Say why a pixel changed, or why it did not.",
        "inspect": "Say what a cube, a checkpoint or a recipe is.",
    }
)
"""Name → one line for people; the module ``ai4land.cli.commands.<name>`` holds the command."""


class Commands(CommandGroup):
    """The commands of this program."""

    summaries = COMMANDS


def _print_version(wanted: bool) -> None:
    if wanted:
        stdout().print(f"ai4land {version('ai4land')}", highlight=False)
        raise typer.Exit


def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say what is done.")] = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Annual fine land use from coarse scenarios, learned from observation.

    Start with `ai4land demo`. Every command explains itself: `ai4land COMMAND --help`.
    """
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.INFO if verbose else logging.WARNING,
        format="%(message)s",
        datefmt="%H:%M:%S",
        handlers=[RichHandler(console=stderr(), show_path=debug)],
        force=True,
    )
    for noisy in ("matplotlib", "PIL", "fsspec", "numba", "rasterio", "asyncio", "lightning"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def build_app() -> typer.Typer:
    """The program, not yet run."""
    app = typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    return app


def main() -> None:
    """Run the command line.

    Exit code 2 for an error of the user's, 75 if a signal asked to stop, 130 after Ctrl-C.
    """
    typer.main.get_command(build_app())(prog_name="ai4land")
