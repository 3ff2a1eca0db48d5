"""``ai4land demo``: the whole way once, on a planet that is made up on the spot."""

from ai4land.cli.commands.demo.command import EXAMPLES, demo

__all__ = ["EXAMPLES", "demo"]
