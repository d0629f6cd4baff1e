"""Sprite sheets: all frames in one PNG with its palette, and beside it a JSON that says where each lies and how long it stands."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from sakuga.export.grid import Grid
from sakuga.export.target import ExportError, check_folder, whole
from sakuga.finishing.pixel import PixelArt


def check_sheet(path: Path) -> None:
    """Refuse, before any work, a sheet that could not be written; raises ExportError."""
    if path.suffix.lower() != ".png":
        raise ExportError(f"{path.name} is no name for a sprite sheet: end it with .png (the .json lies beside it)")
    if path.is_dir():
        raise ExportError(f"{path} is a folder: name a file in it")
    check_folder(path.parent)


def write_sprites(art: PixelArt, seconds: Sequence[Fraction], path: Path) -> Path:
    """Write a sheet at one pixel a cell, and return its JSON's path."""
    check_sheet(path)
    rows, columns = art.frames[0].shape
    grid = Grid(count=len(art.frames), width=columns, height=rows)
    width, height = grid.size
    sheet = np.zeros((height, width), np.uint8)
    for place, frame in enumerate(art.frames):
        left, top = grid.corner(place)
        sheet[top : top + rows, left : left + columns] = frame
    image = Image.fromarray(sheet, "P")
    image.putpalette(art.palette.tobytes())
    beside = path.with_suffix(".json")
    with whole(path) as draft:
        image.save(draft, format="PNG")
    with whole(beside) as draft:
        draft.write_text(grid.described(path.name, [max(1, round(length * 1000)) for length in seconds]), encoding="utf-8")
    return beside
