"""Locations of data on the disk, and paths from outside."""

import os
from pathlib import Path

import platformdirs

from sakuga import InputError

MAX_NAME, MAX_PATH = 255, 4095
"""Bytes of a file name and of a path, the limits of common file systems."""


class PathError(InputError, ValueError):
    """A path that no file system can hold."""


def home() -> Path:
    """Return the data folder: $SAKUGA_HOME, or the platform's default."""
    return local_path(os.environ.get("SAKUGA_HOME") or platformdirs.user_data_path("sakuga", appauthor=False))


def local_path(text: Path | str) -> Path:
    """Return a path from outside, with ~ for the home folder; raises PathError."""
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # ~name of an unknown user
        path = Path(text)
    return check_name(path)


def real_path(path: Path) -> Path:
    """Return the absolute path behind symbolic links; raises PathError for links in a circle."""
    try:
        return path.expanduser().resolve()
    except (RuntimeError, OSError) as error:
        raise PathError(f"{path} cannot be followed ({error}): name the file itself") from None


def check_name(path: Path) -> Path:
    """Return a path whose names fit into file systems; raises PathError."""
    long = next((part for part in path.parts if len(os.fsencode(part)) > MAX_NAME), None)
    if long is None and len(os.fsencode(path)) <= MAX_PATH:
        return path
    size, most = (len(os.fsencode(path)), MAX_PATH) if long is None else (len(os.fsencode(long)), MAX_NAME)
    raise PathError(f"the name {(long or str(path))[:20]}... has {size} bytes, and {most} are the most: choose a shorter one")
