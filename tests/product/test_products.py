"""A format is one file and one line in the table; files of several scenarios stand side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from product_runs import METADATA, YEARS, Maps, files_of, write_run

from ai4land.cube import Cube
from ai4land.errors import ConfigError
from ai4land.product import PRODUCTS, Planned, Release, open_maps, write_product
from tiny_cubes import FINE


def as_arrays(release: Release) -> Iterator[Planned]:
    """A format that nobody had thought of: the codes of a year as an array of NumPy."""
    for maps in release.scenarios.values():
        for year in maps.years:

            def write(path: Path, maps: object = maps, year: int = year) -> None:
                bands = [maps.read(year, w) for w in maps.bands()]  # type: ignore[attr-defined]
                with path.open("wb") as stream:
                    np.save(stream, np.concatenate(bands))

            name = release.file(maps, "numpy", year, ".npy")
            yield Planned(name, release.made_from(maps, year), write)


def test_a_format_is_one_line_more(
    run: Cube, maps: Maps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="Unknown format"):
        write_product({"past": run}, tmp_path, formats=["numpy"])
    monkeypatch.setitem(PRODUCTS, "numpy", as_arrays)
    written = write_product({"past": run}, tmp_path, formats=["numpy"], metadata=METADATA)
    assert len(written) == len(YEARS) + 2
    for path, codes in zip(files_of(tmp_path, ".npy"), maps.values(), strict=True):
        np.testing.assert_array_equal(np.load(path), codes)


def test_scenarios_share_a_legend_but_no_years(run: Cube, maps: Maps, tmp_path: Path) -> None:
    later = write_run(tmp_path / "later.zarr", {2020: maps[2010]}, FINE, None)
    written = write_product({"past": run, "later": later}, tmp_path / "out", formats=["cog"])
    names = [one.name for one in written if one.name.endswith(".tif")]
    assert [name.split("/")[0] for name in names] == ["past"] * 3 + ["later"]
    assert names[-1] == "later/cog/ai4land_land_use_later_2020.tif"


def test_the_order_of_ties_is_the_legends_with_the_sea_last(run: Cube) -> None:
    maps = open_maps({"past": run})["past"]
    assert [one.code for one in maps.precedence] == [1, 2, 3, 4, 5, 6, 7, 0]
    assert [one.code for one in maps.classes] == [0, 1, 2, 3, 4, 5, 6, 7]
