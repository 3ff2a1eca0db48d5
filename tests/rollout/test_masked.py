"""Masked priors: what is hidden reaches nothing, the cut changes nothing, scores add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from ai4land.cube import ArrayView, Cube, Field, State
from ai4land.errors import SampleError
from ai4land.grid import Grid, Window
from ai4land.rollout import (
    Likely,
    PredictorStepper,
    Tiling,
    masked,
    masked_scores,
    nearest_visible,
    observed_state,
    rollout,
    score_rollout,
    step,
)
from ai4land.samples import ClassCoding, Labels
from ai4land.vocabulary import LAND_USE, NO_DATA
from network_inputs import lively_predictor
from tiny_cubes import FINE, LANDUSE8
from tiny_rollouts import LAND, assembler_of

CODING = ClassCoding(LANDUSE8)


def visible(state: State) -> npt.NDArray[np.bool_]:
    return state[LAND.name].seen(FINE.window)


@pytest.fixture
def initial(tiny_cube: Cube) -> State:
    return observed_state(tiny_cube, LAND_USE, 2005, [2004, 2003])


@pytest.mark.parametrize("block", [1, 4, 7])
def test_a_mask_hides_its_share_in_blocks_by_place(initial: State, block: int) -> None:
    assert visible(initial).all()
    shares = []
    for seed in range(12):
        state = masked(initial, LAND.name, 0.75, block=block, seed=seed)
        seen = visible(state)
        shares.append(1.0 - seen.mean())
        row, col = FINE.anchor
        rows = (np.arange(FINE.height) + row) // block
        cols = (np.arange(FINE.width) + col) // block
        for i, j in ((0, 0), (3, 5), (2, 1)):
            whole = seen[np.ix_(rows == rows[0] + i, cols == cols[0] + j)]
            assert whole.all() or not whole.any()
        for window in (Window(3, 5, 20, 11), Window(-4, -6, 12, 30)):
            part = state[LAND.name].seen(window)
            for piece in FINE.pieces(window):
                np.testing.assert_array_equal(part[piece.target], seen[piece.source])
        np.testing.assert_array_equal(state[LAND.name].values, initial[LAND.name].values)
        assert all(not earlier[LAND.name].seen(FINE.window)[~seen].any() for earlier in state.past)
    assert np.mean(shares) == pytest.approx(0.75, abs=0.04)
    one, two = (masked(initial, LAND.name, 0.75, block=block, seed=s) for s in (0, 1))
    assert (visible(one) != visible(two)).any()
    np.testing.assert_array_equal(
        visible(one), visible(masked(initial, LAND.name, 0.75, block=block, seed=0))
    )


@pytest.mark.parametrize("decision", [Likely(2.3, 2.3), Likely(1.5, 1.5, balanced=True)])
def test_what_is_hidden_reaches_nothing(tiny_cube: Cube, initial: State, decision: Likely) -> None:
    """Other classes under the mask, of the same land, lead to the same map."""
    assembler = assembler_of(tiny_cube, history=2)
    predictor = lively_predictor(assembler.spec)
    stepper = PredictorStepper(
        predictor, assembler, tiling=Tiling(32, 8), decision=decision, feedback="classes"
    )
    state = stepper.begin(masked(initial, LAND.name, 0.6, block=4))
    hidden = ~visible(state)
    codes = state[LAND.name].values
    land = CODING.domain(codes)
    # within each coarse cell, so that the forcing that is made of the map stays as it is
    cell_of = assembler.drivers.describe("land_use_fractions").grid.nearest(FINE)
    cells = cell_of[0][:, None] * 1000 + cell_of[1]
    other = codes.copy()
    rng = np.random.default_rng(0)
    for cell in np.unique(cells):
        where = np.nonzero((cells == cell) & hidden & land)
        rows = FINE.row_areas()[where[0]]
        for area in np.unique(rows):  # of the same area: rows apart
            inside = tuple(axis[rows == area] for axis in where)
            other[inside] = rng.permutation(other[inside])
    assert (other != codes).any()
    field = state[LAND.name]
    swapped = replace(field, view=ArrayView(other, FINE, NO_DATA))
    altered = replace(state, fields={LAND.name: swapped})
    one, two = (step(stepper, s, 2006)[LAND.name] for s in (state, altered))
    np.testing.assert_array_equal(one.values, two.values)
    # and the mask does something
    assert (step(stepper, stepper.begin(initial), 2006)[LAND.name].values != one.values).any()
    assert one.seen(FINE.window).all(), "a model's own map is seen whole"


def test_the_cut_changes_nothing(tiny_cube: Cube, initial: State) -> None:
    assembler = assembler_of(tiny_cube)
    stepper = PredictorStepper(lively_predictor(assembler.spec), assembler, tiling=Tiling(16, 4))
    state = masked(initial, LAND.name, 0.5, block=3)
    whole = step(stepper, state, 2006)[LAND.name].values
    pieces = list(stepper.mesh.pieces(64))
    assert len(pieces) > 4
    np.testing.assert_array_equal(step(stepper, state, 2006, pieces)[LAND.name].values, whole)


def test_the_nearest_visible_pixel_fills() -> None:
    grid = Grid.regular(0.0, 50.0, 0.1, 0.1, (1, 7))
    codes = np.array([[2, 4, 4, 0, 4, 3, NO_DATA]], np.uint8)
    seen = np.array([[True, False, False, True, False, True, True]])
    field = Field.of(LAND.variable, grid, codes, LANDUSE8)
    hidden = replace(field, visible=ArrayView(seen, grid, 0.0))
    found = nearest_visible(hidden, CODING)
    # the sea gives nothing, and neither sea nor the unknown is filled
    np.testing.assert_array_equal(found.values, [[2, 2, 2, 0, 3, 3, NO_DATA]])
    assert found.seen(grid.window).all()
    nothing = replace(field, visible=ArrayView(np.zeros_like(seen), grid, 0.0))
    with pytest.raises(SampleError, match="Nothing of the map is visible"):
        nearest_visible(nothing, CODING)


def test_scores_of_masked_and_visible_pixels_add_up(tiny_cube: Cube, initial: State) -> None:
    labels = Labels(tiny_cube, LAND)
    state = masked(initial, LAND.name, 0.75)
    filled = {LAND.name: nearest_visible(state[LAND.name], labels.coding)}
    states = [state, replace(initial, tick=2006, fields=filled)]
    assembler = assembler_of(tiny_cube)
    predicted = PredictorStepper(lively_predictor(assembler.spec), assembler, tiling=Tiling(16, 4))
    for path in (states, list(rollout(predicted, state, [2006]))):
        found = masked_scores(path, labels)
        tables = {name: scores.leads[0].confusion.counts for name, scores in found.items()}
        np.testing.assert_array_equal(tables["all"], tables["masked"] + tables["visible"])
        every = score_rollout(path, labels).leads[0].confusion.counts
        np.testing.assert_array_equal(tables["all"], every)
        assert tables["masked"].sum() > 2 * tables["visible"].sum() > 0
    half = np.zeros(FINE.shape, dtype=bool)
    half[:20] = True
    cut = masked_scores(states, labels, mask=half)
    assert cut["all"].leads[0].confusion.total < tables["all"].sum()


@pytest.mark.parametrize(("share", "block"), [(1.2, 1), (-0.1, 1), (0.5, 0)])
def test_impossible_masks_are_refused(initial: State, share: float, block: int) -> None:
    with pytest.raises(SampleError, match=r"(?s)Impossible mask.*share in 0…1"):
        masked(initial, LAND.name, share, block=block)
