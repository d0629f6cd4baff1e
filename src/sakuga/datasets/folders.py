"""Image files of a folder, and their natural order."""

import re
from pathlib import Path

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".jp2", ".ppm", ".qoi")
"""Suffixes of image files; their content decides how they are read."""


def is_image(path: Path) -> bool:
    """Return whether a name is an image's; hidden files are not."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def natural_order(path: Path) -> list[tuple[int, str]]:
    """Return a sort key with numbers by value.

    >>> sorted([Path("b10.png"), Path("b9.png"), Path("A.png")], key=natural_order)
    [PosixPath('A.png'), PosixPath('b9.png'), PosixPath('b10.png')]
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", path.name.casefold())
    return [(int(part), "") if part[0] in "0123456789" else (-1, part) for part in parts] + [(-2, path.name)]
