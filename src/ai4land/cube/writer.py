"""Writing a cube: declare it, validate each block, write whole chunks, resume after a crash."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import ZstdCodec

from ai4land.cube.blocks import Block, BlockWriter, blocks_of, full_disk_named
from ai4land.cube.schema import CubeSpec, GroupSpec, Status, VariableSpec
from ai4land.cube.store import ATTRIBUTE, status_name, time_name
from ai4land.errors import CubeError
from ai4land.vocabulary import Clock, Kind

__all__ = ["CubeWriter", "declare", "finish"]

_JOURNAL = ".journal"
_EPOCH = np.datetime64("1970-01-01")


class CubeWriter:
    """Fills a declared cube block by block; a second run continues where the first stopped.

    The store says of itself that it is incomplete until ``finish``. A journal inside it lists
    finished blocks; a block that was being written when the process died is written again.

    Args:
        path: Folder of the store.
        spec: What the cube will hold.
        overwrite: Replace a store that is already there.
        cells: Cells of a unit of writing, about; default: what fits the memory of a build.

    Raises:
        CubeError: If something else is already there.
    """

    def __init__(
        self,
        path: str | Path,
        spec: CubeSpec,
        *,
        overwrite: bool = False,
        cells: int | None = None,
    ) -> None:
        self.path = Path(path)
        self.spec = spec
        self._cells = cells
        self._journal = self.path / _JOURNAL
        self._declared = json.loads(json.dumps(spec.to_dict()))
        if self.path.exists():
            if overwrite:
                _remove(self.path)
            else:
                self._check_resumable()
        if self._journal.exists():
            _remove_torn(self.path)
        else:
            with full_disk_named(self.path):
                declare(self.path, spec)
                self._journal.touch()  # marks the declaration whole
        self._root = zarr.open_group(str(self.path), mode="r+", zarr_format=3)
        self._writer = BlockWriter(self.path, spec.groups)
        self._done = set(self._whole_lines())

    def blocks(self) -> Iterator[Block]:
        """All units of writing, in a fixed order."""
        return blocks_of(self.spec.groups, self._cells)

    def pending(self) -> list[Block]:
        """The units that are still to be written."""
        return [block for block in self.blocks() if block.key not in self._done]

    def write(self, block: Block, values: npt.NDArray[Any], status: Mapping[int, Status]) -> None:
        """Validate and write one block, then remember it.

        Args:
            block: One of ``blocks()``.
            values: ``(time, [component,] y, x)``, without the time axis if static; class codes
                with ``NO_DATA`` missing, or numbers in the vocabulary's units with NaN missing.
            status: For each tick of the block, where its values come from.

        Raises:
            CubeError: If the values do not fit the declaration, of which nothing is written, or
                if the disk is full.
        """
        self._writer.write(block, values)
        self.remember(block, status)

    def remember(self, block: Block, status: Mapping[int, Status]) -> None:
        """Keep that a block is written, by this process or by another's ``BlockWriter``.

        Args:
            block: One of ``blocks()``.
            status: For each tick of the block, where its values come from.

        Raises:
            CubeError: If the disk is full.
        """
        group = next(g for g in self.spec.groups if g.name == block.group)
        with full_disk_named(self.path):
            if block.ticks:
                first = group.time_index(block.ticks[0])
                flags = self._root[f"{group.name}/{status_name(block.variable)}"]
                values = np.array([status[t] for t in block.ticks], dtype=np.uint8)
                cast("zarr.Array[Any]", flags)[first : first + len(block.ticks)] = values
            with self._journal.open("a", encoding="utf-8") as journal:
                journal.write(block.key + "\n")
                journal.flush()
                os.fsync(journal.fileno())
        self._done.add(block.key)

    def finish(self) -> None:
        """Declare the cube complete.

        Raises:
            CubeError: If blocks are missing.
        """
        missing = self.pending()
        if missing:
            raise CubeError(
                "The cube cannot be finished: blocks are missing",
                where=self.path,
                found=f"{len(missing)} blocks, the first is {missing[0].key}",
            )
        finish(self.path, self.spec)
        self._journal.unlink()

    def _whole_lines(self) -> list[str]:
        """The journal's lines; the torn last line of a killed process is cut off."""
        text = self._journal.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if whole != text:
            os.truncate(self._journal, len(whole))  # in place: it must survive a full disk
        return whole.decode("utf-8").splitlines()

    def _check_resumable(self) -> None:
        """Accept an unfinished cube of the same declaration, refuse everything else."""
        try:
            found = zarr.open_group(str(self.path), mode="r", zarr_format=3).attrs.asdict()
        except (OSError, ValueError, KeyError, zarr.errors.GroupNotFoundError):
            found = {}
        data = found.get(ATTRIBUTE)
        if not isinstance(data, dict):
            if self.path.is_dir() and not any(self.path.iterdir()):
                return
            raise CubeError(
                "Something that is not a cube lies where the cube should go",
                where=self.path,
                remedy="choose another path, or remove it yourself",
            )
        if data.pop("complete", False) and not self._journal.exists():
            raise CubeError(
                "There is already a finished cube here",
                where=self.path,
                remedy="choose another path, or replace it with `--overwrite`",
            )
        if data != self._declared:
            raise CubeError(
                "An unfinished cube of another recipe or other inputs lies here",
                where=self.path,
                found=_first_difference(self._declared, data),
                remedy="replace it with `--overwrite`, or restore its recipe and files to resume",
            )


