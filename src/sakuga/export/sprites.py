"""Sprite sheets: all frames in one PNG with its palette, and beside it a JSON that says where each lies and how long it stands."""

import json
from collections.abc import Sequence
from fractions import Fraction
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

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
    """Write a sheet at one pixel a cell, and return its JSON's path: the keys are those of Aseprite's array export, times in ms."""
    check_sheet(path)
    rows, columns = art.frames[0].shape
    across = ceil(sqrt(len(art.frames) * rows / columns))
    sheet = np.zeros((ceil(len(art.frames) / across) * rows, across * columns), np.uint8)
    corners = [(place // across * rows, place % across * columns) for place in range(len(art.frames))]
    for (top, left), frame in zip(corners, art.frames, strict=True):
        sheet[top : top + rows, left : left + columns] = frame
    image = Image.fromarray(sheet, "P")
    image.putpalette(art.palette.tobytes())
    lengths = [max(1, round(length * 1000)) for length in seconds]
    frames = [_entry(f"{path.stem} {place}", *corner, rows, columns, lengths[place]) for place, corner in enumerate(corners)]
    size = {"w": sheet.shape[1], "h": sheet.shape[0]}
    meta = {"app": "sakuga", "image": path.name, "format": "I8", "size": size, "scale": "1", "frameTags": [], "layers": [], "slices": []}
    beside = path.with_suffix(".json")
    with whole(path) as draft:
        image.save(draft, format="PNG")
    with whole(beside) as draft:
        draft.write_text(json.dumps({"frames": frames, "meta": meta}, indent=1) + "\n", encoding="utf-8")
    return beside


def _entry(name: str, top: int, left: int, rows: int, columns: int, milliseconds: int) -> dict[str, Any]:
    size = {"w": columns, "h": rows}
    return {
        "filename": name,
        "frame": {"x": left, "y": top, **size},
        "rotated": False,
        "trimmed": False,
        "spriteSourceSize": {"x": 0, "y": 0, **size},
        "sourceSize": size,
        "duration": milliseconds,
    }
