"""Samples: named groups of windows over consecutive times, drawn without leakage."""

from ai4land.samples.corruption import corrupt
from ai4land.samples.coupling import CellShares, Coupling
from ai4land.samples.demand import Demand, class_forcing
from ai4land.samples.labelled import LabelledForcing
from ai4land.samples.options import Corruption, SampleOptions
from ai4land.samples.reader import DEMAND, WindowReader, class_lookup, input_spec
from ai4land.samples.sampler import Sample, Sampler, stack
from ai4land.samples.splits import SpaceMasks, space_masks
from ai4land.samples.tensors import feed_back, probabilities, to_inputs

__all__ = [
    "DEMAND",
    "CellShares",
    "Corruption",
    "Coupling",
    "Demand",
    "LabelledForcing",
    "Sample",
    "SampleOptions",
    "Sampler",
    "SpaceMasks",
    "WindowReader",
    "class_forcing",
    "class_lookup",
    "corrupt",
    "feed_back",
    "input_spec",
    "probabilities",
    "space_masks",
    "stack",
    "to_inputs",
]
