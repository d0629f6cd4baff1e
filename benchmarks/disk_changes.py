"""Changes of a folder by a process and its copies: counted, and stopped at one of them."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from power_cut import Journal

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
PATHS = {"os.rename": 1, "os.link": 1, "os.mkdir": 0, "os.remove": 0, "os.rmdir": 0, "os.truncate": 0}
"""Audit events of changes, with the place of the path among their arguments."""
POWER = "POWER"


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is watched, and at which change whom to stop.

    A change is a file opened for writing, renamed, linked, cut off, flushed or deleted, or a folder made or deleted. The stop comes
    before it.
    """

    folder: str
    counter: str
    """A file outside of the folder; its length is the number of changes."""
    journal: str
    """A folder for what a power cut asks of it, `power_cut.Journal`."""
    main: int
    """The process that is stopped; the first of its group."""
    at: int = 0
    """The change; 0 is none."""
    way: str = "KILL"

    @property
    def changes(self) -> int:
        return Path(self.counter).stat().st_size if Path(self.counter).exists() else 0

    def begin(self) -> None:
        """Count the changes of this process and its copies from here on, and note them for a power cut."""
        if self.way == POWER:
            Journal(folder=Path(self.journal)).record()
        handle = os.open(self.counter, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def count() -> None:
            os.write(handle, b".")
            if os.lseek(handle, 0, os.SEEK_CUR) == self.at:
                stop(self.main, self.way)

        sys.addaudithook(lambda event, words: count() if self._is_change(event, words) else None)
        os.fsync = _counted(os.fsync, count)

    def _is_change(self, event: str, words: tuple[Any, ...]) -> bool:
        if event == "open":
            return bool(words[2] & WRITES) and self._is_inside(words[0])
        return event in PATHS and self._is_inside(words[PATHS[event]])

    def _is_inside(self, path: Any) -> bool:
        return not isinstance(path, int) and os.path.abspath(os.fsdecode(path)).startswith(self.folder)


def _counted(flush: Callable[[int], None], count: Callable[[], None]) -> Callable[[int], None]:
    def counted(handle: int) -> None:
        count()
        flush(handle)

    return counted


def stop(main: int, way: str) -> None:
    """Stop a process by a signal; in a power cut its whole group."""
    if way == POWER:
        os.killpg(main, signal.SIGKILL)
    else:
        os.kill(main, signal.Signals[f"SIG{way}"])
