"""Reading whole files, and atomic writes: files and folders appear complete or not at all."""

import codecs
import errno
import json
import os
import re
import shutil
import stat
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any
from uuid import uuid4

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NO_WAIT: int = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Opens a named pipe without waiting for its writer; Windows has none, and translates line ends unless told."""
MAX_TEXT = 16 << 20
"""Bytes of a text file that is read as a whole: far more than any film, config or vocabulary has."""
NO_LINK: int = getattr(os, "O_NOFOLLOW", 0)
"""Opens no symbolic link; Windows has no such flag."""
UNWRITTEN = 0
"""The time of change, in nanoseconds since 1970, of a draft that nothing was written to."""
DRAFT = re.compile(r"\.[0-9a-f]{16}\.part|\.tmp[0-9A-Za-z]{6}")
"""The name of a file or folder that is being written, by us or by the library of safetensors."""
AT_FDCWD, EXCHANGE = -100, 2
"""Of the systems' calls that exchange two names: RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path; rename it to `path` on success.

    The temporary path is an empty file in the same folder, which is created. The file is flushed to the disk before the rename and the
    folder after it, so that a power cut loses nothing; permissions are those of any new file, whatever the writer chose. On an error the
    temporary file is deleted. Raises FileNotFoundError where nothing was written.
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
    mode = _create(draft)
    try:
        yield draft
        _sync(draft, os.O_RDWR | NO_LINK)
        if draft.stat().st_mtime_ns == UNWRITTEN:
            raise FileNotFoundError(errno.ENOENT, "nothing was written", str(path))
        draft.chmod(mode)
        finish(draft)
        with suppress(PermissionError):  # Windows opens no folders
            _sync(path.parent, os.O_RDONLY)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


class TextError(ValueError):
    """Bytes that are not UTF-8; the message says what to do."""


class UnreadableError(OSError):
    """A file of a kind or size that is not read; its text says why, without number and path."""

    def __str__(self) -> str:
        return str(self.strerror)


def open_file(path: Path | str) -> BufferedReader:
    """Open a regular file for reading; raises OSError for a folder, and for a pipe or a device, which may never end."""
    handle = os.open(path, os.O_RDONLY | NO_WAIT)
    try:
        _check_regular(os.fstat(handle).st_mode, path)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def check_file(path: Path | str) -> None:
    """Refuse what a library may not open: raises OSError as `open_file` does."""
    _check_regular(os.stat(path).st_mode, path)


def _check_regular(mode: int, path: Path | str) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise UnreadableError(errno.EINVAL, "it is a pipe or a device, which may never end: save it as a file", str(path))


