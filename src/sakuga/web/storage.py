"""Disk space of the studio."""

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path
from threading import Lock, Thread
from time import monotonic

from sakuga.web.data_folder import DataFolder
from sakuga.web.refusal import Refused

FREE = 64 << 20
"""Bytes that stay free on the disk."""
FRESH = 10.0
"""Seconds that a measurement counts, or so many times as long as it took, where that is more than a second."""

_measured: dict[Path, "Measured"] = {}
_measuring = Lock()


@dataclass(frozen=True, slots=True)
class Measured:
    """The bytes of a data folder, and until when they count."""

    size: int
    until: float


def used_bytes(data: DataFolder) -> int:
    """Return the bytes of frames, clips and uploads; after the first call by the last measurement, which is renewed in the background."""
    with _measuring:
        known = _measured.get(data.home)
        if known is None:
            return _measure(data)
        if monotonic() >= known.until:
            _measured[data.home] = Measured(known.size, inf)
            Thread(target=_measure, args=(data,), daemon=True).start()
    return known.size


def _measure(data: DataFolder) -> int:
    began = monotonic()
    size = sum(_size(folder) for folder in (data.frames, data.clips, data.uploads, data.thumbnails))
    _measured[data.home] = Measured(size, monotonic() + FRESH * max(1.0, monotonic() - began))
    return size


def _size(folder: Path | str) -> int:
    """Return the bytes of the files in a folder; what is deleted meanwhile counts as nothing."""
    size = 0
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                size += _size(entry.path) if entry.is_dir(follow_symlinks=False) else entry.stat(follow_symlinks=False).st_size
    return size


def check_room(data: DataFolder, wanted: int, quota: int) -> None:
    """Refuse to store so many bytes where they do not fit; raises Refused."""
    free = shutil.disk_usage(data.home).free
    if free - wanted < FREE:
        raise Refused(f"the disk is full ({free >> 20} MB are free): delete clips, or move SAKUGA_HOME to a larger disk", "quota")
    used = used_bytes(data)
    if used + wanted > quota:
        raise Refused(
            f"the studio's quota of {quota >> 20} MB is used up ({used >> 20} MB): delete clips and uploads, clean the store with "
            "`sakuga store clean`, or start `sakuga studio` with a larger --quota",
            "quota",
        )
