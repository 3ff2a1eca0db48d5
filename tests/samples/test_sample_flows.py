"""Gross transitions of a step: from labels and from LUH2, of any length, in both directions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.allocation import CoarseCells, net_flows
from ai4land.cube import Cube
from ai4land.errors import CheckpointError, SampleError
from ai4land.grid import Grid, Window
from ai4land.models import InputSpec
from ai4land.models.networks import tensors
from ai4land.rollout import (
    AllocationStepper,
    Likely,
    PredictorStepper,
    Tiling,
    cube_assembler,
    demand_of,
    observed_state,
    step,
)
from ai4land.samples import (
    ArrayDrivers,
    CubeDrivers,
    Described,
    DriverArray,
    Flows,
    SampleOptions,
    Sampler,
    check_drivers,
    class_forcing,
    input_spec,
    stack,
    step_inputs,
)
from ai4land.samples import Labels as LabelMaps
from ai4land.sources import Luh2Options, open_luh2
from ai4land.vocabulary import (
    LAND_USE,
    LUH2_STATES,
    LUH2_TRANSITIONS,
    Clock,
    Kind,
    crosswalk,
    variable,
)
from network_inputs import lively_predictor
from provider_files.luh2 import write_luh2
from tiny_cubes import COARSE, FINE, LANDUSE8, land_maps, write_labels
from tiny_rollouts import LAND, assembler_of

Array = npt.NDArray[Any]
GROSS = "land_use_gross_transitions"
FORCING = ("land_use_fractions", GROSS)
YEARS = (2000, 2001, 2002, 2005)
WHOLE = COARSE.window


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> Cube:
    """Labels of four times, the last after a gap, with a fifth of the land shuffled each time."""
    maps = {y: m.copy() for y, m in land_maps(YEARS).items()}
    rng = np.random.default_rng(2)
    for codes in maps.values():
        land = np.flatnonzero((codes.ravel() != 0) & (codes.ravel() != 255))
        some = rng.choice(land, land.size // 5, replace=False)
        codes.ravel()[some] = rng.integers(1, 7, some.size)
    path = tmp_path_factory.mktemp("flows") / "cube.zarr"
    return write_labels(path, maps, FINE, COARSE, transitions=True)


@pytest.fixture
def flows(cube: Cube) -> Flows:
    return Flows(CubeDrivers(cube, FINE), LANDUSE8, GROSS)


def shares_at(cube: Cube, tick: int) -> Array:
    """Shares of the land classes in all cells, ``(7, cells)``."""
    return cube.read("land_use_fractions", tick)[1:].reshape(7, -1)


class TestFromLabels:
    @pytest.mark.parametrize(("before", "after"), [(2000, 2001), (2001, 2005), (2000, 2005)])
    def test_they_lead_from_what_there_is_to_what_comes(
        self, cube: Cube, flows: Flows, before: int, after: int
    ) -> None:
        """In both directions, also where a step holds several intervals."""
        one, two = shares_at(cube, before), shares_at(cube, after)
        land = one.sum(axis=0) > 0
        forward = flows.shares(before, after, WHOLE)
        np.testing.assert_allclose(forward.sum(axis=1)[:, land], one[:, land], atol=1e-6)
        np.testing.assert_allclose(forward.sum(axis=0)[:, land], two[:, land], atol=1e-6)
        rates = flows.rates(before, after, WHOLE)
        np.testing.assert_allclose(np.einsum("gc,ghc->hc", one, rates), two, atol=1e-6)
        backward = flows.shares(after, before, WHOLE)
        np.testing.assert_allclose(backward, forward.swapaxes(0, 1), atol=1e-12)
        assert not forward[..., ~land].any()

    def test_one_interval_is_what_the_pixels_did(self, cube: Cube, flows: Flows) -> None:
        """Golden: counted pixel by pixel, areas being equal along a row of cells."""
        window = Window(0, 2, 1, 1)
        one, two = (cube.read("land_use", t)[:8, 16:24] for t in (2002, 2005))
        rows = np.broadcast_to(FINE.row_areas()[:8, None], one.shape)
        expected = np.zeros((7, 7))
        np.add.at(expected, (one.ravel() - 1, two.ravel() - 1), rows.ravel())
        found = flows.shares(2002, 2005, window)[..., 0]
        np.testing.assert_allclose(found, expected / expected.sum(), atol=1e-6)

    def test_several_intervals_are_a_markov_chain(self, flows: Flows) -> None:
        one, two = flows.rates(2000, 2001, WHOLE), flows.rates(2001, 2002, WHOLE)
        land = flows.shares(2000, 2001, WHOLE).any(axis=(0, 1))
        chain = np.einsum("ijc,jkc->ikc", one, two)
        found = flows.rates(2000, 2002, WHOLE)
        kept = found.any(axis=1, keepdims=True) & land
        np.testing.assert_allclose(np.where(kept, found - chain, 0.0), 0.0, atol=1e-9)

    def test_a_cell_has_its_flows_whatever_window_it_lies_in(self, flows: Flows) -> None:
        every = flows.shares(2000, 2005, WHOLE).reshape(7, 7, *COARSE.shape)
        for cells in (Window(1, 2, 2, 3), Window(4, 5, 1, 1)):
            part = flows.shares(2000, 2005, cells).reshape(7, 7, *cells.shape)
            np.testing.assert_array_equal(part, every[(..., *cells.slices)])

    def test_no_time_passes_nothing_moves(self, flows: Flows) -> None:
        np.testing.assert_array_equal(
            flows.rates(2001, 2001, Window(0, 0, 1, 2)), np.eye(7)[..., None].repeat(2, -1)
        )

    @pytest.mark.parametrize("times", [(2001, 2003), (1999, 2001), (2002, 2006)])
    def test_times_that_they_do_not_reach_are_refused(
        self, flows: Flows, times: tuple[int, int]
    ) -> None:
        for before, after in (times, times[::-1]):
            with pytest.raises(SampleError, match=rf"(?s)do not lead.*{times[0]} to {times[1]}"):
                flows.shares(before, after, WHOLE)

    def test_trust_gives_the_rest_to_the_net_change(self, cube: Cube, flows: Flows) -> None:
        gross = flows.shares(2000, 2001, WHOLE)
        half = Flows(CubeDrivers(cube, FINE), LANDUSE8, GROSS, trust=0.5)
        net = net_flows(gross.sum(axis=1), gross.sum(axis=0))
        found = half.shares(2000, 2001, WHOLE)
        np.testing.assert_allclose(found, 0.5 * gross + 0.5 * net, atol=1e-12)
        with pytest.raises(SampleError, match="trust above 0"):
            Flows(CubeDrivers(cube, FINE), LANDUSE8, GROSS, trust=0.0)
        with pytest.raises(SampleError, match="no flows"):
            Flows(CubeDrivers(cube, FINE), LANDUSE8, "land_use_fractions")


class TestFromLuh2:
    """States that are advanced by their own transitions, in the files of the product."""

    GRID = Grid.regular(0, 10, 0.25, 0.25, (3, 4))
    PIXELS = Grid.regular(0, 10, 0.05, 0.05, (15, 20))

    @pytest.fixture
    def drivers(self, tmp_path: Path) -> ArrayDrivers:
        rng = np.random.default_rng(7)
        states = rng.dirichlet(np.full(12, 0.7), self.GRID.shape).transpose(2, 0, 1) * 0.9
        states[:, 0, 0] = np.nan
        held, moved = {}, {}
        for year in (2000, 2001, 2002, 2003):
            held[year] = dict(zip(LUH2_STATES, states.copy(), strict=True))
            moved[year] = {}
            left, next_states = states.copy(), states.copy()
            for layer in LUH2_TRANSITIONS:
                a, b = (LUH2_STATES.index(s) for s in layer.split("_to_"))
                some = left[a] * rng.uniform(0, 0.03, self.GRID.shape)
                moved[year][layer] = some
                left[a] -= some
                next_states[a] -= some
                next_states[b] += some
            harvest = next_states[0] * 0.01  # primary land that is logged becomes secondary
            next_states[0] -= harvest
            next_states[2] += harvest
            states = next_states
        write_luh2(tmp_path / "states.nc", self.GRID, held.items())
        del moved[2003]
        write_luh2(tmp_path / "transitions.nc", self.GRID, moved.items())
        source = open_luh2(tmp_path, Luh2Options())

        def array(name: str) -> DriverArray:
            components = variable(name).components
            about = Described(name, self.GRID, Clock.YEAR, Kind.FRACTION, components)
            ticks = source.fields[name].ticks
            return DriverArray(about, {t: source.read(name, t, self.GRID.window) for t in ticks})

        return ArrayDrivers(self.PIXELS, [array("luh2_states"), array("luh2_transitions")])

    def grouped(self, drivers: ArrayDrivers, tick: int) -> Array:
        """Shares of the groups that LUH2 and the labels both know, of their sum."""
        walk = crosswalk("luh2_states", "landuse8")
        matrix = np.array(walk.matrix)
        states = drivers.cells("luh2_states", tick, self.GRID.window).reshape(12, -1)
        shares = np.stack(
            [
                sum(matrix[:, walk.target_classes.index(c)] for c in group) @ states
                for group in walk.shared
            ]
        )
        return shares / shares.sum(axis=0)

    @pytest.mark.parametrize(("before", "after"), [(2000, 2001), (2000, 2003), (2002, 2000)])
    def test_states_are_led_to_the_states_of_later_years(
        self, drivers: ArrayDrivers, before: int, after: int
    ) -> None:
        flows = Flows(drivers, LANDUSE8, "luh2_transitions")
        found = flows.shares(before, after, self.GRID.window)
        assert not found[..., 0].any(), "nothing is known of the first cell"
        one, two = (self.grouped(drivers, t)[:, 1:] for t in (before, after))
        np.testing.assert_allclose(found.sum(axis=1)[:, 1:], one, atol=2e-6)
        np.testing.assert_allclose(found.sum(axis=0)[:, 1:], two, atol=2e-6)

    def test_what_stays_within_a_group_vanishes(self, drivers: ArrayDrivers) -> None:
        """Between crops, between pastures, and from primary to secondary land."""
        flows = Flows(drivers, LANDUSE8, "luh2_transitions")
        found = flows.shares(2000, 2001, self.GRID.window)
        group = {"urban": 0, "pastr": 2, "range": 2, "primf": 3, "secdf": 3}
        group |= {"primn": 4, "secdn": 4}
        layers = drivers.cells("luh2_transitions", 2000, self.GRID.window).reshape(108, -1)
        expected = np.zeros((5, 5, layers.shape[1]))
        for name, layer in zip(LUH2_TRANSITIONS, layers, strict=True):
            a, b = (group.get(s, 1) for s in name.split("_to_"))
            expected[a, b] += layer
        states = drivers.cells("luh2_states", 2000, self.GRID.window).reshape(12, -1).sum(axis=0)
        off = ~np.eye(5, dtype=bool)
        np.testing.assert_allclose(found[off][:, 1:], (expected / states)[off][:, 1:], atol=1e-6)

    def test_a_missing_year_is_not_stepped_over(self, drivers: ArrayDrivers) -> None:
        with pytest.raises(SampleError, match=r"(?s)do not lead.*2000 to 2004"):
            Flows(drivers, LANDUSE8, "luh2_transitions").shares(2000, 2004, self.GRID.window)


class TestPlacedByRule:
    """The kernel on the true transitions of every cell."""

    @pytest.mark.parametrize(("before", "after"), [(2000, 2001), (2005, 2002)])
    def test_every_transition_of_a_cell_comes_about(
        self, cube: Cube, flows: Flows, before: int, after: int
    ) -> None:
        demand = demand_of(cube, LAND)
        stepper = AllocationStepper("kernel", demand, flows=flows)
        assert stepper.name == "kernel, gross transitions"
        state = stepper.begin(observed_state(cube, LAND_USE, before))
        moved = step(stepper, state, after)[LAND.name].values
        start, truth = (cube.read("land_use", t) for t in (before, after))
        index = CoarseCells.of(FINE, COARSE).index
        for cell in range(COARSE.height * COARSE.width):
            for one in range(1, 8):
                here = (index == cell) & (start == one)
                found, true = (np.bincount(m[here], minlength=8) for m in (moved, truth))
                np.testing.assert_allclose(found, true, atol=1)  # rows of pixels differ in area
        net = step(AllocationStepper("kernel", demand), state, after)[LAND.name].values
        assert (moved != start).sum() > 1.3 * (net != start).sum(), "swaps come in"

    def test_the_cut_changes_nothing(self, cube: Cube, flows: Flows) -> None:
        stepper = AllocationStepper("kernel", demand_of(cube, LAND), flows=flows)
        state = stepper.begin(observed_state(cube, LAND_USE, 2000))
        whole = step(stepper, state, 2002)[LAND.name].values
        parts = step(stepper, state, 2002, stepper.mesh.pieces(200))[LAND.name].values
        np.testing.assert_array_equal(whole, parts)


class TestInModels:
    def test_a_model_is_told_of_the_step_itself(self, cube: Cube) -> None:
        """Rows of the cell's matrix at every pixel, and the same in training and rollout."""
        assembler = assembler_of(cube, FORCING)
        assert assembler.spec.forcing == tuple(f"land_use_fractions/{c}" for c in LANDUSE8.names)
        assert (assembler.spec.flows, assembler.spec.flow_layers) == (GROSS, 64)
        assert assembler.flows is not None
        for before, after in ((2001, 2005), (2005, 2001)):
            rates = assembler.flows.rates(before, after, WHOLE).reshape(7, 7, *COARSE.shape)
            given = assembler.given(before, after, FINE.window)
            table = given.flows.reshape(8, 8, *FINE.shape)
            assert not table[0].any()
            assert not table[:, 0].any()
            np.testing.assert_allclose(table[1:, 1:, 4::8, 4::8], rates, atol=1e-6)
            state = observed_state(cube, LAND_USE, before)
            shown = assembler.inputs(
                state, after, FINE.window, assembler.loop_of(state, after, FINE.window)
            )
            np.testing.assert_array_equal(shown.flows, given.flows)
        options = SampleOptions(window=16, recursion=2, strides=(1,), augment=False)
        labels = {LAND.name: LabelMaps(cube, LAND)}
        sampler = Sampler(assembler, labels, options, (2000, 2002), np.ones(FINE.shape, bool))
        sample = sampler.read((2000, 2001, 2002), Window(8, 8, 16, 16))
        second = step_inputs(stack([sample]), 1, assembler.codings, 0)
        again = assembler.given(2001, 2002, Window(8, 8, 16, 16))
        np.testing.assert_array_equal(second.flows[0], again.flows)

    def test_the_expectation_has_the_cells_own_transitions(self, cube: Cube) -> None:
        """Summed over the pixels of a class in a cell it is the row of the matrix."""
        assembler = assembler_of(cube, FORCING)
        predictor = lively_predictor(assembler.spec)
        state = observed_state(cube, LAND_USE, 2002)
        loop = assembler.loop_of(state, 2005, FINE.window)
        inputs = assembler.inputs(state, 2005, FINE.window, loop)
        batch = tensors(inputs.map(lambda part: part[None]))
        network = predictor.networks[0]
        expected = network.encoder(batch).targets[LAND.name].expected
        assert expected is not None
        assert assembler.flows is not None
        rates = assembler.flows.rates(2002, 2005, WHOLE)
        codes = cube.read("land_use", 2002)
        cells = CoarseCells.of(FINE, COARSE)
        for cell, code in ((9, 4), (22, 2), (26, 3)):
            here = (cells.index == cell) & (codes == code)
            assert here.any()
            found = expected[0][:, here].mean(dim=1).detach().numpy()
            np.testing.assert_allclose(found[1:], rates[code - 1, :, cell], atol=1e-5)

    def test_decisions_are_told_and_the_cut_changes_nothing(self, cube: Cube) -> None:
        assembler = assembler_of(cube, FORCING)
        told = []

        class Asking(PredictorStepper):
            def _asked(self, *args: Any) -> Any:  # noqa: ANN401
                told.append(super()._asked(*args))
                return told[-1]

        stepper = Asking(
            lively_predictor(assembler.spec),
            assembler,
            tiling=Tiling(16, 4),
            decision=Likely(balanced=True),
        )
        state = stepper.begin(observed_state(cube, LAND_USE, 2001))
        whole = step(stepper, state, 2002)
        assert assembler.flows is not None
        np.testing.assert_array_equal(told[0].flows, assembler.flows.shares(2001, 2002, WHOLE))
        np.testing.assert_allclose(told[0].flows.sum(axis=0), told[0].shares, atol=0.3)
        parts = step(stepper, state, 2002, stepper.mesh.pieces(300))
        np.testing.assert_array_equal(whole[LAND.name].values, parts[LAND.name].values)
        plain = PredictorStepper(
            lively_predictor(assembler_of(cube).spec), assembler_of(cube), tiling=Tiling(16, 4)
        )
        assert plain.assembler.flows is None

    def test_what_does_not_go_together_is_refused(self, cube: Cube) -> None:
        drivers = CubeDrivers(cube, FINE)
        with pytest.raises(SampleError, match=r"beside land_use_fractions"):
            input_spec(cube, drivers, LAND_USE, (GROSS,))
        spec = input_spec(cube, drivers, LAND_USE, FORCING, trust=0.7)
        assert spec.trust == 0.7
        bare = ArrayDrivers(FINE, [])
        with pytest.raises(CheckpointError, match=GROSS):
            check_drivers(replace(spec, forcing=()), bare, "here")
        coarser = COARSE.coarsen(5, 6)
        about = Described(GROSS, coarser, Clock.YEAR, Kind.FRACTION, (), LANDUSE8)
        about = replace(about, components=variable(GROSS).layers(LANDUSE8.names))
        moved = DriverArray(about, {2000: np.zeros((64, 1, 1), np.float32)})
        shares = drivers.describe("land_use_fractions")
        kept = DriverArray(shares, {2000: cube.read("land_use_fractions", 2000)})
        mixed = cube_assembler(cube, LAND_USE, spec, ArrayDrivers(FINE, [kept, moved]))
        with pytest.raises(SampleError, match="not those of the fractions"):
            _ = mixed.flows
        assert class_forcing(drivers, LAND, LANDUSE8, (GROSS,)) == ("land_use_fractions",)

    def test_checkpoints_that_know_nothing_of_flows_are_still_read(self) -> None:
        spec = InputSpec(LAND_USE.targets)
        data = spec.to_dict()
        del data["flows"], data["trust"]
        assert InputSpec.from_dict(data) == spec
        told = replace(spec, flows=GROSS, trust=0.5)
        assert InputSpec.from_dict(told.to_dict()) == told
