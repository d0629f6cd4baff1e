"""Output paths: checked before any work, written completely or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sakuga import InputError
from sakuga.files import NameTaken, atomic_path, new_path
from sakuga.paths import check_name as check_name

if TYPE_CHECKING:
    from av import FFmpegError

MIN_FREE = 1 << 20
"""A disk with fewer free bytes counts as full."""


class ExportError(InputError):
    """A file that cannot be written or read."""


def check_folder(folder: Path) -> None:
    """Check that a folder is writable; raises ExportError.

    It may not exist yet.
    """
    check_name(folder)
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
def atomic(path: Path, *, new: bool = False) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` on success.

    Raises ExportError where it cannot be written; where `path` must be `new`, NameTaken if it exists by then.
    """
    try:
        with new_path(path) if new else atomic_path(path) as draft:
            yield draft
    except NameTaken:
        raise
    except (OSError, _ffmpeg_error()) as error:
        raise ExportError(f"cannot write {path} ({_reason_of(error)})") from error


def _ffmpeg_error() -> "type[FFmpegError]":
    """Import FFmpeg's error, when something was raised."""
    import av

    error: type[FFmpegError] = av.FFmpegError
    return error


def _reason_of(error: "OSError | FFmpegError") -> str:
    return (error.strerror or str(error)).lower()
