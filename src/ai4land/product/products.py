"""The table of formats, and the one call that writes a product."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ai4land.cube import Cube
from ai4land.errors import ConfigError
from ai4land.product.annual_netcdf import annual_netcdf
from ai4land.product.catalogue import catalogue
from ai4land.product.class_presence import class_presence
from ai4land.product.cog import annual_geotiff
from ai4land.product.folder import Folder, Planned, Written, write_whole
from ai4land.product.fractions import area_fractions
from ai4land.product.maps import open_maps
from ai4land.product.metadata import Metadata
from ai4land.product.pages import pages
from ai4land.product.release import Options, Release
from ai4land.vocabulary import nearest_name
from ai4land.workers import Rest, each, open_workers

__all__ = ["PRODUCTS", "write_product"]

Format = Callable[[Release], Iterator[Planned]]
Progress = Callable[[str, int, int, str], None]

PRODUCTS: dict[str, Format] = {
    "netcdf": annual_netcdf,
    "cog": annual_geotiff,
    "classes": class_presence,
    "fractions": area_fractions,
    "stac": catalogue,  # describes what stands above it
}
"""Name → what plans the files of a format, in the order in which they are written."""


def write_product(
    runs: Mapping[str, Cube | str | Path],
    out: str | Path,
    *,
    formats: Sequence[str] = ("netcdf", "cog", "fractions", "stac"),
    years: tuple[int, int] | None = None,
    metadata: Metadata | None = None,
    options: Options | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Written]:
    """Write a finished run as files that others open, with a page and a citation.

    A file that is there and right is not written again; a call that was stopped goes on. Files
    appear whole or not at all. The memory does not grow with the number of years, and holds a few
    bands of a map.

    Args:
        runs: Scenario → finished run, or its folder.
        out: Folder of the product.
        formats: Some of ``PRODUCTS``.
        years: First and last year; default: all of each run.
        metadata: What no run can tell; default: that it is not stated.
        options: How files are written.
        workers: Processes that write; each holds a few bands of a map.
        progress: Called with the format, the files that are done, those in all, and a file's name.

    Returns:
        All files of the product that these formats consist of.

    Raises:
        ConfigError: If a format is unknown, a run has no annual class maps or none of the years,
            or another process writes there.
        CubeError: If a run is damaged, or a file cannot be written.
    """
    for name in formats:
        if name not in PRODUCTS:
            close = nearest_name(name, PRODUCTS)
            raise ConfigError(
                "Unknown format of a product",
                found=repr(name),
                expected=f"one of {', '.join(PRODUCTS)}",
                remedy=f"did you mean {close!r}?" if close else None,
            )
    if not runs:
        raise ConfigError("A product needs a run", expected="at least one", found="none")
    scenarios, found = open_maps(runs, years), []
    kind = "serial" if workers <= 1 else "processes"
    with Folder(out) as folder, open_workers(kind, max(workers, 1)) as crew:
        said = metadata or Metadata(), options or Options()
        release = Release(scenarios, *said, folder.path, folder.written)
        wanted = {name: plan for name, plan in PRODUCTS.items() if name in formats}
        for plan in wanted.values():
            list(plan(release))  # what cannot be is refused before anything is written
        for name, plan in {**wanted, "pages": pages}.items():
            planned = list(plan(release))
            missing = [file for file in planned if folder.finished(file) is None]
            done = len(planned) - len(missing)
            if progress is not None:
                progress(name, done, len(planned), "")
            write = functools.partial(_write, folder.path)
            for _, made in each(crew, write, functools.partial(next, iter(missing), None)):
                folder.remember(made)
                done += 1
                if progress is not None:
                    progress(name, done, len(planned), made.name)
            found += [folder.written[file.name] for file in planned]
    return found


def _write(folder: Path, planned: Planned) -> Rest:
    """Nothing is computed beforehand: a file that fails takes none with it that is finished."""
    return Rest(functools.partial(write_whole, folder, planned))
