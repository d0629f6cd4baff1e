"""Where files go: refused before any drawing if they cannot go there, and whole or not there at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av

from sakuga import InputError

LEAST_FREE = 1 << 20
"""A disk with less than this many bytes free counts as full."""


class ExportError(InputError):
    """A file that cannot be written or read; one sentence for the artist."""


def check_folder(folder: Path) -> None:
    """Make sure that files can be written in a folder, or that it can be made; ExportError if not."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise ExportError(f"{existing} is a file, not a folder: choose another place to write to")
    try:
        with tempfile.TemporaryFile(dir=existing):
            free = shutil.disk_usage(existing).free
    except OSError as error:
        raise ExportError(f"cannot write in {existing} ({_reason(error)}): choose another folder") from error
    if free < LEAST_FREE:
        raise ExportError(f"the disk of {existing} is full: make room or choose another folder")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Lend a place beside `path` to write to; what was written takes its name at the end, or vanishes if anything went wrong."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        _sync(draft, os.O_RDWR)
        draft.replace(path)
        with suppress(PermissionError):  # Windows opens no folders
            _sync(path.parent, os.O_RDONLY)
    except (OSError, av.FFmpegError) as error:
        raise ExportError(f"cannot write {path} ({_reason(error)})") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _reason(error: OSError | av.FFmpegError) -> str:
    return (error.strerror or str(error)).lower()


def _sync(path: Path, flags: int) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
