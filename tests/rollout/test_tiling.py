"""Sliding windows: what overlaps is averaged, nothing is seen twice or never."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.cube import Cube, State
from ai4land.errors import ConfigError, GridError
from ai4land.grid import Grid, Window
from ai4land.models.networks import NetworkPredictor, build_network
from ai4land.rollout import PredictorStepper, Tile, Tiling, observed_state, step
from ai4land.rollout.tiling import blended
from ai4land.vocabulary import LAND_USE
from network_inputs import lively_predictor
from predictors import Spy
from tiny_cubes import FINE
from tiny_rollouts import assembler_of

FloatArray = npt.NDArray[np.float32]
Predict = Callable[[Sequence[Window]], FloatArray]


def reading(field: FloatArray, grid: Grid, blur: bool = False) -> Predict:
    """A prediction that is the field itself, or its mean over three columns."""

    def cut(window: Window) -> FloatArray:
        out = np.zeros((*field.shape[:-2], *window.shape), np.float32)
        for piece in grid.pieces(window):
            out[(..., *piece.target)] = field[(..., *piece.source)]
        return out

    def predict(windows: Sequence[Window]) -> FloatArray:
        parts = [cut(w.pad(1))[..., 1:-1, :] for w in windows]
        if not blur:
            return np.stack([p[..., 1:-1] for p in parts])
        return np.stack([(p[..., :-2] + p[..., 1:-1] + p[..., 2:]) / 3 for p in parts])

    return predict


def swept(
    grid: Grid, tiling: Tiling, predict: Predict, pieces: Sequence[Window] | None = None
) -> FloatArray:
    """The whole grid, put together from pieces."""
    out: FloatArray | None = None
    for piece in pieces or [grid.window]:
        tiles = list(tiling.meeting(grid, piece))
        found = blended(
            tiles,
            piece,
            tiling.weights(),
            lambda tile, piece=piece: predict([tiling.place(grid, tile, piece)])[0],
        )
        out = np.full((len(found), *grid.shape), np.nan, np.float32) if out is None else out
        for part in grid.pieces(piece):
            out[(..., *part.source)] = found[(..., *part.target)]
    assert out is not None
    return out


@st.composite
def tilings(draw: st.DrawFn) -> Tiling:
    tile = draw(st.integers(1, 20))
    return Tiling(tile, draw(st.integers(0, tile - 1)), draw(st.integers(1, 5)))


@given(
    tiling=tilings(),
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    globe=st.booleans(),
)
@settings(max_examples=120, deadline=None)
def test_every_pixel_comes_back_once(tiling: Tiling, shape: tuple[int, int], globe: bool) -> None:
    """A field predicted pixel by pixel comes back: no weight is zero, a constant stays one."""
    dx = 360 / shape[1] if globe else 0.1
    grid = Grid.regular(-180, 60, dx, 0.1, shape)
    assert grid.is_global == globe
    field = np.random.default_rng(1).random((2, *shape)).astype(np.float32) + 1
    field[1] = 0.375
    found = swept(grid, tiling, reading(field, grid))
    np.testing.assert_allclose(found, field, rtol=1e-5)


@given(tiling=tilings(), shape=st.tuples(st.integers(1, 40), st.integers(1, 40)), data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_pixel_has_its_bytes_in_every_piece(
    tiling: Tiling, shape: tuple[int, int], data: st.DataObject
) -> None:
    """Tiles that err each in its own way: the sum at a pixel is the same however it is cut."""
    west = data.draw(st.integers(-180, 179))
    globe = data.draw(st.booleans())
    grid = Grid.regular(west, 90, 360 / shape[1] if globe else 1, 1, shape)
    error = np.random.default_rng(2).random((7, 11)).astype(np.float32)

    def predict(windows: Sequence[Window]) -> FloatArray:
        (window,) = windows
        row, col = window.row + grid.anchor[0], window.col + grid.anchor[1]
        col = col if grid.circle is None else col % grid.circle
        value = error[row % 7, col % 11]
        return np.full((1, 1, *window.shape), value, np.float32) * np.arange(
            1, window.width + 1, dtype=np.float32
        )

    whole = swept(grid, tiling, predict)
    rows = sorted({0, shape[0], *data.draw(st.lists(st.integers(0, shape[0]), max_size=3))})
    start = data.draw(st.integers(0, shape[1] - 1)) if globe else 0
    cuts = data.draw(st.lists(st.integers(0, shape[1]), max_size=3))
    cols = sorted({0, shape[1], *cuts})
    pieces = [
        Window(r, start + c, below - r, right - c)
        for r, below in itertools.pairwise(rows)
        for c, right in itertools.pairwise(cols)
    ]
    found = swept(grid, tiling, predict, data.draw(st.permutations(pieces)))
    np.testing.assert_array_equal(found, whole)


def test_a_region_has_the_tiles_of_the_globe() -> None:
    """What the tiles of a part are is where they are on the globe."""
    globe = Grid.regular(-180, 90, 1, 1, (180, 360))
    tiling = Tiling(tile=32, overlap=8)
    window = Window(40, 340, 50, 60)  # across the date line
    part = globe.crop(window)
    here = {
        t: [w.shift(window.row, window.col) for w in ws]
        for t, ws in tiling.meeting(part, part.window)
    }
    there = dict(tiling.meeting(globe, window))
    assert here == there
    tops = {w.row for ws in there.values() for w in ws}
    assert all((top + 4) % 24 == 0 for top in tops), "half an overlap beyond the pole"


def test_another_origin_moves_the_tiles() -> None:
    grid = Grid.regular(10, 50, 0.1, 0.1, (40, 70))
    row, col = grid.anchor
    tiling = Tiling(tile=16, overlap=6, origin=(row - 3, col - 3))
    starts = {w.row for _, ws in tiling.meeting(grid, grid.window) for w in ws}
    assert starts == {-3, 7, 17, 27, 37}


BEGINS_BEFORE = {
    "row cut at the pole": (Tiling(8, 0), Grid.regular(-180.5, 90.5, 1, 1, (16, 16))),
    "node on the pole": (Tiling(8, 1), Grid.from_centres(90.0 - np.arange(9), np.arange(12.0))),
    "west edge": (Tiling(16, 4), Grid.regular(-180.005, 60, 0.0099886, 0.0099886, (20, 40))),
    "origin in the grid": (
        Tiling(8, 2, origin=(20, 20)),
        Grid.regular(-180, 90, 1, 1, (30, 30)),
    ),
    "origin beyond the grid": (
        Tiling(8, 2, batch=3, origin=(200, 50)),
        Grid.regular(-180, 90, 1, 1, (16, 19)),
    ),
}


@pytest.mark.parametrize("name", BEGINS_BEFORE)
def test_tiles_cover_a_grid_that_begins_before_them(name: str) -> None:
    """Tiles count down from the first as well, and a pixel has its bytes in every piece."""
    tiling, grid = BEGINS_BEFORE[name]
    field = np.random.default_rng(1).random((1, *grid.shape)).astype(np.float32)
    exact = reading(field, grid)
    np.testing.assert_allclose(swept(grid, tiling, exact), field, rtol=1e-5)
    error = np.random.default_rng(2).random((tiling.tile, tiling.tile)).astype(np.float32)
    height, width = grid.shape
    pieces = [
        Window(r, c, min(5, height - r), min(7, width - c))
        for r in range(0, height, 5)
        for c in range(0, width, 7)
    ]
    one, many = (swept(grid, tiling, lambda w: exact(w) + error, cut) for cut in (None, pieces))
    np.testing.assert_array_equal(one, many)
    for tile, _ in tiling.meeting(grid, grid.window):
        batch = tiling.together(grid, tile)
        assert tile in batch
        assert all(tiling.together(grid, other) == batch for other in batch)


def test_tiles_before_the_first_blend_with_it() -> None:
    """The seam at the origin is like any other: both tiles count, the inner one more."""
    tiling = Tiling(8, 2, origin=(0, 20))
    grid = Grid.regular(-180, 90, 1, 1, (8, 40))
    found = [t.col for t, _ in tiling.meeting(grid, Window(4, 20, 1, 2))]
    assert found == [-1, 0]


def test_pixels_without_a_tile_are_refused() -> None:
    grid, tiling = Grid.regular(0, 50, 1, 1, (16, 16)), Tiling(8, 0)
    tiles = list(tiling.meeting(grid, grid.window))
    for some in ([], tiles[1:]):
        with pytest.raises(GridError, match=r"(?s)do not cover.*row 0, column 0.*remedy"):
            blended(some, grid.window, tiling.weights(), lambda _: np.ones((1, 8, 8), np.float32))


def test_weights_of_neighbours_sum_to_one() -> None:
    tiling = Tiling(tile=16, overlap=6)
    total = np.zeros(36)
    for start in (0, 10, 20):
        total[start : start + 16] += tiling.weights()[8] / tiling.weights()[8, 8]
    np.testing.assert_allclose(total[6:-6], 1.0, rtol=1e-5)


@pytest.mark.parametrize(("tile", "overlap"), [(24, 0), (24, 8), (30, 12)])
def test_a_rolled_globe_gives_a_rolled_answer(tile: int, overlap: int) -> None:
    """The date line is a column like any other: turning the input turns the output."""
    grid = Grid.regular(-180, 90, 5, 5, (36, 72))
    field = np.random.default_rng(0).random((1, *grid.shape)).astype(np.float32)
    tiling = Tiling(tile, overlap)
    straight = swept(grid, tiling, reading(field, grid, blur=True))
    for turn in (tile - overlap, 5):
        rolled = np.roll(field, turn, axis=-1)
        found = swept(grid, tiling, reading(rolled, grid, blur=True))
        np.testing.assert_allclose(found, np.roll(straight, turn, axis=-1), atol=1e-6)
    around = (np.roll(field, 1, -1) + field + np.roll(field, -1, -1)) / 3
    np.testing.assert_allclose(straight, around, atol=1e-6)


@pytest.mark.parametrize(("tile", "overlap"), [(24, 0), (24, 6), (30, 12)])
def test_no_column_of_the_globe_is_special(tile: int, overlap: int) -> None:
    """Also where tiles err towards their borders: turned by a stride, all errors turn along."""
    grid = Grid.regular(-180, 90, 5, 5, (36, 72))
    field = np.random.default_rng(0).random((1, *grid.shape)).astype(np.float32)
    error = np.random.default_rng(1).random((tile, tile)).astype(np.float32)
    tiling = Tiling(tile, overlap)
    turn = tile - overlap

    def answer(values: FloatArray) -> FloatArray:
        exact = reading(values, grid)
        return swept(grid, tiling, lambda windows: exact(windows) + error)

    rolled = answer(np.roll(field, turn, axis=-1))
    np.testing.assert_allclose(rolled, np.roll(answer(field), turn, axis=-1), atol=1e-5)


@pytest.mark.parametrize("globe", [True, False])
def test_the_answer_is_the_weighted_mean_of_all_tiles(globe: bool) -> None:
    width, dx = (72, 5) if globe else (50, 0.5)
    grid = Grid.regular(-180, 80, dx, 0.5, (61, width))
    tiling = Tiling(tile=16, overlap=6)
    rng = np.random.default_rng(4)
    memo: dict[Window, FloatArray] = {}

    def noise(windows: Sequence[Window]) -> FloatArray:
        for w in windows:
            memo.setdefault(w, rng.random((3, 16, 16)).astype(np.float32))
        return np.stack([memo[w] for w in windows])

    found = swept(grid, tiling, noise)
    total, mass = np.zeros((3, *grid.shape)), np.zeros(grid.shape)
    for window, values in memo.items():
        for r, c in itertools.product(range(16), range(16)):
            y, x = window.row + r, window.col + c
            x = x % width if globe else x
            if 0 <= y < 61 and 0 <= x < width:
                weight = float(tiling.weights()[r, c])
                total[:, y, x] += weight * values[:, r, c]
                mass[y, x] += weight
    np.testing.assert_allclose(found, total / mass, rtol=1e-5)


@pytest.mark.parametrize("col", [0, 5, 13])
def test_a_batch_is_the_same_for_all_its_tiles(col: int) -> None:
    grid = Grid.regular(-180, 90, 5, 5, (36, 72))
    tiling = Tiling(16, 6, batch=4)  # eight tiles around the globe
    batch = tiling.together(grid, Tile(1, col % 8))
    assert len(batch) == 4
    assert all(tiling.together(grid, tile) == batch for tile in batch)
    last = Tiling(16, 6, batch=3).together(grid, Tile(0, 7))
    assert last == [Tile(0, 6), Tile(0, 7)], "the circle ends here"


@pytest.mark.parametrize(("tile", "overlap", "batch"), [(8, 8, 1), (8, -1, 1), (8, 0, 0)])
def test_impossible_tilings_are_refused(tile: int, overlap: int, batch: int) -> None:
    with pytest.raises(GridError, match=r"(?s)Impossible tiling.*tile 8"):
        Tiling(tile, overlap, batch)


def probability(cube: Cube, initial: State, tiling: Tiling) -> FloatArray:
    assembler = assembler_of(cube, static=("slope",))
    stepper = PredictorStepper(lively_predictor(assembler.spec), assembler, tiling=tiling)
    field = step(stepper, initial, 2007)["land_use"]
    assert field.probabilities is not None
    return field.probabilities


def test_tiles_with_a_halo_equal_the_whole_map(tiny_cube: Cube) -> None:
    """Pixels that only one tile sees, further inside than the network looks, are exact."""
    initial = observed_state(tiny_cube, LAND_USE, 2005)
    row, col = FINE.anchor
    whole = probability(tiny_cube, initial, Tiling(96, 48, origin=(row - 24, col - 24)))
    halo, tiling = 12, Tiling(tile=40, overlap=8, origin=(row - 4, col - 4))
    tiled = probability(tiny_cube, initial, tiling)
    sees, well = (np.zeros((2, 48), int) for _ in range(2))
    for axis, length in enumerate(FINE.shape):
        for start in (-4, 28):
            sees[axis, max(start, 0) : min(start + 40, length)] += 1
            well[axis, max(start + halo, 0) : min(start + 40 - halo, length)] += 1
    good = (sees == 1) & (well == 1)
    alone = np.outer(good[0, :40], good[1])
    assert alone.sum() > 300
    np.testing.assert_allclose(tiled[:, alone], whole[:, alone], atol=1e-5)
    assert np.abs(tiled - whole).max() > 1e-4, "at their borders tiles do differ"


def test_a_tile_must_fit_the_model(tiny_cube: Cube) -> None:
    assembler = assembler_of(tiny_cube)
    network = build_network({"name": "unet", "widths": [4, 4, 4]}, assembler.spec)
    predictor = NetworkPredictor([network])
    PredictorStepper(predictor, assembler, tiling=Tiling(tile=20, overlap=4))
    with pytest.raises(ConfigError, match=r"(?s)tile does not fit.*multiple of 4.*30"):
        PredictorStepper(predictor, assembler, tiling=Tiling(tile=30, overlap=4))


def test_open_sea_is_not_computed(tiny_cube: Cube) -> None:
    assembler = assembler_of(tiny_cube)
    spy = Spy(lively_predictor(assembler.spec))
    initial = observed_state(tiny_cube, LAND_USE, 2005)
    step(PredictorStepper(spy, assembler, tiling=Tiling(4, 0, origin=FINE.anchor)), initial, 2006)
    # 10 × 12 tiles, the first column of tiles is sea; the second holds some land
    assert sum(len(inputs.calendar) for inputs in spy.shown) == 10 * 11
