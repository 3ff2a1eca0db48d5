"""One NetCDF-4 file a year: the class map, CF-1.11 and ACDD-1.3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai4land.grid import Window
from ai4land.product.attributes import global_attributes
from ai4land.product.folder import Planned
from ai4land.product.maps import Maps
from ai4land.product.netcdf_frame import array, new_netcdf, status
from ai4land.product.release import Release
from ai4land.vocabulary import NO_DATA, LegendClass

__all__ = ["annual_netcdf", "flags"]

_STEPS, _UNKNOWN = 250, -1  # a probability is kept to 1 / 250; bytes cannot be packed in CF 1.8
_WIDTH = 4096  # columns of which all classes' probabilities are held at once

Codes = npt.NDArray[np.uint8]


def annual_netcdf(release: Release) -> Iterator[Planned]:
    """One file for each scenario and year."""
    for maps in release.scenarios.values():
        for year in maps.years:
            yield Planned(
                release.file(maps, "netcdf", year, ".nc"),
                release.made_from(maps, year, release.options.top_two),
                partial(_write, release, maps, year),
            )


def flags(classes: Sequence[LegendClass]) -> dict[str, Any]:
    """CF flags of a class map, with the colours that viewers know."""
    return {
        "flag_values": np.array([one.code for one in classes], np.uint8),
        "flag_meanings": " ".join(one.name for one in classes),
        "flag_colors": " ".join(one.colour for one in classes),
    }


def _write(release: Release, maps: Maps, year: int, path: Path) -> None:
    name, legend = maps.variable, maps.legend
    what = name.replace("_", " ")
    identifier = release.stem(maps, year)
    said = global_attributes(release, maps, what, (year,), maps.grid, identifier)
    # no standard_name: ``area_type`` would bind the names of classes to CF's own table
    classes: dict[str, Any] = {
        "long_name": f"{what} class",
        "units": "1",
        "cell_methods": "time: point",
        "coverage_content_type": "thematicClassification",
        **flags(maps.classes),
    }
    with new_netcdf(path, maps.grid, (year,), said) as data:
        beside = f"{name}_status"
        if maps.origin is not None:
            beside += f" {maps.origin}"
        told = {"comment": f"{legend.title}. {legend.reference}", "ancillary_variables": beside}
        codes = array(data, name, "u1", NO_DATA, classes | told)
        status(data, f"{name}_status", [maps.status(year)])
        for window in maps.bands():
            codes[(0, *window.slices)] = maps.read(year, window)
        if maps.origin is not None:
            _write_origin(data, maps, year)
        if release.options.top_two and maps.probability is not None:
            _write_two(data, maps, year, classes)


def _write_origin(data: Any, maps: Maps, year: int) -> None:  # noqa: ANN401
    """Where each pixel comes from."""
    name = maps.origin
    assert name is not None
    spec, group = maps.cube.variable(name), maps.cube.group(name)
    said: dict[str, Any] = {"coverage_content_type": "qualityInformation", "units": "1"}
    said |= {"long_name": spec.variable.long_name, "cell_methods": "time: point"}
    if spec.legend is not None:
        said |= flags(spec.legend.classes)
    out = array(data, name, spec.dtype, spec.fill, said)
    for window in maps.bands():
        out[(0, *window.slices)] = maps.cube.read(name, year if group.ticks else None, window)


def _write_two(data: Any, maps: Maps, year: int, classes: dict[str, Any]) -> None:  # noqa: ANN401
    """The two most likely classes and their probabilities."""
    assert maps.probability is not None
    what = maps.variable.replace("_", " ")
    packed: dict[str, Any] = {
        "units": "1",
        "scale_factor": np.float32(1 / _STEPS),
        "add_offset": np.float32(0),
        "cell_methods": "time: point",
        "coverage_content_type": "modelResult",
    }
    said = []
    for rank in ("first", "second"):
        chosen = array(
            data,
            f"{maps.variable}_{rank}",
            "u1",
            NO_DATA,
            classes | {"long_name": f"{rank} most likely class of {what}"},
        )
        likely = {"long_name": f"probability of the {rank} most likely class of {what}"}
        share = array(data, f"{maps.variable}_{rank}_probability", "i2", _UNKNOWN, packed | likely)
        said.append((chosen, share))
    codes = np.array(maps.legend.codes, np.uint8)
    for band in maps.bands():
        for col in range(0, band.width, _WIDTH):
            window = Window(band.row, col, band.height, min(_WIDTH, band.width - col))
            values = maps.cube.read(maps.probability, year, window)
            for (chosen, share), (which, most) in zip(said, _two(values), strict=True):
                known = np.isfinite(most)
                chosen[(0, *window.slices)] = np.where(known, codes[which], NO_DATA)
                steps = np.rint(np.where(known, most, 0) * _STEPS).clip(0, _STEPS)
                share[(0, *window.slices)] = np.where(known, steps, _UNKNOWN).astype(np.int16)


def _two(values: npt.NDArray[np.float32]) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[Any]]]:
    """Index and value of the two largest of the first axis; of equals the first; NaN unknown."""
    known = ~np.isnan(values).any(axis=0)
    left = np.where(known, values, -1.0)
    found = []
    for _ in range(2):
        which = left.argmax(axis=0)
        most = np.take_along_axis(left, which[None], axis=0)[0]
        found.append((which, np.where(known & (most >= 0), most, np.nan)))
        np.put_along_axis(left, which[None], -1.0, axis=0)
    return found
