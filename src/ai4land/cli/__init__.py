"""The command line: parse, build objects, call, print; no logic of its own."""

from ai4land.cli.app import main

__all__ = ["main"]
