"""AI4Land: annual fine land use from coarse scenarios, learned from observation.

The rooms are imported by name (``from ai4land.cube import Cube``); the root holds the version
alone, so that importing it costs nothing and nothing can depend on it in a circle.
"""

__version__ = "0.1.0"
