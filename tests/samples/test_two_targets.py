"""Several targets on their own clocks, the calendar, and drivers told at lags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from assemblers import (
    TWO_MONTHS,
    TWO_TARGETS,
    TWO_YEARS,
    assembler_of,
    leaf_area,
    sampler_of,
    warmth,
    write_two_target_cube,
)

from ai4land.cube import Cube
from ai4land.errors import CheckpointError, CubeError, SampleError
from ai4land.grid import Window
from ai4land.rollout import observed_state
from ai4land.samples import (
    Assembler,
    ClassCoding,
    Sample,
    SampleOptions,
    check_drivers,
    stack,
    step_inputs,
)
from ai4land.vocabulary import LAND_USE, Clock, Direction, Driver
from tiny_cubes import FINE, LANDUSE8, LEAF_AREA, land_maps, write_leaf_cube

LAND, LEAF = (target.name for target in TWO_TARGETS.targets)
WINDOW = Window(8, 4, 16, 16)
JANUARY = 2001 * 12
CODING = ClassCoding(LANDUSE8)
SPAN = (TWO_MONTHS[0], TWO_MONTHS[-1])


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> Cube:
    return write_two_target_cube(tmp_path_factory.mktemp("two") / "cube.zarr")


@pytest.fixture(scope="module")
def assembler(cube: Cube) -> Assembler:
    series = (Driver("air_temperature", Clock.MONTH, (0, 1), 1),)
    return assembler_of(cube, ("land_use_fractions",), task=TWO_TARGETS, series=series, history=2)


def classes(year: int) -> npt.NDArray[np.float32]:
    """The window's classes of a year as layers."""
    return CODING.encoded(land_maps(TWO_YEARS)[year][WINDOW.slices])


def leaves(tick: int) -> npt.NDArray[np.float32]:
    """The window's leaf area of a month, one layer."""
    return leaf_area(tick)[WINDOW.slices][None]


# --- drivers told at lags -----------------------------------------------------------------------


def test_lags_and_means_of_a_monthly_driver_end_before_an_annual_target(cube: Cube) -> None:
    """Lag 0 is January of the target's year, lag 1 the December before, by hand."""
    by_lag = Driver("air_temperature", Clock.MONTH, lags=(0, 1, 13), mean=1)
    assembler = assembler_of(cube, series=(by_lag,))
    assert assembler.spec.series_channels == tuple(f"air_temperature −{n}" for n in (0, 1, 13))
    found = assembler.given(2000, 2001, WINDOW).series
    assert found.dtype == np.float32
    # 1999-01 is 200 K, every month a Kelvin more
    for layer, value in zip(found, (224.0, 223.0, 211.0), strict=True):
        assert (layer == value).all()
    mean = Driver("air_temperature", Clock.MONTH, lags=(1, 7), mean=6)
    found = assembler_of(cube, series=(mean,)).given(2000, 2001, WINDOW).series
    # July to December of 2000, then January to June
    assert [float(layer[0, 0]) for layer in found] == [220.5, 214.5]


def test_what_comes_after_the_target_time_is_never_read(cube: Cube) -> None:
    """Forward and backward alike the last month that is told is the one in which it begins."""
    driver = Driver("air_temperature", Clock.MONTH, lags=(0, 3), mean=3)
    assembler = assembler_of(cube, series=(driver,))
    for before in (2000, 2002):
        found = assembler.given(before, 2001, WINDOW).series[:, 0, 0]
        assert found.tolist() == [223.0, 220.0]
        assert found.max() < warmth(JANUARY) < warmth(JANUARY + 1)


def test_lags_of_a_shorter_clock_under_a_monthly_target(tmp_path: Path) -> None:
    months = tuple(range(2000 * 12, 2000 * 12 + 4))
    cube = write_leaf_cube(tmp_path / "c.zarr", months, Clock.MONTH)
    driver = Driver("population_density", Clock.MONTH, lags=(1, 2), mean=2)
    assembler = assembler_of(cube, task=LEAF_AREA, series=(driver,))
    found = assembler.given(months[2], months[3], Window(0, 0, 8, 8)).series
    # 24003 is the target: months 24002 and 24001, then 24001 and 24000; people are tick % 1000
    assert found[:, 0, 0].tolist() == [1.5, 0.5]


def test_a_month_that_is_not_held_is_named(cube: Cube) -> None:
    driver = Driver("air_temperature", Clock.MONTH, lags=(1,), mean=12)
    assembler = assembler_of(cube, series=(driver,))
    with pytest.raises(CubeError, match=r"(?s)no such time.*air_temperature.*1998-12"):
        assembler.given(2000, 1999, WINDOW)


