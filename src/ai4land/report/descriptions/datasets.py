"""The datasets that AI4Land reads and where they can be had, for people and as plain data."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from ai4land.download import Dataset, Item, datasets
from ai4land.report.descriptions.inspection import Description
from ai4land.report.tables.table import Table, size
from ai4land.sources import SOURCES, Reader
from ai4land.vocabulary import VARIABLES, Kind, check_name

__all__ = ["describe_download", "describe_downloads", "describe_source", "describe_sources"]

_ACCOUNTS: Mapping[str, str] = {
    "none": "–",
    "cds": "Climate Data Store, ~/.cdsapirc",
    "earthdata": "NASA Earthdata, ~/.netrc",
}


def describe_sources() -> Description:
    """All readers that a recipe may name."""
    rows = tuple(
        (
            name,
            reader.title,
            ", ".join(_variables(reader)),
            reader.years or "–",
            reader.licence or "–",
            reader.known_from,
        )
        for name, reader in SOURCES.items()
    )
    heads = ("source", "product", "variables", "years", "licence", "format known from")
    note = (
        "All of one: `ai4land sources NAME`. Where to get the files: `ai4land download`. "
        "Experimental: only imitations of the product were read so far; look at the values."
    )
    table = Table("Products that a recipe may name", heads, rows, note, numeric=False)
    data = {name: _data(name, reader) for name, reader in SOURCES.items()}
    return Description("sources", table.title, data, (table,))


def describe_source(name: str) -> Description:
    """One reader with its files, variables, options and addresses.

    Raises:
        ConfigError: If there is none of that name; it names the nearest.
    """
    check_name(name, SOURCES, "Unknown source")
    reader, data = SOURCES[name], _data(name, SOURCES[name])
    facts = [
        ("product", reader.title),
        ("files", "\n".join(reader.files) or "none"),
        ("years", reader.years or "–"),
        ("licence", reader.licence or "–"),
        ("cite", reader.citation or "–"),
        ("format known from", reader.known_from),
        ("download", ", ".join(data["downloads"]) or "no address known"),
    ]
    variables = tuple((v["name"], v["kind"], v["units"], v["long_name"]) for v in data["variables"])
    options = tuple(
        (o["name"], o["type"], "required" if o["required"] else str(o["default"]), o["meaning"])
        for o in data["options"]
    )
    tables = [
        Table(f"Source {name}", ("", ""), tuple(facts), numeric=False),
        Table("Variables", ("variable", "kind", "units", "what"), variables, numeric=False),
    ]
    if options:
        heads = ("option", "type", "default", "meaning")
        tables.append(Table("Options in a recipe", heads, options, numeric=False))
    return Description("source", reader.title, data, tuple(tables))


def _variables(reader: Reader) -> tuple[str, ...]:
    classes = (v.name for v in VARIABLES.values() if v.kind is Kind.CATEGORICAL)
    return reader.variables or tuple(classes)


def _data(name: str, reader: Reader) -> dict[str, Any]:
    """A reader as plain data."""
    return {
        "name": name,
        "title": reader.title,
        "files": list(reader.files),
        "years": reader.years,
        "licence": reader.licence,
        "citation": reader.citation,
        "certainty": reader.certainty.value,
        "experimental": reader.experimental,
        "variables": [
            {
                "name": v.name,
                "kind": v.kind.value,
                "units": v.units,
                "long_name": v.long_name,
                "components": list(v.components),
            }
            for v in (VARIABLES[n] for n in _variables(reader))
        ],
        "options": _options(reader),
        "downloads": [key for key, found in datasets().items() if found.reader == name],
    }


def _options(reader: Reader) -> list[dict[str, Any]]:
    """Names, types, defaults and meanings of what a recipe may say."""
    meanings: dict[str, str] = {}
    for model in reversed(reader.options.__mro__):  # options may be inherited
        meanings |= _attributes(inspect.cleandoc(model.__doc__ or ""))
    found = []
    for name, entry in reader.options.model_fields.items():
        required = entry.is_required()
        found.append(
            {
                "name": name,
                "type": _kind(entry.annotation),
                "required": required,
                "default": None
                if required
                else _plain(entry.get_default(call_default_factory=True)),
                "meaning": meanings.get(name, ""),
            }
        )
    return found


def _kind(annotation: object) -> str:
    """What may stand for an option, as a person would say it."""
    parts = get_args(annotation)
    if get_origin(annotation) is Literal:
        return " | ".join(map(str, parts))
    if get_origin(annotation) is Annotated:
        return _kind(parts[0])
    if get_origin(annotation) in {Union, UnionType}:
        return " | ".join(_kind(part) for part in parts if part is not NoneType)
    if parts:
        inner = ", ".join(_kind(part) for part in parts if part is not Ellipsis)
        return f"{getattr(get_origin(annotation), '__name__', annotation)} of {inner}"
    return getattr(annotation, "__name__", str(annotation))


def _plain(value: object) -> object:
    """A default as JSON knows it."""
    plain = value is None or isinstance(value, bool | int | float | str)
    return value if plain else str(value)


def _attributes(text: str) -> dict[str, str]:
    """Name → sentence of the section ``Attributes:`` of a docstring."""
    _, _, section = text.partition("Attributes:\n")
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        start = re.match(r" {4}(\w+): (.*)", line)
        if start:
            name = start[1]
            found[name] = start[2].strip()
        elif name and line.startswith(" " * 8):
            found[name] += " " + line.strip()
        elif line.strip():
            break
    return {key: value.replace("``", "") for key, value in found.items()}


def describe_downloads() -> Description:
    """All products whose addresses are known."""
    rows = tuple(
        (name, found.title, _total(found), found.licence, _ACCOUNTS[found.credentials], _how(found))
        for name, found in datasets().items()
    )
    heads = ("name", "product", "size", "licence", "account", "how")
    note = (
        "≥: sizes of some files are not known. Addresses that were seen in use are told from "
        "inferred ones by `ai4land download NAME --dry-run`."
    )
    table = Table("Products that can be fetched", heads, rows, note, numeric=False)
    data = {name: found.model_dump(mode="json") for name, found in datasets().items()}
    return Description("downloads", table.title, data, (table,))


def _how(found: Dataset) -> str:
    if found.by_hand:
        return "links from the page" if found.credentials == "earthdata" else "by hand"
    return f"{len(found.remote)} files" if found.remote else "a request per year"


def _total(found: Dataset) -> str:
    sizes = [file.size for file in found.remote]
    known = [s for s in sizes if s is not None]
    if not known:
        return "?"
    return ("≥ " if len(known) < len(sizes) or found.request else "") + size(sum(known))


def describe_download(name: str, found: Dataset, items: Sequence[Item]) -> Description:
    """What would be fetched, where from, how much, and under which terms."""
    facts = [("product", found.title), ("page", found.page), ("licence", found.licence)]
    facts += [("cite", found.citation), ("account", _ACCOUNTS[found.credentials])]
    facts += [("note", found.note)] if found.note else []
    rows = tuple((i.name, *_state(i), _address(i, found)) for i in items)
    known = [i.missing for i in items if i.missing is not None]
    unknown = len(items) - len(known)
    note = f"To fetch: {size(sum(known))}"
    note += f" and {unknown} files of unknown size." if unknown else "."
    tables = [Table(name, ("", ""), tuple(facts), numeric=False)]
    if items:
        heads = ("file", "size", "here", "address")
        tables.append(Table("Files", heads, rows, note, numeric=False))
    data = {
        **found.model_dump(mode="json", exclude={"files", "expand"}),
        "files": [
            {
                "name": i.name,
                "path": str(i.path),
                "url": i.remote.url if i.remote else None,
                "bytes": i.size,
                "have": i.have,
                "whole": i.whole,
                "sure": i.remote.sure if i.remote else False,
            }
            for i in items
        ],
    }
    return Description("download", found.title, data, tuple(tables))


def _state(item: Item) -> tuple[str, str]:
    rough = item.remote is not None and item.remote.bytes is None and not item.whole
    known = "?" if item.size is None else f"{'≈ ' if rough else ''}{size(item.size)}"
    here = "all" if item.whole else size(item.have) if item.have else "–"
    return known, here


def _address(item: Item, found: Dataset) -> str:
    if item.remote is not None:
        return item.remote.url + ("" if item.remote.sure else " (inferred)")
    assert found.request is not None
    return f"CDS request {found.request.dataset}, {item.year}"
