"""Samples: drivers and maps by window, assembled into a model's inputs, drawn without leakage."""

from ai4land.samples.anchored import AnchoredDrivers
from ai4land.samples.assembler import Assembler, Given, Loop, Shown, see
from ai4land.samples.coding import ClassCoding, Coding, NumberCoding, class_lookup, coding_of
from ai4land.samples.corruption import TRANSFORMS, Drop, Hide, Noise, Subject, Transform, corrupted
from ai4land.samples.coupling import CellShares, Coupling
from ai4land.samples.demand import Demand
from ai4land.samples.drivers import (
    ArrayDrivers,
    CachedDrivers,
    CubeDrivers,
    Described,
    DriverArray,
    Drivers,
    GriddedDrivers,
    PerturbedDrivers,
)
from ai4land.samples.flows import Flows
from ai4land.samples.labels import Labels
from ai4land.samples.options import SampleOptions
from ai4land.samples.regions import MixedSampler, SampleSource, mixed
from ai4land.samples.sample import Sample, TargetSample, own_shares_of, stack, step_inputs
from ai4land.samples.sampler import Sampler
from ai4land.samples.spec import DEMAND, check_drivers, class_forcing, input_spec
from ai4land.samples.splits import SpaceMasks, space_masks
from ai4land.samples.strata import Strata

__all__ = [
    "DEMAND",
    "TRANSFORMS",
    "AnchoredDrivers",
    "ArrayDrivers",
    "Assembler",
    "CachedDrivers",
    "CellShares",
    "ClassCoding",
    "Coding",
    "Coupling",
    "CubeDrivers",
    "Demand",
    "Described",
    "DriverArray",
    "Drivers",
    "Drop",
    "Flows",
    "Given",
    "GriddedDrivers",
    "Hide",
    "Labels",
    "Loop",
    "MixedSampler",
    "Noise",
    "NumberCoding",
    "PerturbedDrivers",
    "Sample",
    "SampleOptions",
    "SampleSource",
    "Sampler",
    "Shown",
    "SpaceMasks",
    "Strata",
    "Subject",
    "TargetSample",
    "Transform",
    "check_drivers",
    "class_forcing",
    "class_lookup",
    "coding_of",
    "corrupted",
    "input_spec",
    "mixed",
    "own_shares_of",
    "see",
    "space_masks",
    "stack",
    "step_inputs",
]
