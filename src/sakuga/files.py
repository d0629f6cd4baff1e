"""Files that appear whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file beside, and move it to its name when it is complete and on the disk; what fails leaves nothing behind."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(beside)
        beside.chmod(0o666 & ~_umask())  # some writers let nobody else read
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _umask() -> int:
    """Return what new files of this process do not allow."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