def test_lagged_drivers_belong_to_what_a_model_needs(cube: Cube, tiny_cube: Cube) -> None:
    driver = Driver("air_temperature", Clock.MONTH, lags=(1,))
    spec = assembler_of(cube, series=(driver,)).spec
    assert [driver.name for driver in spec.series] == ["air_temperature"]
    poor = assembler_of(tiny_cube)
    with pytest.raises(CheckpointError, match=r"(?s)lack fields.*air_temperature"):
        check_drivers(spec, poor.drivers, "here")


# --- the calendar -------------------------------------------------------------------------------


def test_the_calendar_of_an_annual_target_is_its_signed_years(cube: Cube) -> None:
    assembler = assembler_of(cube)
    assert assembler.spec.calendar == ("years",)
    assert assembler.calendar(2000, 2003).tolist() == [3.0]
    assert assembler.calendar(2003, 2001).tolist() == [-2.0]


def test_the_calendar_of_a_monthly_target_has_a_season(cube: Cube) -> None:
    assembler = assembler_of(cube, task=LEAF_AREA)
    assert assembler.spec.calendar == ("years", "season_cos", "season_sin")
    angle = 2 * np.pi * 3.5 / 12  # the middle of April
    expected = [2 / 12, np.cos(angle), np.sin(angle)]
    np.testing.assert_allclose(assembler.calendar(JANUARY + 1, JANUARY + 3), expected, rtol=1e-6)
    back = assembler.calendar(JANUARY + 4, JANUARY + 3)
    np.testing.assert_allclose(back, [-1 / 12, *expected[1:]], rtol=1e-6)


def test_a_target_that_does_not_move_has_no_years(assembler: Assembler) -> None:
    assert assembler.spec.calendar == (
        f"years/{LAND}",
        f"years/{LEAF}",
        "season_cos",
        "season_sin",
    )
    for before, after, years in (
        (JANUARY, JANUARY + 1, [0.0, 1 / 12]),
        (JANUARY - 1, JANUARY, [1.0, 1 / 12]),
        (JANUARY, JANUARY - 1, [-1.0, -1 / 12]),
        (JANUARY - 1, JANUARY + 12, [2.0, 13 / 12]),
    ):
        np.testing.assert_allclose(assembler.calendar(before, after)[:2], years, rtol=1e-6)


# --- what is seen of several targets ------------------------------------------------------------


def test_every_target_is_seen_at_its_own_time(cube: Cube, assembler: Assembler) -> None:
    past = [JANUARY + 1 - k for k in range(24)]
    state = observed_state(cube, TWO_TARGETS, JANUARY + 2, past)
    loop = assembler.loop_of(state, JANUARY + 3, FINE.window)
    found = assembler.inputs(state, JANUARY + 3, WINDOW, loop)
    np.testing.assert_array_equal(found.targets[LAND].prior, classes(2001))
    np.testing.assert_array_equal(found.targets[LEAF].prior, leaves(JANUARY + 2))
    assert not found.targets[LEAF].domain[0, :, 0].any(), "no leaf area at sea"
    # the year before, and the one before that; the month before, and the one before that
    np.testing.assert_array_equal(found.targets[LAND].history, [classes(2000), classes(1999)])
    expected = [leaves(JANUARY + 1), leaves(JANUARY)]
    np.testing.assert_array_equal(found.targets[LEAF].history, expected)
    assert found.series[:, 0, 0].tolist() == [warmth(JANUARY + 3), warmth(JANUARY + 2)]


def test_history_goes_with_the_direction_of_each_target(cube: Cube, assembler: Assembler) -> None:
    """Backward within a year the earlier map of an annual target is that of the next year."""
    later = [JANUARY + 3 + k for k in range(12)]
    state = observed_state(cube, TWO_TARGETS, JANUARY + 2, later)
    found = assembler.inputs(state, JANUARY + 1, WINDOW)
    np.testing.assert_array_equal(found.targets[LAND].history[0], classes(2002))
    expected = [leaves(JANUARY + 3), leaves(JANUARY + 4)]
    np.testing.assert_array_equal(found.targets[LEAF].history, expected)
    assert found.calendar[0] == 0.0
    assert found.calendar[1] < 0.0


def read(assembler: Assembler, times: tuple[int, ...]) -> Sample:
    options = SampleOptions(window=16, recursion=len(times) - 1, directions=tuple(Direction))
    return sampler_of(assembler, options, SPAN).read(times, WINDOW)


