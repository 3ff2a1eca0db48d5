"""Splits in space: no cell in two parts, and a buffer between them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ai4land.errors import ConfigError
from ai4land.grid import Grid
from ai4land.samples import space_masks
from ai4land.vocabulary import BlockSplit, SplitOptions

COARSE = Grid.regular(0, 60, 0.25, 0.25, (12, 15))
NESTING = Grid.regular(0, 60, 0.05, 0.05, (60, 75))
CUT = Grid.regular(0.6, 59.5, 0.0499, 0.0499, (41, 53))  # edges through coarse cells
BoolArray = npt.NDArray[np.bool_]


@st.composite
def splits(draw: st.DrawFn) -> BlockSplit:
    folds = draw(st.integers(2, 6))
    return BlockSplit(
        cells=draw(st.integers(1, 4)),
        folds=folds,
        fold=draw(st.integers(0, folds - 1)),
        validation_share=draw(st.floats(0.05, 0.6)),
        buffer=draw(st.integers(1, 3)),
        seed=draw(st.integers(0, 99)),
    )


def cell_of(fine: Grid, coarse: Grid) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row and column of the coarse cell of each pixel, by plain arithmetic."""
    lat, lon = np.meshgrid(fine.latitudes(), fine.longitudes(), indexing="ij")
    rows = np.floor((float(coarse.north) - lat) / float(coarse.dy))
    cols = np.floor(np.mod(lon - float(coarse.west), 360.0) / float(coarse.dx))
    return rows.astype(np.int64), cols.astype(np.int64)


def cells_with(mask: BoolArray, fine: Grid, coarse: Grid) -> set[tuple[int, int]]:
    rows, cols = cell_of(fine, coarse)
    return set(zip(rows[mask].tolist(), cols[mask].tolist(), strict=True))


def distance(a: tuple[int, int], b: tuple[int, int], around: int = 0) -> int:
    """Cells from one to the other, diagonals counted as one; ``around`` a circle of columns."""
    across = abs(a[1] - b[1])
    return max(abs(a[0] - b[0]), min(across, around - across) if around else across)


def apart(one: set[tuple[int, int]], two: set[tuple[int, int]], around: int = 0) -> int:
    return min((distance(a, b, around) for a in one for b in two), default=10**6)


@pytest.mark.parametrize("fine", [NESTING, CUT], ids=["nesting", "cut"])
@given(split=splits())
@settings(max_examples=60, deadline=None)
def test_parts_are_whole_cells_with_a_buffer_between(fine: Grid, split: BlockSplit) -> None:
    try:
        masks = space_masks(fine, COARSE, split)
    except ConfigError:
        assume(False)
    parts = (masks.train, masks.validation, masks.test)
    assert all(part.shape == fine.shape and part.dtype == bool for part in parts)
    train, validation, test = (cells_with(part, fine, COARSE) for part in parts)
    assert not train & validation
    assert not train & test
    assert not validation & test
    for part, cells in zip(parts, (train, validation, test), strict=True):
        assert not cells & cells_with(~part, fine, COARSE), "a cell lies in two parts"
    assert apart(train, validation | test) > split.buffer
    assert apart(validation, test) > split.buffer


@given(split=splits())
@settings(max_examples=30, deadline=None)
def test_each_pixel_is_tested_in_exactly_one_fold(split: BlockSplit) -> None:
    try:
        tests = [
            space_masks(NESTING, COARSE, split.model_copy(update={"fold": k})).test
            for k in range(split.folds)
        ]
    except ConfigError:
        assume(False)
    assert (np.sum(tests, axis=0) == 1).all()
    sizes = [len(cells_with(t, NESTING, COARSE)) for t in tests]
    assert max(sizes) - min(sizes) <= split.cells**2 * 6, "folds are dealt evenly"


def test_the_buffer_goes_around_the_globe() -> None:
    """Blocks at 180° E and 180° W are neighbours."""
    coarse = Grid.regular(-180, 90, 10, 10, (18, 36))
    fine = Grid.regular(-180, 90, 2.5, 2.5, (72, 144))
    touched = 0
    for seed in range(6):
        split = BlockSplit(cells=3, folds=4, seed=seed, buffer=1)
        masks = space_masks(fine, coarse, split)
        train, held = (
            cells_with(m, fine, coarse) for m in (masks.train, masks.test | masks.validation)
        )
        assert train
        assert apart(train, held, around=36) > 1
        touched += sum(col in (0, 35) for _, col in held)
    assert touched, "some held-out cell lies at the date line"


def test_a_region_across_the_date_line_is_split_as_any_other() -> None:
    coarse = Grid.regular(-180, 90, 2, 2, (90, 180))
    here, across = (Grid.regular(west, 10, 0.5, 0.5, (72, 72)) for west in (20, 170))
    for seed in range(4):
        split = BlockSplit(cells=3, folds=4, seed=seed)
        masks, same = space_masks(across, coarse, split), space_masks(here, coarse, split)
        train, test = (cells_with(m, across, coarse) for m in (masks.train, masks.test))
        assert train
        assert test
        assert apart(train, test, around=180) > 1
        assert (masks.train == same.train).all()
        assert (masks.test == same.test).all()


