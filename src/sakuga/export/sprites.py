"""Pixel-art sprite sheets: an indexed PNG and a JSON of places and durations."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PILImage

from sakuga.export.grid import SheetGrid
from sakuga.export.target import ExportError, atomic, check_folder, check_name

if TYPE_CHECKING:
    from sakuga.finishing.pixel import IndexedClip


def check_sprite_sheet(path: Path) -> None:
    """Check that a sprite sheet can be written; raises ExportError."""
    if path.suffix.lower() != ".png":
        raise ExportError(f"{path.name} is no name for a sprite sheet: end it with .png (the .json is written beside it)")
    check_name(path)
    if path.is_dir():
        raise ExportError(f"{path} is a folder: name a file in it")
    check_folder(path.parent)


def write_sprite_sheet(art: "IndexedClip", seconds: Sequence[Fraction], path: Path) -> Path:
    """Write a sheet at one pixel per cell.

    Returns the path of its JSON.
    """
    check_sprite_sheet(path)
    rows, columns = art.frames[0].shape
    grid = SheetGrid(count=len(art.frames), width=columns, height=rows)
    width, height = grid.size
    sheet = np.zeros((height, width), np.uint8)
    for place, frame in enumerate(art.frames):
        left, top = grid.corner(place)
        sheet[top : top + rows, left : left + columns] = frame
    image = PILImage.fromarray(sheet, "P")
    image.putpalette(art.palette.tobytes())
    beside = path.with_suffix(".json")
    with atomic(path) as draft:
        image.save(draft, format="PNG")
    with atomic(beside) as draft:
        draft.write_text(grid.to_json(path.name, [max(1, round(length * 1000)) for length in seconds]), encoding="utf-8")
    return beside
