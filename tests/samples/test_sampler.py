"""Drawing samples: the same for the same seed, where land changed, and never across a split."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from assemblers import assembler_of, sampler_of
from hypothesis import given, settings
from hypothesis import strategies as st

from ai4land.cube import Cube, GroupSpec, VariableSpec
from ai4land.errors import SampleError
from ai4land.grid import Grid, Window, slope_aspect
from ai4land.samples import (
    Assembler,
    Hide,
    Noise,
    Sample,
    SampleOptions,
    Sampler,
    TargetSample,
    space_masks,
    stack,
)
from ai4land.vocabulary import LAND_USE, NO_DATA, BlockSplit, Clock, Direction, variable
from tiny_cubes import COARSE, FINE, LANDUSE8, YEARS, land_maps, write_cube, write_labels

BOTH = (Direction.FORWARD, Direction.BACKWARD)
EVERYWHERE = np.ones(FINE.shape, dtype=bool)
STATIC = ("elevation", "slope", "aspect_north", "aspect_east", "climate_zone")
SPAN = (YEARS[0], YEARS[-1])
Array = npt.NDArray[Any]


# as much of an assembler as a sampler asks for when it lists its steps
_TASK_ON_A_GRID = SimpleNamespace(
    task=LAND_USE, drivers=SimpleNamespace(grid=FINE), reaches=lambda tick: True
)


def driven(cube: Cube, history: int = 0) -> Assembler:
    return assembler_of(cube, ("land_use_fractions",), STATIC, history=history)


@pytest.fixture(scope="module")
def assembler(tiny_cube: Cube) -> Assembler:
    return driven(tiny_cube)


def land(sample: Sample) -> TargetSample:
    return sample.targets["land_use"]


def where(sample: Sample) -> tuple[Array, Array, Array]:
    """Row and column of each pixel, as its elevation tells, and whether it lies in the grid."""
    height = sample.static[0, 0]
    inside = np.isfinite(height)
    number = np.rint(np.nan_to_num(height) * 4).astype(int)
    return number // 80, number % 80, inside


def assert_same(one: Sample, two: Sample) -> None:
    def assert_equal(first: object, second: object) -> None:
        for field in fields(first):  # type: ignore[arg-type]
            if field.name != "targets" or isinstance(first, TargetSample):
                pair = (getattr(part, field.name) for part in (first, second))
                np.testing.assert_array_equal(*pair, err_msg=field.name)

    assert_equal(one, two)
    assert set(one.targets) == set(two.targets)
    for name, target in one.targets.items():
        assert_equal(target, two.targets[name])


def test_the_same_seed_gives_the_same_sample(tiny_cube: Cube) -> None:
    corruption = (Noise(share=0.2), Hide(probability=0.5, share=0.75))
    options = SampleOptions(window=16, strides=(1, 2), directions=BOTH, corruption=corruption)
    samplers = [sampler_of(driven(tiny_cube), options, SPAN) for _ in range(2)]
    samplers[1].draw(np.random.default_rng(99))  # what was drawn before does not matter
    for seed in range(8):
        one, two = (s.draw(np.random.default_rng([7, seed])) for s in samplers)
        assert_same(one, two)
    other = samplers[0].draw(np.random.default_rng([8, 0]))
    assert not np.array_equal(one.static, other.static, equal_nan=True) or not np.array_equal(
        land(one).prior, land(other).prior
    )


@pytest.mark.parametrize("seed", range(3))
def test_nothing_crosses_the_split(tiny_cube: Cube, seed: int) -> None:
    """Pixels outside the mask are neither in the loss nor seen, at no time of a sample."""
    split = BlockSplit(cells=1, folds=9, fold=1, seed=seed, validation_share=0.1)
    masks = space_masks(FINE, COARSE, split)
    options = SampleOptions(
        window=24,
        directions=BOTH,
        recursion=2,
        history=2,
        history_drop=0.0,
        corruption=(Noise(share=0.3), Hide(probability=0.3, share=0.75)),
    )
    assembler = driven(tiny_cube, history=2)
    rng = np.random.default_rng(seed)
    for mask in (masks.train, masks.validation):
        sampler = sampler_of(assembler, options, SPAN, mask)
        met = 0
        for _ in range(25):
            sample = sampler.draw(rng)
            row, col, inside = where(sample)
            allowed = inside & mask[row % 40, col % 48]
            assert not land(sample).visible[~allowed].any()
            assert not land(sample).valid[:, ~allowed].any()
            assert not land(sample).history_visible[:, ~allowed].any()
            assert not (land(sample).history_visible & ~land(sample).visible).any()
            met += int(land(sample).valid.sum())
        assert met > 0


def test_a_sample_is_the_cube_at_its_place(tiny_cube: Cube, assembler: Assembler) -> None:
    """However a window is turned, all its fields are those of the pixels it holds."""
    options = SampleOptions(window=16, strides=(2,), directions=BOTH, recursion=2)
    sampler = sampler_of(assembler, options, SPAN)
    rng = np.random.default_rng(2)
    series = tiny_cube.series("land_use")
    shares = tiny_cube.series("land_use_fractions").repeat(8, axis=2).repeat(8, axis=3)
    turned = set()
    for _ in range(40):
        sample = sampler.draw(rng)
        row, col, inside = where(sample)
        assert inside.all()
        turned.add((int(row[0, 1] - row[0, 0]), int(col[0, 1] - col[0, 0])))
        jump = int(sample.calendar[0, 0])
        assert abs(jump) == 2
        assert sample.calendar.tolist() == [[jump], [jump]]
        maps = np.concatenate([land(sample).before[None], land(sample).targets])
        runs = [range(i, i + 3 * jump, jump) for i in range(len(YEARS))]
        assert any(
            np.array_equal(series[run][:, row, col], maps)
            and np.array_equal(shares[run][:, :, row, col], sample.forcing)
            for run in map(list, runs)
            if min(run) >= 0 and max(run) < len(YEARS)
        )
        np.testing.assert_array_equal(land(sample).prior, land(sample).before)
        known = land(sample).before != NO_DATA
        exists = known & (land(sample).before != 0)
        np.testing.assert_array_equal(land(sample).visible, known)
        np.testing.assert_array_equal(land(sample).domain, exists)
        np.testing.assert_array_equal(land(sample).valid, [exists, exists])
        # a cell's pixels share one number
        cells = (row // 8) * 6 + col // 8
        pairs = set(zip(cells.flat, sample.cell.flat, strict=True))
        assert len(pairs) == len(np.unique(cells)) == len(np.unique(sample.cell))
    assert turned == {(0, 1), (0, -1), (1, 0), (-1, 0)}


def test_earlier_maps_are_those_before(tiny_cube: Cube) -> None:
    assembler = driven(tiny_cube, history=2)
    options = SampleOptions(window=16, directions=BOTH, recursion=1, history=2)
    sampler = sampler_of(assembler, options, (2002, 2009))
    window = Window(12, 16, 16, 16)
    series = dict(zip(YEARS, tiny_cube.series("land_use"), strict=True))

    def part(year: int) -> Array:
        return np.asarray(series[year][window.slices])

    forward = sampler.read((2004, 2005), window)
    np.testing.assert_array_equal(land(forward).history, [part(2003), part(2002)])
    assert land(forward).history_visible.all()
    backward = sampler.read((2008, 2007), window)
    np.testing.assert_array_equal(land(backward).history[0], part(2009))
    assert land(backward).history_visible[0].all()
    assert not land(backward).history_visible[1].any(), "2010 is outside the split"
    assert not land(sampler.read((2002, 2003), window)).history_visible.any()
    half = EVERYWHERE.copy()
    half[:, 24:] = False
    held = sampler_of(assembler, options, (2002, 2009), half).read((2004, 2005), window)
    seen = land(held)
    assert seen.history_visible[:, :, :8].all()
    assert not seen.history_visible[:, :, 8:].any(), "what is held out was never seen"
    wider = sampler_of(assembler, options, (2002, 2009), known=(2001, 2010))
    assert land(wider.read((2008, 2007), window)).history_visible.all()
    assert land(wider.read((2002, 2003), window)).history_visible.any(axis=(1, 2)).tolist() == [
        True,
        False,
    ]


def test_some_samples_have_no_history(tiny_cube: Cube) -> None:
    assembler = driven(tiny_cube, history=1)
    options = SampleOptions(window=16, recursion=1, history=1, history_drop=0.5)
    sampler = sampler_of(assembler, options, SPAN)
    seen = [
        land(sampler.draw(np.random.default_rng(seed))).history_visible.any() for seed in range(120)
    ]
    assert 0.3 < np.mean(seen) < 0.6  # the first step has none either way


@given(
    years=st.sets(st.sampled_from(YEARS), min_size=2),
    strides=st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True),
    recursion=st.integers(1, 4),
    directions=st.sampled_from([BOTH, BOTH[:1], BOTH[1:]]),
    span=st.tuples(st.integers(1999, 2012), st.integers(1999, 2012)),
)
@settings(max_examples=80, deadline=None)
def test_steps_never_leave_the_span(
    years: set[int],
    strides: list[int],
    recursion: int,
    directions: tuple[Direction, ...],
    span: tuple[int, int],
) -> None:
    span = (min(span), max(span))
    labels = {"land_use": SimpleNamespace(target=LAND_USE.targets[0], ticks=tuple(sorted(years)))}
    parts: Any = (_TASK_ON_A_GRID, labels)
    options = SampleOptions(strides=tuple(strides), recursion=recursion, directions=directions)
    within = {y for y in years if span[0] <= y <= span[1]}
    possible = {b - a for a in within for b in within if a < b} & set(strides)
    if not possible:
        with pytest.raises(SampleError, match="No step fits the split"):
            Sampler(*parts, options, span, EVERYWHERE)
        return
    sampler = Sampler(*parts, options, span, EVERYWHERE)
    assert len({len(run) for run in sampler.steps}) == 1
    assert len(set(sampler.steps)) == len(sampler.steps)
    assert {1 if run[1] > run[0] else -1 for run in sampler.steps} == {d.sign for d in directions}
    assert {abs(run[1] - run[0]) for run in sampler.steps} == possible
    for run in sampler.steps:
        assert set(run) <= within
        assert len(set(np.diff(run))) == 1
        assert 1 <= len(run) - 1 <= recursion


def test_long_steps_are_drawn_less_often(assembler: Assembler) -> None:
    options = SampleOptions(window=16, strides=(1, 5), recursion=1, stride_decay=1.0)
    sampler = sampler_of(assembler, options, SPAN)
    lengths = [
        float(sampler.draw(np.random.default_rng(seed)).calendar[0, 0]) for seed in range(400)
    ]
    # 11 steps of one year and 7 of five, the latter a fifth as likely each
    assert np.mean(np.array(lengths) == 5) == pytest.approx(1.4 / 12.4, abs=0.05)
    even = options.model_copy(update={"stride_decay": 0.0})
    sampler = sampler_of(assembler, even, SPAN)
    lengths = [
        float(sampler.draw(np.random.default_rng(seed)).calendar[0, 0]) for seed in range(400)
    ]
    assert np.mean(np.array(lengths) == 5) == pytest.approx(7 / 18, abs=0.08)


@pytest.fixture(scope="module")
def corner(tmp_path_factory: pytest.TempPathFactory) -> Assembler:
    """Land that changes in a few pixels of one corner alone."""
    fine = Grid.regular(0, 60, 0.1, 0.1, (128, 160))
    before = np.full(fine.shape, 4, np.uint8)
    before[:, :20] = 0
    after = before.copy()
    after[100:103, 140:144] = 2
    path = tmp_path_factory.mktemp("corner") / "cube.zarr"
    cube = write_labels(path, {2000: before, 2001: after}, fine, fine.coarsen(16, 16))
    return assembler_of(cube, ("land_use_fractions",))


@pytest.mark.parametrize("directions", [BOTH[:1], BOTH[1:]], ids=["forward", "backward"])
def test_samples_are_drawn_where_land_changed(
    corner: Assembler, directions: tuple[Direction, ...]
) -> None:
    def share(changed_share: float) -> float:
        options = SampleOptions(
            window=32, recursion=1, directions=directions, changed_share=changed_share
        )
        mask = np.ones(corner.drivers.grid.shape, dtype=bool)
        sampler = sampler_of(corner, options, (2000, 2001), mask)
        drawn = [land(sampler.draw(np.random.default_rng([3, seed]))) for seed in range(60)]
        return float(np.mean([(s.valid[0] & (s.targets[0] != s.before)).any() for s in drawn]))

    assert share(1.0) == 1.0
    assert share(0.0) < 0.35
    assert 0.3 < share(0.5) < 0.85


def test_change_outside_the_split_draws_no_sample(corner: Assembler) -> None:
    mask = np.zeros(corner.drivers.grid.shape, dtype=bool)
    mask[:64] = True
    options = SampleOptions(window=32, recursion=1, changed_share=1.0)
    sampler = sampler_of(corner, options, (2000, 2001), mask)
    for seed in range(20):
        sample = sampler.draw(np.random.default_rng(seed))
        assert land(sample).valid.any(), "without change, land is drawn"
        assert not (land(sample).valid[0] & (land(sample).targets[0] != land(sample).before)).any()


def test_windows_hold_land(corner: Assembler) -> None:
    options = SampleOptions(window=16, recursion=1, changed_share=0.0)
    mask = np.ones(corner.drivers.grid.shape, dtype=bool)
    sampler = sampler_of(corner, options, (2000, 2001), mask)
    for seed in range(30):
        assert land(sampler.draw(np.random.default_rng(seed))).valid.any()


def test_aspect_turns_with_the_land(tmp_path: Path) -> None:
    """Slope and aspect of a turned sample are those of its turned elevation."""
    fine = Grid.regular(0, 0.16, 0.01, 0.01, (32, 32))  # at the equator cells are square
    row, col = np.mgrid[0:32, 0:32] / 31.0
    hill = 400 * np.sin(2.1 * row + 0.4) + 300 * np.cos(3 * col) * row + 150 * col
    elevation = hill.astype(np.float32)
    slope, north, east = slope_aspect(elevation, fine)
    flat = {t: np.full(fine.shape, 4, np.uint8) for t in (2000, 2001)}
    names = ("elevation", "slope", "aspect_north", "aspect_east")
    terrain = tuple(VariableSpec(variable(name)) for name in names)
    groups = [
        GroupSpec(
            "fine", fine, Clock.YEAR, (2000, 2001), (VariableSpec(variable("land_use"), LANDUSE8),)
        ),
        GroupSpec("static", fine, Clock.STATIC, (), terrain),
    ]
    cube = write_cube(
        tmp_path / "c.zarr",
        groups,
        {"land_use": flat, **dict(zip(names, (elevation, slope, north, east), strict=True))},
    )
    assembler = assembler_of(cube, (), names)
    options = SampleOptions(window=32, recursion=1)
    sampler = sampler_of(assembler, options, (2000, 2001))
    corners = set()
    for seed in range(80):
        turned = sampler.draw(np.random.default_rng(seed)).static[0]
        corners.add((float(turned[0, 0, 0]), float(turned[0, 0, -1])))
        derived = slope_aspect(turned[0], fine)
        for found, expected in zip(turned[1:], derived, strict=True):
            np.testing.assert_allclose(
                found[1:-1, 1:-1], expected[1:-1, 1:-1], atol=2e-4 * max(1, expected.max())
            )
    assert len(corners) == 8, "all turns and flips were met"


def test_half_an_aspect_is_not_transposed(tiny_cube: Cube) -> None:
    """Without its other component a turned aspect cannot be told, so samples are only flipped."""
    assembler = assembler_of(tiny_cube, (), ("elevation", "aspect_north"))
    sampler = sampler_of(assembler, SampleOptions(window=16, recursion=1), SPAN)
    aspect = tiny_cube.read("aspect_north")
    for seed in range(20):
        sample = sampler.draw(np.random.default_rng(seed))
        row, col, _ = where(sample)
        flipped = -1.0 if row[1, 0] < row[0, 0] else 1.0
        np.testing.assert_array_equal(sample.static[0, 1], flipped * aspect[row, col])


def test_without_augmentation_north_stays_up(assembler: Assembler) -> None:
    sampler = sampler_of(assembler, SampleOptions(window=16, recursion=1, augment=False), SPAN)
    for seed in range(10):
        row, col, _ = where(sampler.draw(np.random.default_rng(seed)))
        assert (np.diff(row, axis=0) == 1).all()
        assert (np.diff(col, axis=1) == 1).all()


def test_corruption_never_touches_the_truth(assembler: Assembler) -> None:
    plain = SampleOptions(window=24, recursion=1, augment=False)
    noisy = plain.model_copy(update={"corruption": (Noise(share=0.3), Hide(share=0.5))})
    for seed in range(6):
        clean, damaged = (
            sampler_of(assembler, options, SPAN).draw(np.random.default_rng(seed))
            for options in (plain, noisy)
        )
        np.testing.assert_array_equal(clean.forcing, damaged.forcing)
        clean, damaged = land(clean), land(damaged)
        for name in ("before", "targets", "valid", "domain"):
            np.testing.assert_array_equal(getattr(clean, name), getattr(damaged, name))
        assert (damaged.prior != clean.prior).any()
        assert (damaged.visible & ~clean.visible).sum() == 0
        assert damaged.visible.sum() < clean.visible.sum()


def test_validation_shows_whole_priors_unless_damage_is_asked_for(assembler: Assembler) -> None:
    hide = SampleOptions(window=16, corruption=(Hide(share=0.75, block=1),), history_drop=0.0)
    asked = hide.model_copy(update={"damaged_validation": True})
    whole, hidden = (sampler_of(assembler, options, SPAN) for options in (hide, asked))
    times, window = (2003, 2004), Window(8, 8, 16, 16)
    plain = whole.read(times, window)
    assert_same(whole.judged(times, window), plain)
    found, again, other = (hidden.judged(t, window) for t in (times, times, (2004, 2005)))
    assert_same(found, again)
    seen = land(found).visible.sum() / land(plain).visible.sum()
    assert seen == pytest.approx(0.25, abs=0.1)
    assert (land(other).visible != land(found).visible).any()
    np.testing.assert_array_equal(land(found).targets, land(plain).targets)
    # where it is not asked for, nobody's options say so: digests of older trainings stay
    assert "damaged_validation" not in hide.model_dump(mode="json")
    assert SampleOptions.model_validate(asked.model_dump(mode="json")) == asked


def test_a_split_without_labels_is_refused(assembler: Assembler) -> None:
    with pytest.raises(SampleError, match=r"(?s)No step fits.*1900…1910.*no time at all.*widen"):
        sampler_of(assembler, SampleOptions(), (1900, 1910))
    with pytest.raises(SampleError, match=r"(?s)No step fits.*\(7,\).*2000, 2001, 2002"):
        sampler_of(assembler, SampleOptions(strides=(7,)), (2000, 2002))


def test_a_split_without_land_is_refused(assembler: Assembler) -> None:
    sea = np.zeros(FINE.shape, dtype=bool)
    sea[:, :4] = True
    sampler = sampler_of(assembler, SampleOptions(window=16), SPAN, sea)
    with pytest.raises(SampleError, match=r"holds no land"):
        sampler.draw(np.random.default_rng(0))


def test_a_window_larger_than_the_grid(tmp_path: Path) -> None:
    fine = Grid.regular(0, 50, 0.1, 0.1, (12, 20))
    maps = land_maps((2000, 2001), (12, 20))
    cube = write_labels(tmp_path / "c.zarr", maps, fine, fine.coarsen(4, 4))
    assembler = assembler_of(cube, ("land_use_fractions",))
    options = SampleOptions(window=32, recursion=1, augment=False)
    sample = sampler_of(assembler, options, (2000, 2001)).draw(np.random.default_rng(0))
    np.testing.assert_array_equal(land(sample).before[:12, :20], maps[2000])
    outside = np.ones((32, 32), dtype=bool)
    outside[:12, :20] = False
    assert (land(sample).before[outside] == NO_DATA).all()
    for layer in (land(sample).visible, land(sample).domain, land(sample).valid[0]):
        assert not layer[outside].any()
    assert np.isfinite(sample.forcing).all()


def test_a_stack_is_its_samples(assembler: Assembler) -> None:
    sampler = sampler_of(assembler, SampleOptions(window=16), SPAN)
    samples = [sampler.draw(np.random.default_rng(seed)) for seed in range(3)]
    batch = stack(samples)
    assert land(batch).targets.shape == (3, 2, 16, 16)
    assert batch.steps == 2
    assert_same(batch.map(lambda _, values: values[1]), samples[1])


def test_a_slow_field_that_changes_is_told_as_it_was_before_each_step(tiny_cube: Cube) -> None:
    assembler = assembler_of(tiny_cube, (), ("land_use_fractions",))
    sampler = sampler_of(assembler, SampleOptions(window=16, recursion=2), SPAN)
    times, window = sampler.steps[0], Window(16, 16, 16, 16)
    sample = sampler.read(times, window)
    for step in range(2):
        expected = assembler.given(times[step], times[step + 1], window).static
        np.testing.assert_array_equal(sample.given(step).static, expected)
    assert (sample.given(0).static != sample.given(1).static).any()
