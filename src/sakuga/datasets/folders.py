"""Folders of pictures: which files are pictures, and their order."""

import re
from pathlib import Path

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".jp2", ".ppm", ".qoi")
"""Files of a folder that are taken for pictures; what is in them decides how they are read."""


def is_picture(path: Path) -> bool:
    """Return whether a file is taken for a picture by its name; hidden ones are none."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def natural(path: Path) -> list[tuple[int, str]]:
    """Order names as people do: numbers by their value.

    >>> sorted([Path("b10.png"), Path("b9.png"), Path("A.png")], key=natural)
    [PosixPath('A.png'), PosixPath('b9.png'), PosixPath('b10.png')]
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", path.name.casefold())
    return [(int(part), "") if part[0] in "0123456789" else (-1, part) for part in parts] + [(-2, path.name)]
