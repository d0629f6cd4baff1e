"""Output paths: checked before any work, written completely or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from sakuga import InputError
from sakuga.files import atomic_path

MIN_FREE = 1 << 20
"""A disk with fewer free bytes counts as full."""


class ExportError(InputError):
    """A file that cannot be written or read."""


def check_folder(folder: Path) -> None:
    """Check that a folder is writable; raises ExportError.

    It may not exist yet.
    """
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise ExportError(f"{existing} is a file, not a folder: choose another place to write to")
    try:
        with tempfile.TemporaryFile(dir=existing):
            free = shutil.disk_usage(existing).free
    except OSError as error:
        raise ExportError(f"cannot write in {existing} ({_reason_of(error)}): choose another folder") from error
    if free < MIN_FREE:
        raise ExportError(f"the disk of {existing} is full: make room or choose another folder")


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` on success.

    Raises ExportError where it cannot be written.
    """
    try:
        with atomic_path(path) as draft:
            yield draft
    except (OSError, av.FFmpegError) as error:
        raise ExportError(f"cannot write {path} ({_reason_of(error)})") from error


def _reason_of(error: OSError | av.FFmpegError) -> str:
    return (error.strerror or str(error)).lower()
