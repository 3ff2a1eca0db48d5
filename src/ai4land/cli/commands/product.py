"""``ai4land product``: from a finished run to files that others open."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ai4land.cli.console import progress_or_lines, stdout
from ai4land.cli.options.slices import years_of
from ai4land.errors import ConfigError
from ai4land.product import PRODUCTS, Options, load_metadata, runs_in, write_product

__all__ = ["product"]

EXAMPLES = """Example:  ai4land product crete_2000.zarr --out crete --metadata product.yaml

Scenarios:  ai4land product --scenario history=history.zarr --scenario ssp126=ssp126.zarr
--out globe --formats netcdf,stac --years 1990:2020"""

_DEFAULT = "netcdf,cog,fractions,stac"


class Compression(StrEnum):
    """How GeoTIFFs are compressed."""

    DEFLATE = "deflate"
    ZSTD = "zstd"


def product(
    out: Annotated[Path, typer.Option(help="Folder of the product.")],
    run: Annotated[
        Path | None,
        typer.Argument(help="A finished run, or a folder of some; their names are the scenarios'."),
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help="NAME=RUN, once for each scenario.")
    ] = None,
    formats: Annotated[str, typer.Option(help=f"Some of {', '.join(PRODUCTS)}.")] = _DEFAULT,
    years: Annotated[
        str | None, typer.Option(help="Only these years, FIRST:LAST or one year.")
    ] = None,
    metadata: Annotated[
        Path | None, typer.Option(help="YAML: title, creator, licence, notice and so on.")
    ] = None,
    cells: Annotated[
        str, typer.Option(help="Cells of the area fractions: degrees, 25px, or forcing.")
    ] = "0.25",
    top_two: Annotated[
        bool, typer.Option("--top-two", help="The two most likely classes in the NetCDF files.")
    ] = False,
    compression: Annotated[
        Compression, typer.Option(help="Of GeoTIFFs; deflate opens everywhere.")
    ] = Compression.DEFLATE,
    workers: Annotated[int, typer.Option(min=1, help="Processes that write files.")] = 1,
) -> None:
    """Write a finished run as files that others open.

    What is finished and right is not written again: a command that was stopped goes on.
    """
    runs = {} if run is None else runs_in(run)
    for written in scenario or ():
        name, equals, path = written.partition("=")
        if not equals or not path or name in runs:
            raise ConfigError(
                "This is not a further scenario",
                where="--scenario",
                expected="NAME=RUN, each name once",
                found=written,
            )
        runs[name] = Path(path)
    said, options = load_metadata(metadata), Options(cells, compression.value, top_two)
    with progress_or_lines() as say:
        files = write_product(
            runs,
            out,
            formats=[name.strip() for name in formats.split(",") if name.strip()],
            years=years_of(years),
            metadata=said,
            options=options,
            workers=workers,
            progress=say,
        )
    size = sum(file.bytes for file in files) / 1e6
    stdout().print(f"Product written: {out}, {len(files)} files, {size:.1f} MB", soft_wrap=True)