def declare(
    path: Path, spec: CubeSpec, status: Mapping[str, Mapping[int, Status]] | None = None
) -> None:
    """Create all arrays and attributes of a store that says of itself that it is incomplete.

    Args:
        path: Its folder; what lies there is replaced.
        spec: What it will hold.
        status: Variable → tick → where its values will come from, where that is known beforehand.
    """
    attributes: dict[str, Any] = {
        ATTRIBUTE: {**spec.to_dict(), "complete": False},
        "Conventions": "CF-1.11",
    }
    root = zarr.open_group(str(path), mode="w", zarr_format=3, attributes=attributes)
    for group in spec.groups:
        _create_group(root, group)
        for name in (s.name for s in group.variables if s.name in (status or {})):
            flags = cast("zarr.Array[Any]", root[f"{group.name}/{status_name(name)}"])
            flags[:] = np.array([(status or {})[name][t] for t in group.ticks], dtype=np.uint8)


def finish(path: Path, spec: CubeSpec) -> None:
    """Let a store say of itself that it is complete."""
    with full_disk_named(path):
        root = zarr.open_group(str(path), mode="r+", zarr_format=3)
        root.attrs[ATTRIBUTE] = {**json.loads(json.dumps(spec.to_dict())), "complete": True}


def _remove_torn(path: Path) -> None:
    """Remove files that a killed process had not yet given their names."""
    for file in path.rglob("*.partial"):
        file.unlink(missing_ok=True)


def _first_difference(expected: object, found: object, at: str = "") -> str:
    """Where two pieces of plain data differ first, for an error message."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in {**expected, **found}:
            if expected.get(key) != found.get(key):
                return _first_difference(expected.get(key), found.get(key), f"{at}.{key}")
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for i, (one, two) in enumerate(zip(expected, found, strict=True)):
            if one != two:
                return _first_difference(one, two, f"{at}[{i}]")
    return f"{at.lstrip('.')}: {str(expected)[:80]!r} now, {str(found)[:80]!r} in the store"


def _remove(path: Path) -> None:
    """Remove an older store, and only a store."""
    if not path.is_dir() or (any(path.iterdir()) and not (path / "zarr.json").exists()):
        raise CubeError(
            "Only a Zarr store may be overwritten", where=path, remedy="choose another path"
        )
    shutil.rmtree(path)


def _create_group(root: zarr.Group, group: GroupSpec) -> None:
    """Create one group with coordinates, status flags and empty arrays."""
    node = root.create_group(group.name, attributes={"Conventions": "CF-1.11"})
    time = time_name(group.clock)
    _coordinate(node, "lat", group.grid.latitudes(), "latitude", "degrees_north")
    _coordinate(node, "lon", group.grid.longitudes(), "longitude", "degrees_east")
    if group.ticks:
        if group.clock is Clock.YEAR:
            ticks = np.array(group.ticks, dtype=np.int32)
            _coordinate(node, time, ticks, "calendar year", None)
        else:
            dates = np.array([group.clock.date(t) for t in group.ticks], dtype="datetime64[D]")
            days = (dates - _EPOCH).astype(np.int32)
            _coordinate(node, time, days, "time", "days since 1970-01-01")
    for spec in group.variables:
        layer = f"{spec.name}_class"
        if spec.components:
            _names(node, layer, spec.components)
        dims = [*([time] if group.ticks else []), *([layer] if spec.components else [])]
        node.create_array(
            spec.name,
            shape=group.shape(spec),
            dtype=spec.dtype,
            chunks=group.chunks(spec),
            shards=group.shards(spec),
            fill_value=spec.fill,
            compressors=ZstdCodec(level=3),
            dimension_names=[*dims, "lat", "lon"],
            attributes=_attributes(spec, layer),
        )
        if group.ticks:
            node.create_array(
                status_name(spec.name),
                shape=(len(group.ticks),),
                dtype="uint8",
                chunks=(len(group.ticks),),
                fill_value=255,
                dimension_names=[time],
                attributes={
                    "long_name": f"where the values of {spec.name} come from",
                    "flag_values": [int(s) for s in Status],
                    "flag_meanings": " ".join(s.name.lower() for s in Status),
                },
            )


def _names(node: zarr.Group, name: str, components: tuple[str, ...]) -> None:
    """A coordinate of layer numbers, their names as CF flags (strings are not yet in the spec)."""
    node.create_array(
        name,
        data=np.arange(len(components), dtype=np.int32),
        dimension_names=[name],
        attributes={
            "long_name": f"layers of {name.removesuffix('_class')}",
            "flag_values": list(range(len(components))),
            "flag_meanings": " ".join(components),
        },
    )


def _coordinate(
    node: zarr.Group, name: str, values: npt.NDArray[Any], long_name: str, units: str | None
) -> None:
    attributes: dict[str, Any] = {"long_name": long_name}
    if units is not None:
        attributes["units"] = units
        attributes["standard_name"] = long_name
    if name == "time":
        attributes["calendar"] = "proleptic_gregorian"
    node.create_array(name, data=values, dimension_names=[name], attributes=attributes)


def _attributes(spec: VariableSpec, layer: str) -> dict[str, Any]:
    """CF attributes of an array."""
    attributes: dict[str, Any] = {
        "long_name": spec.variable.long_name,
        "units": spec.variable.units,
        "source": spec.source,
        "kind": spec.variable.kind.value,
    }
    if spec.variable.standard_name is not None:
        attributes["standard_name"] = spec.variable.standard_name
    if spec.variable.kind is Kind.CATEGORICAL and spec.legend is not None:
        attributes["flag_values"] = list(spec.legend.codes)
        attributes["flag_meanings"] = " ".join(spec.legend.names)
        attributes["flag_colors"] = " ".join(spec.legend.colours)
        if spec.legend.recoded:  # what the provider's files write instead of the stored bytes
            written = {byte: code for code, byte in spec.legend.recoded}
            attributes["flag_values_in_files"] = [written[code] for code in spec.legend.codes]
    if spec.components:
        attributes["layers"] = layer
    return attributes
