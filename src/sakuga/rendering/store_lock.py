"""The lock of a frame store: renders share it, and cleaning needs it alone.

It is an advisory lock of the operating system on an empty file, so it ends with its process however that ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep
from typing import BinaryIO

from sakuga import InputError
from sakuga.cancellation import raise_if_cancelled

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FILE = ".lock"
POLL = 0.02
"""Seconds between two tries to share a store that is being cleaned."""


class StoreInUse(InputError):
    """A store cannot be cleaned, as a render uses its frames."""


class SharedStore:
    """A share of a store, held until it is closed or freed: none of its frames is deleted meanwhile."""

    def __init__(self, root: Path) -> None:
        """Wait while the store is being cleaned."""
        self._file: BinaryIO | None = None
        self._file = _open(root)
        while self._file and not _lock(self._file, exclusive=False):
            raise_if_cancelled()
            sleep(POLL)

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Let the store be cleaned."""
        if self._file:
            self._file.close()


@contextmanager
def exclusive_store(root: Path) -> Iterator[None]:
    """Hold a store alone inside a block; raises StoreInUse where a render shares it."""
    file = _open(root) if root.is_dir() else None
    try:
        if file and not _lock(file, exclusive=True):
            raise StoreInUse(f"the store {root} is in use by a render: wait until it has ended, or stop it, and clean the store then")
        yield
    finally:
        if file:
            file.close()


def _open(root: Path) -> BinaryIO | None:
    """Open the lock file; None where there can be none, as in a store that is read only and so cannot be cleaned either."""
    with suppress(OSError):
        root.mkdir(parents=True, exist_ok=True)
        return (root / FILE).open("ab")
    return None


def _lock(file: BinaryIO, *, exclusive: bool) -> bool:
    """Try to lock a file; a file system without locks counts as locked."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
