"""Frames of a clip as its file shows them, unpacked once beside the thumbnails."""

import json
import sqlite3
from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from threading import Lock

from PIL import Image as PILImage

from sakuga.datasets.clips import read_clip
from sakuga.files import atomic_folder
from sakuga.timeline.clip import Image
from sakuga.web.data_folder import DataFolder
from sakuga.web.refusal import missing

DURATIONS = "durations.json"
SINGLE = ("png", "sheet.png", "contact.png")
"""Formats that hold one image."""

_unpacking = Lock()


def path_of_clip(data: DataFolder, row: sqlite3.Row) -> Path:
    """Return the file of a clip; raises Refused where someone has deleted it from the folder."""
    path = data.clips / str(row["file"])
    if not path.is_file():
        raise missing("file of the clip", row["id"])
    return path


def frame_source(data: DataFolder, row: sqlite3.Row, number: int) -> Path:
    """Return the path of a frame's image; the first is 0.

    A file may hold one image for several frames, so the image is found by the frame's time.
    """
    path = path_of_clip(data, row)
    if row["format"] in SINGLE:
        return path
    folder = unpacked_folder(data, row["id"])
    with _unpacking:
        if not folder.is_dir():
            with atomic_folder(folder) as draft:
                _unpack(path, draft)
    ends = list(accumulate(map(Fraction, json.loads((folder / DURATIONS).read_text(encoding="utf-8")))))
    image = bisect_right(ends, (number + Fraction(1, 2)) / Fraction(row["rate"]))
    return folder / f"{min(image, len(ends) - 1):05}.png"


def unpacked_folder(data: DataFolder, clip: str) -> Path:
    """Return the folder of a clip's unpacked frames."""
    return data.thumbnails / "clips" / clip


def _unpack(path: Path, folder: Path) -> None:
    def write(images: Iterable[Image]) -> tuple[Image, ...]:
        for number, image in enumerate(images):
            PILImage.fromarray(image).save(folder / f"{number:05}.png", compress_level=1)
        return ()

    clip = read_clip(path, write)
    (folder / DURATIONS).write_text(json.dumps([str(length) for length in clip.seconds]), encoding="utf-8")
