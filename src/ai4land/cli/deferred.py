"""Commands that are imported when they are run: help must not wait for a network library."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, ClassVar

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from ai4land.cli.console import show_error, stderr
from ai4land.errors import AI4LandError, ConfigError, Interrupted
from ai4land.vocabulary import nearest_name

__all__ = ["CommandGroup", "command"]

# classes of click, which typer brings along in some versions and imports in others
Command = Any
Context = Any
Arguments = Any

_EXTRAS = {
    "torch": "train",
    "lightning_fabric": "train",
    "safetensors": "train",
    "tensorboard": "train",
    "distributed": "scale",
    "pooch": "download",
    "requests": "download",
    "cdsapi": "download",
}
_RESUME = "Run the same command again to resume."
_PREEMPTED = 75  # EX_TEMPFAIL of sysexits.h: try again later
_WITHOUT_ARGUMENTS = {"demo", "sources", "download"}


def command(name: str) -> Command:
    """The real command of a name, imported now."""
    module = importlib.import_module(f"ai4land.cli.commands.{name}")
    app = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    app.command(name, epilog=module.EXAMPLES, no_args_is_help=name not in _WITHOUT_ARGUMENTS)(
        getattr(module, name)
    )
    return typer.main.get_command(app)


class _Deferred(TyperCommand):
    """Stands for a command in the list of commands; becomes it when it is called."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: Context | None = None,
        **extra: Arguments,
    ) -> Context:
        """The context of the real command."""
        return command(str(self.name)).make_context(info_name, args, parent=parent, **extra)


class CommandGroup(TyperGroup):
    """A group whose commands are modules, and which turns known errors into messages."""

    summaries: ClassVar[Mapping[str, str]] = {}

    def list_commands(self, ctx: Context) -> list[str]:
        """Names in the order of the table."""
        return list(self.summaries)

    def get_command(self, ctx: Context, cmd_name: str) -> Command:
        """A stand-in for the command; ``None`` if there is none of that name."""
        if cmd_name not in self.summaries:
            return None
        return _Deferred(cmd_name, help=self.summaries[cmd_name])

    def resolve_command(self, ctx: Context, args: list[str]) -> Command:
        """Find the command; a misspelt one is answered with the nearest."""
        if args and not args[0].startswith("-") and args[0] not in self.summaries:
            close = nearest_name(args[0], self.summaries)
            raise ConfigError(
                "Unknown command",
                found=args[0],
                expected=f"one of {', '.join(self.summaries)}",
                remedy=f"did you mean `ai4land {close}`?" if close else "see `ai4land --help`",
            )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Context) -> object:
        """Run a command; known errors become a message and an exit code."""
        try:
            return super().invoke(ctx)
        except Interrupted as stop:
            stderr().print(f"{stop.what} by {stop.found}. {_RESUME}", style="yellow")
            raise typer.Exit(_PREEMPTED) from None
        except AI4LandError as error:
            if ctx.params.get("debug"):
                raise
            show_error(error)
            raise typer.Exit(2) from None
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get(str(error.name).partition(".")[0])
            if extra is None or ctx.params.get("debug"):
                raise
            show_error(
                ConfigError(
                    "This command needs a library that is not installed",
                    found=f"no module {error.name!r}",
                    remedy=f"pip install 'ai4land[{extra}]'",
                )
            )
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            stderr().print(f"\nStopped. {_RESUME}", style="yellow")
            raise typer.Exit(130) from None
