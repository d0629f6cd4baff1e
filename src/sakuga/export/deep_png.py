"""PNG files with 16 bits a channel, which Pillow cannot write.

Source: PNG specification, third edition (W3C).
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TRUECOLOR, PERCEPTUAL, UP = 2, 0, 2


def deep_png_bytes(image: NDArray[np.uint16], key: str = "", text: str = "") -> bytes:
    """Return the file of an sRGB image, (height, width, 3) uint16, with a text under a keyword.

    Equal images give equal bytes.
    """
    height, width = image.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 16, TRUECOLOR, 0, 0, 0)
    said = f"{key}\0\0\0\0\0".encode("latin-1") + text.encode() if text else b""
    chunks = [
        (b"IHDR", header),
        (b"sRGB", bytes([PERCEPTUAL])),
        (b"iTXt", said),
        (b"IDAT", zlib.compress(_filtered(image), 6)),
        (b"IEND", b""),
    ]
    return SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks if data or name == b"IEND")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _filtered(image: NDArray[np.uint16]) -> bytes:
    """Return the rows as differences to the row above, each after its filter type."""
    rows = image.astype(">u2").reshape(len(image), -1).view(np.uint8)
    differences = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))
    return np.insert(differences, 0, UP, axis=1).tobytes()
