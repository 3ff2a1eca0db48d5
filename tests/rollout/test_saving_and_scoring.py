"""A rollout written as a cube of the labels' schema, and scored while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from ai4land.cube import (
    Cube,
    Field,
    GroupSpec,
    State,
    Status,
    VariableSpec,
    whole_shard,
)
from ai4land.errors import ConfigError, CubeError, SampleError
from ai4land.grid import Grid, Window
from ai4land.metrics import ScoredClasses
from ai4land.rollout import (
    AllocationStepper,
    Moved,
    Persistence,
    PredictorStepper,
    Stepper,
    Tiling,
    demand_of,
    observed_state,
    rollout,
    save_rollout,
    score_rollout,
)
from ai4land.samples import Labels
from ai4land.vocabulary import LAND_USE, NO_DATA, Clock, variable
from network_inputs import lively_predictor
from tiny_cubes import FINE, LANDUSE8, LEAF_AREA, YEARS, land_maps, write_labels, write_leaf_cube
from tiny_rollouts import LAND, assembler_of

BACK = tuple(reversed(YEARS))[1:]  # 2010 … 2000: twelve states, two blocks


def stepper(cube: Cube, seed: int = 0) -> AllocationStepper:
    return AllocationStepper("random", demand_of(cube, LAND), seed=seed)


def saved(
    path: Path,
    cube: Cube,
    ticks: Sequence[int],
    mover: Stepper | None = None,
    **more: Any,  # noqa: ANN401
) -> Cube:
    return save_rollout(
        mover or stepper(cube),
        observed_state(cube, LAND_USE, ticks[0]),
        ticks[1:],
        path,
        like=cube,
        attributes={"title": "hindcast", "seed": 0},
        **more,
    )


class _Killed(Exception):
    pass


class Dying(AllocationStepper):
    """Counts the pieces it moves, and may die after so many."""

    def __init__(self, cube: Cube, most: int | None = None) -> None:
        super().__init__("random", stepper(cube).demand)
        self.most, self.moved = most, 0

    def step_piece(self, state: State, tick: int, piece: Window) -> dict[str, Moved]:
        if self.moved == self.most:
            raise _Killed
        self.moved += 1
        return super().step_piece(state, tick, piece)


def every_byte(store: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(store)): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()
    }


def test_a_hindcast_is_stored_in_calendar_order(tmp_path: Path, tiny_cube: Cube) -> None:
    found = saved(tmp_path / "p.zarr", tiny_cube, (2011, *BACK))
    assert found.group("land_use").ticks == YEARS
    for state in rollout(stepper(tiny_cube), observed_state(tiny_cube, LAND_USE, 2011), BACK):
        np.testing.assert_array_equal(found.read("land_use", state.tick), state["land_use"].values)
    assert (found.read("land_use", 2000) != found.read("land_use", 2011)).any()
    status = found.status("land_use")
    assert status[2011] is Status.OBSERVED
    assert {status[y] for y in BACK} == {Status.PREDICTED}


def test_a_prediction_has_the_schema_of_the_labels(tmp_path: Path, tiny_cube: Cube) -> None:
    found = saved(tmp_path / "p.zarr", tiny_cube, (2005, 2006, 2008))
    ours, theirs = found.group("land_use"), tiny_cube.group("land_use")
    assert (ours.name, ours.grid, ours.clock) == (theirs.name, theirs.grid, theirs.clock)
    assert found.variable("land_use").legend == LANDUSE8
    assert found.variable("land_use").variable == tiny_cube.variable("land_use").variable
    assert found.variable("land_use").source == "random"
    assert found.attributes["title"] == "hindcast"
    books = ("asked_area", "given_area", "origin", "unplaced_change", "land_use_gross_transitions")
    assert found.variables == ("land_use", *books)
    # so that whatever reads labels reads predictions: the next run may start from one
    again = observed_state(found, LAND_USE, 2008)
    assert again.status is Status.PREDICTED
    with xr.open_zarr(tmp_path / "p.zarr", group=ours.name, consolidated=False) as data:
        assert data["land_use"].dims == ("year", "lat", "lon")
        assert data["year"].values.tolist() == [2005, 2006, 2008]
        assert data["land_use"].attrs["flag_meanings"].split() == list(LANDUSE8.names)
        np.testing.assert_array_equal(
            data["land_use"].sel(year=2008).values, found.read("land_use", 2008)
        )


@pytest.fixture(scope="module")
def wide_cube(tmp_path_factory: pytest.TempPathFactory) -> Cube:
    """Wider than a block: its cells are cut by the blocks' borders."""
    fine = Grid.regular(10.0, 50.0, 0.05, 0.05, (40, 2000))
    coarse = Grid.regular(10.0, 50.0, 0.35, 0.35, (6, 286))
    maps = land_maps((2005, 2006, 2007, 2008), fine.shape)
    return write_labels(tmp_path_factory.mktemp("w") / "wide.zarr", maps, fine, coarse)


