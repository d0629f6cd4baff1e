"""What a disk holds after a power cut: what was flushed, and names that were."""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4


@dataclass(frozen=True, kw_only=True)
class Journal:
    """Flushes and renames of a process, written by itself as they happen.

    Only those by Python's own functions are seen: what a library in C flushes counts as not flushed.
    """

    folder: Path
    """On the same file system as the files; outside of their folder."""

    def record(self) -> None:
        """Note each flush and each rename of this process from here on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = os.open(self.folder / "lines", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        flush, replace = os.fsync, os.replace

        def note(*words: object) -> None:
            os.write(lines, ("\t".join(map(str, words)) + "\n").encode())

        def noted_flush(handle: int) -> None:
            flush(handle)
            status = os.fstat(handle)
            note("flushed", status.st_ino, status.st_size)

        def noted_rename(source: str, target: str) -> None:
            kept = self.folder / uuid4().hex
            if os.path.isfile(target):
                os.link(target, kept)
            replace(source, target)
            note("renamed", os.stat(os.path.dirname(os.path.abspath(target))).st_ino, source, target, kept)

        os.fsync = noted_flush  # type: ignore[assignment]
        os.rename = os.replace = noted_rename  # type: ignore[assignment]

    def lines(self) -> Iterator[list[str]]:
        """Return what was noted."""
        place = self.folder / "lines"
        yield from (line.split("\t") for line in place.read_text().splitlines()) if place.exists() else ()


def sizes(folder: Path) -> dict[int, int]:
    """Return the size of each file by its number on the disk."""
    return {path.stat().st_ino: path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


def cut(folder: Path, before: dict[int, int], journal: Journal, chance: random.Random) -> None:
    """Leave what a power cut leaves of a folder after its process was killed.

    Files are as long as they were when they were last flushed, or before the process began, or empty. Of the renames whose folder was
    not flushed after them the last few, chosen at random, did not happen: file systems keep their order. Deletions stay.
    """
    flushed = dict(before)
    pending: list[list[str]] = []
    for kind, number, *words in journal.lines():
        if kind == "flushed":
            flushed[int(number)] = int(words[0])
            pending = [one for one in pending if one[0] != number]
        else:
            pending.append([number, *words])
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size > (size := flushed.get(path.stat().st_ino, 0)):
            os.truncate(path, size)
    for _, source, target, kept in pending[len(pending) - chance.randint(0, len(pending)) :][::-1]:
        if os.path.lexists(target) and os.path.isdir(os.path.dirname(os.path.abspath(source))):
            os.replace(target, source)
            if os.path.exists(kept):
                os.link(kept, target)
