"""More files of HILDA+ as their provider writes them: transitions, NetCDF, and a defect."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ai4land.grid import Grid

__all__ = [
    "HILDA_TRANSITIONS_FOLDER",
    "corrupt_strip",
    "hilda_netcdf_name",
    "hilda_transitions_name",
    "transition_codes",
    "write_hilda_netcdf",
]

ClassMap = npt.NDArray[np.uint8]

HILDA_TRANSITIONS_FOLDER = Path("hildap_vGLOB-1.0_geotiff_wgs84/hildap_GLOB-v1.0_lulc-transitions")
_NETCDF_NAMES = {
    "v1-f": "hildaplus_vGLOB-1.0-f_states.nc",
    "v2": "hildaplus_GLOB-2-0_states.nc",
    "v2.1-crop": "hildaplus_GLOB-2-1-crop_states.nc",
}
_OFFSETS, _COUNTS = 273, 279  # TIFF tags StripOffsets and StripByteCounts
_SIZES = {3: ("H", 2), 4: ("I", 4)}  # TIFF types SHORT and LONG
_CLEAR, _END = 256, 257  # LZW codes


def hilda_transitions_name(year: int) -> str:
    """File name of the change from the year before; another stem and stamp than the states."""
    return f"hildaplus_{year}-{year - 1}_transitions_GLOB-v20-11-29_wgs84-nn.tif"


def hilda_netcdf_name(version: str) -> str:
    """File name of the NetCDF edition."""
    return _NETCDF_NAMES[version]


def transition_codes(before: ClassMap, after: ClassMap, digits: int) -> npt.NDArray[np.uint16]:
    """Codes of a transition file from two years' states.

    Args:
        before: Codes of the states, ``(y, x)``.
        after: Codes of the states a year later.
        digits: 2 (tens digits, v1) or 4 (both codes in full, v1-f and later).
    """
    one, two = before.astype(np.uint16), after.astype(np.uint16)
    if digits == 2:
        return (one // 10 * 10 + two // 10).astype(np.uint16)
    return (one * 100 + two).astype(np.uint16)


def write_hilda_netcdf(path: Path, grid: Grid, maps: Iterable[tuple[int, ClassMap]]) -> Path:
    """Write ``LULC_states(time, latitude, longitude)``, time bare years that nothing decodes.

    Args:
        path: The file.
        grid: Grid of the maps.
        maps: Year and codes, taken one at a time.
    """
    import netCDF4

    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w") as file:
        file.description = "HILDA+ land use/cover reconstruction - LULC states"
        file.createDimension("time", None)
        time = file.createVariable("time", "u2", ("time",))
        for name, centres in (("latitude", grid.latitudes()), ("longitude", grid.longitudes())):
            file.createDimension(name, centres.size)
            file.createVariable(name, "f4", (name,))[:] = centres
        states = file.createVariable(
            "LULC_states",
            "u2",
            ("time", "latitude", "longitude"),
            chunksizes=(1, *grid.shape),
            zlib=True,
            complevel=1,
        )
        for k, (year, codes) in enumerate(maps):
            time[k] = year
            states[k] = codes
    return path


def corrupt_strip(path: Path, row: int, decoded: int = 374) -> None:
    """Give a row an LZW stream that ends early, as row 10 of the published 2015-2014 transitions.

    Args:
        path: A classic little-endian TIFF in strips of one row.
        row: The row.
        decoded: How many bytes its stream still gives.
    """
    data = bytearray(path.read_bytes())
    (directory,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, directory)
    stream = _lzw_of_zeros(decoded)
    for k in range(count):
        entry = directory + 2 + 12 * k
        tag, kind, length, value = struct.unpack_from("<HHII", data, entry)
        if tag not in {_OFFSETS, _COUNTS}:
            continue
        letter, size = _SIZES[kind]
        at = (entry + 8 if length * size <= 4 else value) + row * size
        struct.pack_into(f"<{letter}", data, at, len(data) if tag == _OFFSETS else len(stream))
    path.write_bytes(bytes(data) + stream)


def _lzw_of_zeros(count: int) -> bytes:
    """A TIFF LZW stream of zeros, each written as itself, so that codes stay short."""
    bits: list[int] = []
    for k in range(count):
        if k % 200 == 0:  # before the table grows out of nine bits
            bits += _nine(_CLEAR)
        bits += _nine(0)
    bits += _nine(_END)
    bits += [0] * (-len(bits) % 8)
    return np.packbits(np.array(bits, dtype=np.uint8)).tobytes()


def _nine(code: int) -> list[int]:
    return [code >> k & 1 for k in range(8, -1, -1)]