def test_a_sample_tells_which_targets_move(assembler: Assembler) -> None:
    sample = read(assembler, (JANUARY - 2, JANUARY - 1, JANUARY, JANUARY + 1))
    assert sample.targets[LAND].moves.tolist() == [False, True, False]
    assert sample.targets[LEAF].moves.tolist() == [True, True, True]
    maps = land_maps(TWO_YEARS)
    expected = [maps[year][WINDOW.slices] for year in (2000, 2001, 2001)]
    np.testing.assert_array_equal(sample.targets[LAND].targets, expected)
    expected = [leaf_area(JANUARY + k)[WINDOW.slices] for k in (-1, 0, 1)]
    np.testing.assert_array_equal(sample.targets[LEAF].targets, expected)
    np.testing.assert_array_equal(
        sample.series[:, 1, 0, 0], [warmth(JANUARY + k) for k in (-2, -1, 0)]
    )
    np.testing.assert_array_equal(sample.calendar[:, 0], [0.0, 1.0, 0.0])
    assert sample.targets[LEAF].valid.dtype == bool
    np.testing.assert_array_equal(sample.targets[LEAF].valid[0], np.isfinite(leaves(JANUARY)[0]))


@pytest.mark.parametrize("step", [1, -1], ids=["forward", "backward"])
@pytest.mark.parametrize("start", [JANUARY - 1, JANUARY + 4, JANUARY + 12])
def test_training_and_rollout_see_the_same(
    cube: Cube, assembler: Assembler, start: int, step: int
) -> None:
    """Also the history, whichever way time runs and whether the slower target moves or not."""
    end = start + step
    trained = step_inputs(stack([read(assembler, (start, end))]), 0, assembler.codings, 2)
    path = [start - step * k for k in range(1, 25)]
    state = observed_state(cube, TWO_TARGETS, start, path)
    loop = assembler.loop_of(state, end, FINE.window)
    rolled = assembler.inputs(state, end, WINDOW, loop)
    for name in (LAND, LEAF):
        one, two = trained.targets[name], rolled.targets[name]
        for field in ("visible", "domain", "history_visible"):
            np.testing.assert_array_equal(getattr(one, field)[0], getattr(two, field), field)
        np.testing.assert_array_equal(one.prior[0], two.prior)
        shown = two.history_visible[:, None] > 0
        np.testing.assert_array_equal(
            np.where(shown, one.history[0], 0.0), np.where(shown, two.history, 0.0)
        )
    for field in ("forcing_prior", "forcing_target", "series", "calendar"):
        one, two = getattr(trained, field)[0], getattr(rolled, field)
        np.testing.assert_allclose(one, two, atol=1e-6, err_msg=field)


def test_samples_in_which_all_targets_move_are_drawn_more_often(assembler: Assembler) -> None:
    """One step in twelve crosses a year; the option says how many samples do."""
    for share in (0.0, 0.5, 1.0):
        options = SampleOptions(
            window=16, recursion=1, moving_share=share, directions=tuple(Direction)
        )
        sampler = sampler_of(assembler, options, (TWO_MONTHS[12], SPAN[1]))
        drawn = [sampler.draw(np.random.default_rng([5, seed])) for seed in range(60)]
        found = np.mean([sample.targets[LAND].moves[0] for sample in drawn])
        assert found == pytest.approx(share, abs=0.2 * (share == 0.5))
        assert all(sample.targets[LEAF].moves.all() for sample in drawn)


def test_nothing_of_any_target_crosses_the_split(assembler: Assembler) -> None:
    mask = np.zeros(FINE.shape, dtype=bool)
    mask[:, :24] = True
    options = SampleOptions(window=16, recursion=2)
    sampler = sampler_of(assembler, options, (JANUARY, JANUARY + 12), mask)
    assert all(JANUARY <= t <= JANUARY + 12 for run in sampler.steps for t in run)
    sample = sampler.read((JANUARY + 2, JANUARY + 3, JANUARY + 4), Window(8, 16, 16, 16))
    for target in sample.targets.values():
        for layers in (target.visible, target.valid, target.history_visible):
            assert not layers[..., 8:].any()
        assert target.visible[:, :8].any()
        assert target.valid[..., :8].any()
    assert sample.targets[LEAF].history_visible[..., :8].any()
    land = sample.targets[LAND]
    assert not land.history_visible.any(), "the year before lies outside the span"


def test_a_split_in_which_a_target_never_moves_is_refused(assembler: Assembler) -> None:
    options = SampleOptions(window=16, recursion=2)
    with pytest.raises(SampleError, match=r"(?s)never moves.*land_use, times 2001-01…2001-10"):
        sampler_of(assembler, options, (JANUARY, JANUARY + 9), np.ones(FINE.shape, dtype=bool))


