"""The studio's data folder, and the lock of its server."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sakuga import InputError


class StudioError(InputError):
    """The studio cannot start; the sentence says why."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Paths below $SAKUGA_HOME; every file name in them is made by the server."""

    home: Path

    @property
    def studio(self) -> Path:
        """Everything that only the studio uses."""
        return self.home / "studio"

    @property
    def database(self) -> Path:
        return self.studio / "studio.sqlite3"

    @property
    def frames(self) -> Path:
        return self.home / "frames"

    @property
    def clips(self) -> Path:
        return self.studio / "clips"

    @property
    def uploads(self) -> Path:
        return self.studio / "uploads"

    @property
    def thumbnails(self) -> Path:
        return self.studio / "thumbnails"

    @property
    def previews(self) -> Path:
        return self.studio / "previews"

    @property
    def locks(self) -> Path:
        return self.studio / "locks"

    @property
    def sets(self) -> Path:
        return self.studio / "sets"

    @property
    def runs(self) -> Path:
        return self.studio / "runs"

    @property
    def reports(self) -> Path:
        return self.studio / "reports"

    @property
    def grids(self) -> Path:
        return self.studio / "grids"

    def without_paths(self, text: str) -> str:
        """Return a message with this folder's files called by their names alone."""
        for folder in (self.sets, self.runs, self.reports, self.clips, self.uploads, self.grids, self.home):
            text = text.replace(f"{folder}/", "")
        return text

    def create(self) -> None:
        """Create every folder; raises StudioError."""
        try:
            for folder in (
                self.clips,
                self.uploads,
                self.thumbnails,
                self.previews,
                self.locks,
                self.sets,
                self.runs,
                self.reports,
                self.grids,
            ):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StudioError(f"{self.studio} cannot be written ({error.strerror}): set SAKUGA_HOME to another folder") from None


_held: set[int] = set()
"""Open lock files; a forked child would share their locks, and keep them when this process is killed."""


def _let_go() -> None:
    for handle in _held:
        os.close(handle)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def locked(path: Path, note: str = "") -> Iterator[bool]:
    """Hold a lock for the life of this process; yields whether it was free.

    The kernel releases it however the process ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        yield False
        return
    _held.add(handle)
    try:
        if note:
            os.ftruncate(handle, 0)
            os.write(handle, note.encode())
        yield True
    finally:
        _held.discard(handle)
        os.close(handle)


@contextmanager
def server_lock(data: DataFolder, address: str) -> Iterator[None]:
    """Be the only server of a data folder; raises StudioError with the address of another one."""
    path = data.locks / "server"
    with locked(path, address) as free:
        if not free:
            other = path.read_text(encoding="utf-8", errors="replace") or "another process"
            raise StudioError(f"a studio already serves {data.home}: open {other}, or set SAKUGA_HOME to another folder")
        yield
