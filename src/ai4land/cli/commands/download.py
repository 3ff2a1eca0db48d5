"""``ai4land download``: a product's files from its provider."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import TaskID

from ai4land.cli.console import show_table, stderr, stdout, transfer_bar
from ai4land.cli.options.slices import years_of
from ai4land.download import dataset, fetch, links_in, measured, wanted
from ai4land.errors import ConfigError
from ai4land.report import describe_download, describe_downloads

__all__ = ["download"]

EXAMPLES = "Example:  ai4land download luh2_v2h --only states.nc --to data/luh2 --dry-run"


def download(
    name: Annotated[
        str | None, typer.Argument(help="The product [default: list all of them].")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Folder of the files [default: the product's name].")
    ] = None,
    only: Annotated[str, typer.Option(help="Pattern of the file names wanted.")] = "*",
    years: Annotated[
        str | None, typer.Option(help="Years to request, FIRST:LAST, where files are annual.")
    ] = None,
    links: Annotated[
        Path | None, typer.Option(help="Text file of addresses chosen on the provider's page.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be fetched and how much.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
) -> None:
    """Fetch a product's files from its provider.

    A broken transfer resumes when the command is called again. The checksum of each file is kept
    beside it when it first arrives, and checked ever after. Accounts come from the provider's own
    configuration.
    """
    if name is None:
        found = describe_downloads()
    else:
        source, folder = dataset(name), to or Path(name)
        chosen = links_in(links) if links else ()
        items = wanted(source, folder, only=only, years=years_of(years), links=chosen)
        items = measured(items)
        found = describe_download(name, source, items)
    if as_json:
        typer.echo(json.dumps(found.data, indent=1, allow_nan=False, ensure_ascii=False))
    else:
        for table in found.tables:
            show_table(table)
    if name is None or dry_run:
        return
    if not items:
        raise ConfigError(
            "The files of this product are chosen by hand",
            where=source.page,
            remedy=source.note or "fetch them with a browser",
        )
    logging.getLogger("pooch").setLevel(logging.WARNING)
    with transfer_bar() as progress:
        bars: dict[str, TaskID] = {}

        def step(file: str, have: int, total: int | None) -> None:
            if file not in bars:
                bars[file] = progress.add_task(file, total=total)
            progress.update(bars[file], completed=have, total=total)

        fetch(source, items, folder, step)
    stdout().print(f"Files are in {folder}", soft_wrap=True)
    stderr().print(f"Cite: {source.citation}. Licence: {source.licence}.", style="dim")
