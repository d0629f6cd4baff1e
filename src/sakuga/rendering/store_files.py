"""The files of a frame store: listed, and deleted oldest first."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

from sakuga.timeline.spec import Digest

THREADS = 16
"""Files deleted at the same time: a disk takes milliseconds for each, mostly waiting."""
PART = 64
"""Files that a thread deletes in a row."""
SUPPLIED = b'"kind":"given"}'
"""The mark of a supplied image, in specs of any version."""
HEAD = 1024
"""Bytes of a file in which that mark stands."""
FILE_NAME = re.compile(r"[0-9a-f]{64}\.png")
"""A digest and the suffix."""


class StoredFile(NamedTuple):
    """A file of a store; the order is that in which files are deleted."""

    generated: bool
    """Whether it holds a frame, not an image computed from others."""
    time: int
    path: str
    size: int

    @property
    def name(self) -> Digest:
        return os.path.basename(self.path).removesuffix(".png")


def stored_files(folder: str | os.PathLike[str], *, generated: bool) -> Iterator[StoredFile]:
    """Yield the images of a store's folder, which may be missing.

    Only files that are named by a digest count, and no folder behind a symbolic link is searched: what else lies there is not the
    store's to delete.
    """
    with suppress(FileNotFoundError):
        for part in os.scandir(folder):
            if len(part.name) == 2 and part.is_dir(follow_symlinks=False):
                for entry in os.scandir(part.path):
                    if FILE_NAME.fullmatch(entry.name):
                        state = entry.stat(follow_symlinks=False)
                        yield StoredFile(generated, state.st_mtime_ns, entry.path, state.st_size)


def delete_oldest(files: Iterable[StoredFile], max_size: int) -> list[StoredFile]:
    """Delete files until `max_size` bytes are left; return those deleted.

    Supplied images stay, as they cannot be generated again.
    """
    ordered = sorted(files)
    left, waiting = sum(file.size for file in ordered), iter(ordered)
    deleted: list[StoredFile] = []
    with ThreadPoolExecutor(THREADS) as threads:
        while left > max_size and (oldest := list(_first(waiting, left - max_size))):
            gone = [file for part in threads.map(_delete, _parts(oldest)) for file in part]
            left -= sum(file.size for file in gone)
            deleted += gone
    return deleted


def _first(files: Iterator[StoredFile], size: int) -> Iterator[StoredFile]:
    """Yield files until they have `size` bytes together."""
    while size > 0 and (file := next(files, None)):
        size -= file.size
        yield file


def _parts(files: Sequence[StoredFile]) -> Iterator[Sequence[StoredFile]]:
    return (files[start : start + PART] for start in range(0, len(files), PART))


def _delete(files: Iterable[StoredFile]) -> list[StoredFile]:
    """Delete files but for supplied images; return those deleted."""
    deleted = []
    for file in files:
        if not (file.generated and _is_supplied(file.path)):
            with suppress(FileNotFoundError):
                os.unlink(file.path)
            deleted.append(file)
    return deleted


def _is_supplied(path: str) -> bool:
    """Return whether a file holds a supplied image."""
    with suppress(OSError), open(path, "rb", buffering=0) as file:
        return SUPPLIED in file.read(HEAD)
    return False
