"""Atomic writes: files and folders appear complete or not at all."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path; rename it to `path` on success.

    The temporary path is in the same folder, which is created. The file is flushed to the disk before the rename and the folder after it,
    so that a power cut loses nothing; permissions are those of any new file, whatever the writer chose. On an error the temporary file is
    deleted.
    """
    with _draft(path, lambda draft: draft.replace(path)) as draft:
        yield draft


class NameTaken(FileExistsError):
    """A new file's name is another file's."""


@contextmanager
def new_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path as `atomic_path` does; raises NameTaken where `path` exists by then."""
    with _draft(path, lambda draft: _take_name(draft, path)) as draft:
        yield draft


def _take_name(draft: Path, path: Path) -> None:
    """Give a file a name that no other has, also where several processes try."""
    try:
        os.link(draft, path)
    except FileExistsError as error:
        raise NameTaken(*error.args) from error
    except OSError:  # a file system without hard links
        _claim(path)
        draft.replace(path)


def _claim(path: Path) -> None:
    """Make an empty file; raises NameTaken where there is one."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError as error:
        raise NameTaken(*error.args) from error


@contextmanager
def _draft(path: Path, finish: Callable[[Path], object]) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{uuid4().hex[:16]}.part")
    mode = _mode_of_new_files(draft)
    try:
        yield draft
        draft.chmod(mode)
        _sync(draft, os.O_RDWR)
        finish(draft)
        with suppress(PermissionError):  # Windows opens no folders
            _sync(path.parent, os.O_RDONLY)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file through a temporary path, as `atomic_path` does."""
    with atomic_path(path) as draft:
        write(draft)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes atomically."""
    write_atomic(path, lambda draft: draft.write_bytes(content))


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; line ends stay as they are."""
    write_bytes(path, text.encode())


@contextmanager
def atomic_folder(folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty temporary folder; rename it to `folder` on success.

    Its files are flushed to the disk. Raises OSError where `folder` holds something, unless `overwrite` is given. On an error the
    temporary folder is deleted.
    """
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{uuid4().hex[:16]}.part")
    draft.mkdir()
    try:
        yield draft
        for path in draft.rglob("*"):
            if path.is_file():
                _sync(path, os.O_RDWR)
        if overwrite:
            shutil.rmtree(folder, ignore_errors=True)
        draft.replace(folder)
        with suppress(PermissionError):  # Windows opens no folders
            _sync(folder.parent, os.O_RDONLY)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _mode_of_new_files(path: Path) -> int:
    """Return the permissions of new files; some writers set others."""
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        return os.fstat(handle).st_mode & 0o777
    finally:
        os.close(handle)
        path.unlink()


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