def test_own_predictions_of_one_target_leave_the_other(assembler: Assembler) -> None:
    """A target that did not move has no prediction of its own, and is seen as it was."""
    batch = stack([read(assembler, (JANUARY, JANUARY + 1, JANUARY + 2))])
    own = np.full((1, 1, 16, 16), 7.0, np.float32)
    inputs = step_inputs(batch, 1, assembler.codings, 2, {LEAF: [own]})
    np.testing.assert_array_equal(inputs.targets[LAND].prior[0], classes(2001))
    exists = batch.targets[LEAF].domain[0]
    assert (inputs.targets[LEAF].prior[0, 0][exists] == 7.0).all()
    np.testing.assert_array_equal(inputs.targets[LEAF].history[0, 0], leaves(JANUARY))


def test_in_a_batch_each_sample_is_shown_what_moved_in_it(assembler: Assembler) -> None:
    """One sample passes the new year and one does not: each as if it were alone."""
    times = [(JANUARY - 1, JANUARY, JANUARY + 1), (JANUARY + 1, JANUARY + 2, JANUARY + 3)]
    samples = [read(assembler, run) for run in times]
    moved = [bool(s.targets[LAND].moves[0]) for s in samples]
    assert moved == [True, False]
    rng = np.random.default_rng(1)
    own = rng.random((2, len(LANDUSE8), 16, 16)).astype(np.float32)
    together = step_inputs(stack(samples), 1, assembler.codings, 2, {LAND: [own]}).targets[LAND]
    for i, sample in enumerate(samples):
        fed = {LAND: [own[i : i + 1]]} if moved[i] else None
        alone = step_inputs(stack([sample]), 1, assembler.codings, 2, fed).targets[LAND]
        for found, expected in zip(together, alone, strict=True):
            np.testing.assert_array_equal(found[i], expected[0])
    exists = samples[0].targets[LAND].domain
    np.testing.assert_array_equal(together.prior[0][:, exists], own[0][:, exists])


def test_a_map_of_the_past_that_one_target_lacks_leaves_the_others(tmp_path: Path) -> None:
    cube = write_two_target_cube(tmp_path / "c.zarr", TWO_MONTHS[12:])
    assembler = assembler_of(cube, ("land_use_fractions",), task=TWO_TARGETS, history=1)
    first = TWO_MONTHS[12]
    state = observed_state(cube, TWO_TARGETS, first, past=(first - 1, first - 12, first - 13))
    assert [(s.tick, tuple(s.fields)) for s in state.past] == [
        (first - 1, (LAND,)),
        (first - 12, (LAND,)),
    ]
    inputs = assembler.inputs(state, first + 1, WINDOW, assembler.loop_of(state, first + 1, WINDOW))
    assert inputs.targets[LAND].history_visible.any()
    assert not inputs.targets[LEAF].history_visible.any()


def test_a_single_target_of_the_same_cube_is_told_the_same(cube: Cube) -> None:
    """What a model of land use alone sees of it does not depend on other targets."""
    alone = assembler_of(cube, ("land_use_fractions",))
    both = assembler_of(cube, ("land_use_fractions",), task=TWO_TARGETS)
    annual = observed_state(cube, LAND_USE, 2000)
    monthly = observed_state(cube, TWO_TARGETS, JANUARY - 1)
    one = alone.inputs(annual, 2001, WINDOW, alone.loop_of(annual, 2001, FINE.window))
    two = both.inputs(monthly, JANUARY, WINDOW, both.loop_of(monthly, JANUARY, FINE.window))
    for first, second in zip(one.targets[LAND], two.targets[LAND], strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(one.forcing_prior, two.forcing_prior)
    np.testing.assert_array_equal(one.forcing_target, two.forcing_target)
    assert one.calendar[0] == two.calendar[0] == 1.0


def test_times_before_which_a_lag_is_not_held_are_left_out(cube: Cube) -> None:
    """A step is drawn only where all its lagged drivers have values."""
    driver = Driver("air_temperature", Clock.MONTH, lags=(1,), mean=12)
    assembler = assembler_of(cube, series=(driver,))
    held = set(cube.group("air_temperature").ticks)
    years = range(min(held) // 12 - 1, max(held) // 12 + 3)
    expected = [y for y in years if held.issuperset(range(12 * y - 12, 12 * y))]
    assert [y for y in years if assembler.reaches(y)] == expected
    assert 0 < len(expected) < len(years) - 1
