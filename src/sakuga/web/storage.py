"""Disk space of the studio."""

import shutil
from pathlib import Path
from threading import Lock
from time import monotonic

from sakuga.web.data_folder import DataFolder
from sakuga.web.refusal import Refused

FREE = 64 << 20
"""Bytes that stay free on the disk."""
FRESH = 10.0
"""Seconds that a measurement counts."""

_measured: dict[Path, tuple[float, int]] = {}
_measuring = Lock()


def used_bytes(data: DataFolder) -> int:
    """Return the bytes of frames, clips and uploads, measured every few seconds."""
    with _measuring:
        when, size = _measured.get(data.home, (-FRESH, 0))
        if monotonic() - when >= FRESH:
            folders = (data.frames, data.clips, data.uploads, data.thumbnails)
            size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
            _measured[data.home] = (monotonic(), size)
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