KILLED = (2005, 2006, 2007, 2008)
SHARD = (20, 500)  # eight files a map


@pytest.fixture(scope="module")
def straight(wide_cube: Cube, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A run that nobody killed, and how many pieces it moved."""
    path, mover = tmp_path_factory.mktemp("s") / "p.zarr", Dying(wide_cube)
    saved(path, wide_cube, KILLED, mover, shard=SHARD)
    return path, mover.moved


@pytest.mark.parametrize("share", [0.0, 0.05, 0.33, 0.5, 0.7, 0.99])
def test_a_killed_run_goes_on_to_the_same_bytes(
    tmp_path: Path, wide_cube: Cube, straight: tuple[Path, int], share: float
) -> None:
    """Killed within a year and between two; of what was written nothing is computed again."""
    path, (whole, pieces) = tmp_path / "killed.zarr", straight
    survived = int(share * pieces)
    with pytest.raises(_Killed):
        saved(path, wide_cube, KILLED, Dying(wide_cube, survived), shard=SHARD)
    with pytest.raises(CubeError, match="not finished"):
        Cube(path)
    rest = Dying(wide_cube)
    saved(path, wide_cube, KILLED, rest, shard=SHARD)
    of_a_file = pieces / (3 * 8)
    # lost are the file that was computed and those on their way to the disk
    assert 0 <= rest.moved - (pieces - survived) <= 3 * of_a_file
    assert every_byte(path) == every_byte(whole)


def test_files_are_the_map_in_one_piece(tmp_path: Path, wide_cube: Cube) -> None:
    """Files cut coarse cells; whole cells are stepped for each, and the seams do not show."""
    told: list[tuple[int, int, int]] = []
    found = saved(
        tmp_path / "p.zarr",
        wide_cube,
        (2005, 2006, 2008),
        shard=SHARD,
        progress=lambda *args: told.append(args),
    )
    initial = observed_state(wide_cube, LAND_USE, 2005)
    for state in rollout(stepper(wide_cube), initial, (2006, 2008)):
        np.testing.assert_array_equal(found.read("land_use", state.tick), state["land_use"].values)
    total = 3 * 8 + 3 + 2  # maps, books of each and transitions between them
    assert [(n, total) for _, n, total in told] == [(n, total) for n in range(1, total + 1)]
    assert found.group("land_use").chunks(found.variable("land_use")) == (1, 20, 500)


@pytest.mark.parametrize(
    ("shape", "shard", "chunk"),
    [
        ((18000, 36000), (1200, 3600), (600, 600)),
        ((1800, 3600), (900, 3600), (450, 600)),
        ((601, 700), (602, 700), (301, 350)),
        ((40, 48), (40, 48), (40, 48)),
    ],
)
def test_files_are_cut_evenly_into_whole_chunks(
    shape: tuple[int, int], shard: tuple[int, int], chunk: tuple[int, int]
) -> None:
    spec = VariableSpec(variable("land_use"), LANDUSE8)
    grid = Grid.regular(0, 45, 45 / 18000, 45 / 18000, shape)
    group = GroupSpec(
        "maps", grid, Clock.YEAR, (2000, 2001), (spec,), 1, whole_shard(shape, (1200, 3600))
    )
    assert group.shard == shard
    assert group.chunks(spec) == (1, *chunk)
    windows = list(group.block_windows(spec))
    assert sum(w.height * w.width for w in windows) == shape[0] * shape[1]
    files = [file for w in windows for file in group.files(spec, 2001, w)]
    assert len(files) == len(set(files)) == len(windows), "a unit of writing is one file"
    assert GroupSpec.from_dict(group.to_dict()) == group


def test_times_that_cannot_be_visited_are_refused(tmp_path: Path, tiny_cube: Cube) -> None:
    with pytest.raises(SampleError, match="must run one way"):
        saved(tmp_path / "p.zarr", tiny_cube, (2005, 2006, 2004))
    assert not (tmp_path / "p.zarr").exists()


def test_what_has_no_probabilities_keeps_none(tmp_path: Path, tiny_cube: Cube) -> None:
    with pytest.raises(ConfigError, match=r"(?s)no probabilities to keep.*2006.*classes alone"):
        saved(tmp_path / "p.zarr", tiny_cube, (2005, 2006), probabilities=True)


@pytest.mark.parametrize("feedback", ["classes", "probabilities"])
def test_a_stored_state_is_stepped_as_one_in_memory(
    tmp_path: Path, tiny_cube: Cube, feedback: str
) -> None:
    """Also where the next step looks back: the store hands on what memory would."""
    assembler = assembler_of(tiny_cube, static=("slope",), history=1)
    mover = PredictorStepper(
        lively_predictor(assembler.spec), assembler, tiling=Tiling(24, 8), feedback=feedback
    )
    found = saved(tmp_path / "p.zarr", tiny_cube, (2005, 2006, 2007), mover, probabilities=True)
    start = observed_state(tiny_cube, LAND_USE, 2005)
    for state in list(rollout(mover, start, (2006, 2007)))[1:]:
        field = state["land_use"]
        np.testing.assert_array_equal(found.read("land_use", state.tick), field.values)
        assert field.probabilities is not None
        kept = found.read("land_use_probability", state.tick)
        np.testing.assert_allclose(kept, field.probabilities, rtol=3e-4)
        if feedback == "probabilities":
            np.testing.assert_array_equal(kept, field.probabilities)
    assert np.isnan(found.read("land_use_probability", 2005)).all(), "the start is observed"


def test_a_finished_run_is_not_overwritten_unasked(tmp_path: Path, tiny_cube: Cube) -> None:
    path, ticks = tmp_path / "p.zarr", (2005, 2006)
    saved(path, tiny_cube, ticks)
    with pytest.raises(CubeError, match="already a finished cube"):
        saved(path, tiny_cube, ticks)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("x")
    with pytest.raises(CubeError, match="Only a Zarr store may be overwritten"):
        saved(tmp_path / "mine", tiny_cube, ticks, overwrite=True)


def test_months_are_stored_as_dates(tmp_path: Path) -> None:
    months = tuple(range(2000 * 12 + 9, 2000 * 12 + 16))
    cube = write_leaf_cube(tmp_path / "c.zarr", months)
    initial = observed_state(cube, LEAF_AREA, months[0])
    mover = Persistence(LEAF_AREA, cube.grid("leaf_area_index"))
    found = save_rollout(mover, initial, months[1:], tmp_path / "p.zarr", like=cube, attributes={})
    assert found.group("leaf_area_index").clock is Clock.MONTH
    with xr.open_zarr(tmp_path / "p.zarr", group="fine_monthly", consolidated=False) as data:
        assert np.issubdtype(data["time"].dtype, np.datetime64)
        assert str(data["time"].values[3])[:10] == "2001-01-01"
        assert data["leaf_area_index"].attrs["units"] == "m2 m-2"
        np.testing.assert_array_equal(
            data["leaf_area_index"].values[-1], initial["leaf_area_index"].values
        )


# One row of eight pixels: sea, missing, and six of land.
SMALL = Grid.regular(0, 50, 0.1, 0.1, (2, 8))
TRUTH = {
    2000: [0, NO_DATA, 2, 2, 3, 3, 4, 4],
    2001: [0, NO_DATA, 2, 3, 3, 3, 4, 5],
    2002: [0, NO_DATA, 2, 3, 4, 3, 4, 4],
}
SAID = {
    2001: [0, NO_DATA, 2, 3, 3, 4, 4, 4],
    2002: [0, NO_DATA, 3, 3, 4, 4, 4, 4],
}


def rows(values: list[int]) -> npt.NDArray[np.uint8]:
    return np.array([values, values], np.uint8)


@pytest.fixture
def small(tmp_path: Path) -> Labels:
    maps = {year: rows(values) for year, values in TRUTH.items()}
    cube = write_labels(tmp_path / "c.zarr", maps, SMALL, SMALL.coarsen(2, 8))
    return Labels(cube, LAND)


def told() -> list[State]:
    maps = {2000: TRUTH[2000], **SAID}
    return [
        State(
            Clock.YEAR,
            year,
            {"land_use": Field.of(variable("land_use"), SMALL, rows(values), LANDUSE8)},
        )
        for year, values in maps.items()
    ]


def test_scores_by_hand(small: Labels) -> None:
    first, second = score_rollout(told(), small).leads
    assert (first.lead, first.time, second.lead, second.time) == (1, 2001, 2, 2002)
    # 2001, land: pixel 3 changed and was hit, 7 was missed, 5 is a false alarm; two equal rows
    three = first.three
    assert (three.hits, three.misses, three.false_alarms, three.wrong_hits) == (2, 2, 2, 0)
    assert three.correct_rejections == 6
    assert three.total == 12
    assert first.confusion.accuracy == pytest.approx(4 / 6)
    # 2002 against 2000: 3 and 4 changed and were hit; 2 and 5 are false alarms
    three = second.three
    assert (three.hits, three.misses, three.false_alarms, three.wrong_hits) == (4, 0, 4, 0)
    # since the truth a year before, 4 and 7 changed
    assert second.changed_truth.counts.sum() == 4
    assert second.changed_truth.accuracy == 1.0
    # since the model's own map, 4 changed, and 5, which it had wrong
    assert second.changed_prior.counts.sum() == 4
    assert second.changed_prior.accuracy == pytest.approx(0.5)
    assert second.changed_initial.counts.sum() == 4


def test_the_reference_protocol_counts_the_sea(small: Labels) -> None:
    first, _ = score_rollout(told(), small, protocol=ScoredClasses.REFERENCE).leads
    assert first.three.total == 14
    assert first.confusion.accuracy == pytest.approx(5 / 7)


def test_scores_of_a_part_and_by_area(small: Labels) -> None:
    mask = np.zeros(SMALL.shape, dtype=bool)
    mask[0] = True
    first, _ = score_rollout(told(), small, mask=mask).leads
    assert first.three.total == 6
    weights = np.array(SMALL.cell_areas())
    weights[1] *= 3
    first, _ = score_rollout(told(), small, weights=weights).leads
    assert first.three.total == pytest.approx(weights[:, 2:].sum())
    assert first.confusion.accuracy == pytest.approx(4 / 6)


def test_the_truth_scores_perfectly_and_persistence_hits_nothing(tiny_cube: Cube) -> None:
    labels = Labels(tiny_cube, LAND)
    truth = [observed_state(tiny_cube, LAND_USE, y) for y in (2005, 2004, 2000)]
    for step in score_rollout(truth, labels).leads:
        assert step.confusion.accuracy == 1.0
        assert step.three.figure_of_merit == 1.0
    still = rollout(Persistence(LAND_USE, FINE), truth[0], (2004, 2000))
    maps = land_maps()
    land = (maps[2005] != 0) & (maps[2005] != NO_DATA)
    for step in score_rollout(still, labels).leads:
        assert step.three.hits == step.three.false_alarms == 0
        same = maps[2005][land] == maps[step.time][land]
        assert step.confusion.accuracy == pytest.approx(same.mean())
    assert FINE.shape == land.shape


def test_numbers_are_not_scored_as_classes(tmp_path: Path) -> None:
    months = tuple(range(24000, 24003))
    cube = write_leaf_cube(tmp_path / "c.zarr", months)
    labels = Labels(cube, LEAF_AREA.targets[0])
    initial = observed_state(cube, LEAF_AREA, months[0])
    with pytest.raises(SampleError, match=r"(?s)Only maps of classes.*leaf_area_index"):
        score_rollout(rollout(Persistence(LEAF_AREA, labels.grid), initial, months[1:]), labels)
