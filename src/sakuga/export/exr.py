"""OpenEXR files of one image, in half floats and linear light.

Source: "OpenEXR File Layout" of the Academy Software Foundation: one part, scan lines, ZIP compression.
"""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.image import Image

MAGIC, VERSION = 20000630, 2
HALF, ZIP, INCREASING = 1, 3, 0
LINES = 16
"""Scan lines of a ZIP block."""
REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
"""Chromaticities of red, green, blue and white, which sRGB has too."""
RECIPE = "sakugaRecipe"
"""The attribute with the recipe."""


def linear(image: Image | NDArray[np.uint16]) -> np.ndarray:
    """Return an sRGB image of 8 or 16 bits in linear light, (height, width, 3) float32 from 0 to 1.

    Source: IEC 61966-2-1.
    """
    most = np.iinfo(image.dtype).max
    encoded = np.arange(most + 1, dtype=np.float64) / most
    table = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    values: np.ndarray = table.astype(np.float32)[image]
    return values


def exr_bytes(image: Image | NDArray[np.uint16], recipe: str = "") -> bytes:
    """Return the file of an sRGB image of 8 or 16 bits; equal images give equal bytes."""
    height, width = image.shape[:2]
    header = _header(width, height, recipe)
    blocks = [struct.pack("<ii", y, len(block)) + block for y, block in _blocks(linear(image).astype("<f2"))]
    start = len(header) + 8 * len(blocks)
    offsets = [start + sum(map(len, blocks[:place])) for place in range(len(blocks))]
    return header + struct.pack(f"<{len(offsets)}Q", *offsets) + b"".join(blocks)


def recipe_in_exr(content: bytes) -> str | None:
    """Read the recipe of a file; None if there is none."""
    mark = RECIPE.encode() + b"\0string\0"
    place = content.find(mark)
    if place < 0:
        return None
    (size,) = struct.unpack_from("<i", content, place + len(mark))
    start = place + len(mark) + 4
    return content[start : start + size].decode(errors="replace")


def _header(width: int, height: int, recipe: str) -> bytes:
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    channels = b"".join(name + b"\0" + struct.pack("<iB3xii", HALF, 0, 1, 1) for name in (b"B", b"G", b"R")) + b"\0"
    attributes = [
        ("channels", "chlist", channels),
        ("chromaticities", "chromaticities", struct.pack("<8f", *REC709)),
        ("compression", "compression", bytes([ZIP])),
        ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window),
        ("lineOrder", "lineOrder", bytes([INCREASING])),
        ("pixelAspectRatio", "float", struct.pack("<f", 1.0)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0.0, 0.0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1.0)),
        *([(RECIPE, "string", recipe.encode())] if recipe else []),
    ]
    packed = (f"{name}\0{kind}\0".encode() + struct.pack("<i", len(value)) + value for name, kind, value in attributes)
    return struct.pack("<ii", MAGIC, VERSION) + b"".join(packed) + b"\0"


def _blocks(halves: np.ndarray) -> Iterator[tuple[int, bytes]]:
    """Yield the first line and the data of each block; in a line all of blue comes first, then green, then red."""
    for y in range(0, len(halves), LINES):
        raw = np.ascontiguousarray(halves[y : y + LINES, :, ::-1].transpose(0, 2, 1)).tobytes()
        packed = zlib.compress(_predicted(raw))
        yield y, packed if len(packed) < len(raw) else raw


def _predicted(raw: bytes) -> bytes:
    """Return even bytes before odd ones, each as its difference to the one before."""
    values = np.frombuffer(raw, np.uint8)
    ordered = np.concatenate([values[::2], values[1::2]])
    differences = np.diff(ordered) + np.uint8(128)
    return bytes(ordered[:1]) + bytes(differences.tobytes())