def read_bytes(path: Path | str, most: int = MAX_TEXT) -> bytes:
    """Read a regular file of at most `most` bytes; raises OSError."""
    with open_file(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UnreadableError(errno.EFBIG, f"it has more than {most >> 20} MB", str(path))
    return content


def read_utf8(path: Path | str, most: int = MAX_TEXT) -> str:
    """Read UTF-8 text, with or without a byte-order mark; raises OSError, TextError."""
    return decode_utf8(read_bytes(path, most))


def decode_utf8(content: bytes) -> str:
    """Decode UTF-8 text, with or without a byte-order mark; raises TextError.

    >>> decode_utf8(codecs.BOM_UTF8 + b"fps = 12")
    'fps = 12'
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise TextError("it is in UTF-16; save it as UTF-8")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise TextError("it is not in UTF-8; save it as UTF-8") from None


def parse_json(text: str | bytes) -> Any:
    """Parse JSON from outside; raises ValueError, also for what is nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML from outside; raises ValueError, also for what is nested too deeply."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file through a temporary path, as `atomic_path` does."""
    with atomic_path(path) as draft:
        write(draft)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes atomically."""
    write_atomic(path, lambda draft: draft.write_bytes(content))


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; line ends stay as they are.

    Bytes of a file name that are no UTF-8 become question marks.
    """
    write_bytes(path, text.encode(errors="replace"))


@contextmanager
def atomic_folder(folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty temporary folder; rename it to `folder` on success.

    Its files and their names are flushed to the disk. Raises OSError where `folder` holds something, unless `overwrite` is given: then
    the new folder takes its name in one step, and the old one is deleted. On an error the temporary folder is deleted.
    """
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{uuid4().hex[:16]}.part")
    draft.mkdir()
    try:
        yield draft
        for path in (*draft.rglob("*"), draft):
            if path.is_file():
                _sync(path, os.O_RDWR)
            elif path.is_dir():
                with suppress(PermissionError):  # Windows opens no folders
                    _sync(path, os.O_RDONLY)
        if overwrite and folder.is_dir() and not folder.is_symlink():
            _exchange(draft, folder)
        else:
            draft.replace(folder)
        with suppress(PermissionError):  # Windows opens no folders
            _sync(folder.parent, os.O_RDONLY)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _exchange(one: Path, other: Path) -> None:
    """Exchange the names of two folders, in one step where the system can."""
    try:
        _exchange_in_one_step(one, other)
    except (OSError, AttributeError):  # another system, or a file system that cannot
        aside = one.with_name(f"{one.stem}.old.part")
        other.replace(aside)
        one.replace(other)
        aside.replace(one)


def _exchange_in_one_step(one: Path, other: Path) -> None:
    """Exchange two names by the system; raises OSError, or AttributeError where its library has no such call."""
    import ctypes

    names = os.fsencode(one), os.fsencode(other)
    if sys.platform == "linux":
        failed = ctypes.CDLL(None, use_errno=True).renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], EXCHANGE)
    elif sys.platform == "darwin":
        failed = ctypes.CDLL(None, use_errno=True).renamex_np(*names, EXCHANGE)
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if failed:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextmanager
def sole_user(folder: Path) -> Iterator[bool]:
    """Hold a folder alone inside a block; yields whether it could be held.

    It is an advisory lock of the operating system, so it ends with its process however that ends. Where there are no such locks, as on
    Windows, every process holds the folder.
    """
    handle = os.open(folder, os.O_RDONLY) if fcntl else None
    try:
        yield handle is None or _locked(handle)
    finally:
        if handle is not None:
            os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def is_empty(folder: Path) -> bool:
    """Return whether a folder holds nothing but what killed processes left half-written."""
    return all(DRAFT.fullmatch(path.name) for path in folder.iterdir())


def discard_drafts(folder: Path) -> None:
    """Delete what killed processes left half-written in a folder that this process holds alone.

    Folders behind symbolic links are not searched.
    """
    for place, folders, names in os.walk(folder):
        for name in filter(DRAFT.fullmatch, names):
            with suppress(OSError):
                os.unlink(os.path.join(place, name))
        for name in filter(DRAFT.fullmatch, folders):
            shutil.rmtree(os.path.join(place, name), ignore_errors=True)


def link_or_copy(path: Path, place: Path) -> None:
    """Give a file a second name, or copy it where the file system has no hard links."""
    try:
        os.link(path, place)
    except OSError:
        shutil.copyfile(path, place)


def _create(path: Path) -> int:
    """Create an empty file, so that nobody can place a symbolic link under its name; returns the permissions of new files."""
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        os.utime(path, ns=(UNWRITTEN, UNWRITTEN))
        return os.fstat(handle).st_mode & 0o777
    finally:
        os.close(handle)


def flush_to_disk(path: Path) -> None:
    """Flush a file that a library wrote, or that lines were added to, and its name, so that a power cut leaves it whole.

    Behind a symbolic link the file itself, too. One that may not be written, as in a cache that machines share, was not written here.
    """
    with suppress(PermissionError, FileNotFoundError):
        _sync(path, os.O_RDWR)
        for folder in {path.parent, path.resolve().parent}:  # Windows opens no folders
            _sync(folder, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