def test_folds_share_the_land_and_leave_the_sea() -> None:
    """Blocks without land are in no fold; the others are dealt so that folds hold like areas."""
    domain = np.zeros(NESTING.shape, dtype=bool)
    domain[:30, 20:] = True
    domain[31, 40:60] = True
    lands = []
    for fold in range(3):
        split = BlockSplit(cells=2, folds=3, fold=fold, seed=2)
        masks = space_masks(NESTING, COARSE, split, domain)
        lands.append(int((masks.test & domain).sum()))
        held = masks.test | masks.validation
        for row in range(0, 60, 10):
            for col in range(0, 75, 10):
                block = (slice(row, row + 10), slice(col, col + 10))
                assert domain[block].any() or not held[block].any()
    assert sum(lands) == domain.sum()
    assert max(lands) - min(lands) <= 100, "folds differ by one block at most"
    lonely = np.zeros(NESTING.shape, dtype=bool)
    lonely[:10, :10] = True
    with pytest.raises(ConfigError, match=r"(?s)Fewer spatial blocks.*found: 1 blocks"):
        space_masks(NESTING, COARSE, BlockSplit(cells=2, folds=3), lonely)


def test_the_same_seed_deals_the_same_blocks() -> None:
    split = BlockSplit(cells=2, folds=3, fold=1, seed=4)
    one, two = space_masks(NESTING, COARSE, split), space_masks(NESTING, COARSE, split)
    assert (one.train == two.train).all()
    assert (one.validation == two.validation).all()
    other = space_masks(NESTING, COARSE, split.model_copy(update={"seed": 5}))
    assert (one.test != other.test).any()


def test_without_blocks_everything_is_in_all_parts() -> None:
    masks = space_masks(NESTING, COARSE, None)
    assert masks.train.all()
    assert masks.validation.all()
    assert masks.test.all()


def test_too_large_blocks_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"(?s)Fewer spatial blocks than folds.*found: 4 blocks of 8"
    ):
        space_masks(NESTING, COARSE, BlockSplit(cells=8, folds=5))


def test_a_fold_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError, match="folds are 0…2"):
        BlockSplit(folds=3, fold=3)


def test_times_may_share_no_year_but_the_border() -> None:
    SplitOptions(train=(1960, 1979), validation=(1979, 1985))
    SplitOptions(train=(1985, 2000), validation=(1980, 1985))
    SplitOptions(train=(1960, 1985), validation=(1970, 1985), space=BlockSplit())
    with pytest.raises(ValidationError, match="share years"):
        SplitOptions(train=(1960, 1980), validation=(1979, 1985))
    with pytest.raises(ValidationError, match="holds no step"):
        SplitOptions(train=(1960, 1960), validation=(1979, 1985))


def test_members_take_turns() -> None:
    """Rounds of years in turn; with blocks every member has its own validation blocks."""
    one, two = (
        {"train": (1990, 2000), "validation": (1985, 1990)},
        {
            "train": (1985, 1995),
            "validation": (1995, 2000),
        },
    )
    split = SplitOptions.model_validate({**one, "rounds": [two]})
    assert [split.turns(n) for n in (1, 2, 5)] == [1, 2, 2]
    seen = [split.turn(k).validation for k in range(3)]
    assert seen == [(1985, 1990), (1995, 2000), (1985, 1990)]
    assert split.turn(1).train == (1985, 1995)
    assert split.turn(1).rounds == ()
    with pytest.raises(ValidationError, match="share years"):
        SplitOptions.model_validate({**one, "rounds": [{**two, "validation": (1990, 1996)}]})
    blocks = SplitOptions.model_validate({**one, "space": {"folds": 4, "cells": 2}})
    assert blocks.turns(3) == 3
    assert [blocks.turn(k).space.turn for k in range(3) if blocks.turn(k).space] == [0, 1, 2]


def test_turns_move_validation_and_never_the_test() -> None:
    masks = [
        space_masks(NESTING, COARSE, BlockSplit(cells=2, folds=4, fold=1, turn=k)) for k in (0, 1)
    ]
    np.testing.assert_array_equal(masks[0].test, masks[1].test)
    assert (masks[0].validation != masks[1].validation).any()
    for mask in masks:
        assert not (mask.validation & mask.test).any()
        assert not (mask.train & (mask.validation | mask.test)).any()


@given(split=splits())
@settings(max_examples=30, deadline=None)
def test_without_a_fold_nothing_is_held_out_for_the_test(split: BlockSplit) -> None:
    try:
        masks = space_masks(NESTING, COARSE, split.model_copy(update={"fold": None}))
    except ConfigError:
        assume(False)
    assert not masks.test.any()
    train, validation = (
        cells_with(part, NESTING, COARSE) for part in (masks.train, masks.validation)
    )
    assert train
    assert validation
    assert apart(train, validation) > split.buffer
    assert len(validation) < len(cells_with(np.ones(NESTING.shape, bool), NESTING, COARSE))
