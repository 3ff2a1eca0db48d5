"""Small pictures of few colours as PNG, and as addresses that a page holds in itself."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["data_uri", "palette_png", "png_size"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def palette_png(indices: npt.NDArray[np.uint8], colours: Sequence[str]) -> bytes:
    """A picture of colours from a palette (PNG, ISO/IEC 15948); same input, same bytes.

    Args:
        indices: Position of each pixel's colour, ``(y, x)``.
        colours: ``#rrggbb``; ``#rrggbbaa`` where it is not opaque.
    """
    height, width = indices.shape
    values = [bytes.fromhex(colour.lstrip("#").ljust(8, "f")) for colour in colours]
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with the filter "none"
    rows[:, 1:] = indices
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", head),
            _chunk(b"PLTE", b"".join(value[:3] for value in values)),
            _chunk(b"tRNS", bytes(value[3] for value in values)),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def png_size(content: bytes) -> tuple[int, int]:
    """Pixels across and down, as the header of a PNG says."""
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def data_uri(content: bytes, kind: str = "image/png") -> str:
    """The address that is its own content."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)
