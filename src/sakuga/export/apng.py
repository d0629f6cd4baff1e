"""APNG, one frame after the other.

Pillow compresses each changed rectangle as a PNG, whose chunks are taken over; the bytes are those of Pillow's own APNG, which keeps all
frames in memory. Format: APNG specification 1.0, PNG (third edition), section 11.3.6.
"""

import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sakuga.export.image_files import write_image
from sakuga.export.limits import LIMITS
from sakuga.export.target import ExportError
from sakuga.export.timing import FrameStream, TimedImage
from sakuga.finishing.image import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_DELAY = 65_535
"""The largest numerator and denominator of a delay, in seconds."""
_LIMITS = LIMITS[".apng"]


def write_apng(clip: FrameStream, path: Path) -> None:
    """Write an endlessly looping, lossless APNG.

    Reads the clip twice, as the number of images comes first in the file.
    """
    count = sum(1 for _ in _LIMITS.timed(clip))
    if count == 1:
        write_image(next(iter(clip.images)), clip.recipe, path)
        return
    with path.open("wb") as file:
        file.write(SIGNATURE)
        _write_images(_LIMITS.timed(clip), count, clip.recipe, file)
        _write_chunk(file, b"IEND", b"")


def _write_images(shown: Iterator[TimedImage], count: int, recipe: str, file: BinaryIO) -> None:
    """Write the chunks of all images, each with the next sequence numbers."""
    before, sequence = None, 0
    for timed in shown:
        left, top, right, bottom = _changed(before, timed.image)
        chunks = _png_chunks(timed.image[top:bottom, left:right], recipe if before is None else "")
        data = [content for kind, content in chunks if kind == b"IDAT"]
        if before is None:
            for kind, content in chunks[: [kind for kind, _ in chunks].index(b"IDAT")]:
                _write_chunk(file, kind, content)
            _write_chunk(file, b"acTL", struct.pack(">II", count, 0))
        place = (right - left, bottom - top, left, top)
        _write_chunk(file, b"fcTL", struct.pack(">IIIIIHHBB", sequence, *place, *_delay(timed.ticks), 0, 0))
        sequence += 1
        for content in data:
            if before is None:
                _write_chunk(file, b"IDAT", content)
            else:
                _write_chunk(file, b"fdAT", struct.pack(">I", sequence) + content)
                sequence += 1
        before = timed.image


def _changed(before: Image | None, image: Image) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what differs from the image before."""
    height, width = image.shape[:2]
    if before is None:
        return 0, 0, width, height
    differs = (image != before).reshape(height, -1)
    rows = np.flatnonzero(differs.any(axis=1))
    columns = np.flatnonzero(differs.any(axis=0).reshape(width, -1).any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _delay(ticks: int) -> tuple[int, int]:
    """Return a duration as numerator and denominator of seconds; raises ExportError."""
    delay = Fraction(ticks / _LIMITS.ticks).limit_denominator(MAX_DELAY)
    if delay.numerator > MAX_DELAY:
        raise ExportError(f"an APNG cannot show one image for {delay.numerator // delay.denominator:,} s: choose another format")
    return delay.numerator, delay.denominator


def _png_chunks(image: Image, recipe: str) -> list[tuple[bytes, bytes]]:
    """Return type and content of each chunk of a PNG."""
    encoded = BytesIO()
    write_image(np.ascontiguousarray(image), recipe, encoded)
    data, at, chunks = encoded.getbuffer(), len(SIGNATURE), list[tuple[bytes, bytes]]()
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append((bytes(data[at + 4 : at + 8]), bytes(data[at + 8 : at + 8 + length])))
        at += 12 + length
    return chunks


def _write_chunk(file: BinaryIO, kind: bytes, content: bytes) -> None:
    file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content)))
