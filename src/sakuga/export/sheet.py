"""Sprite sheets and contact sheets: a clip as one picture."""

from pathlib import Path

import numpy as np

from sakuga.export.grid import Grid
from sakuga.export.pictures import write_picture
from sakuga.export.target import ExportError
from sakuga.export.timing import Still, stills
from sakuga.finishing.image import Picture
from sakuga.timeline.clip import Clip

TICKS = 1000
"""A sprite sheet counts in thousandths of a second."""
LARGEST = 16_384
"""Pixels of a sheet's side: what graphics cards and game engines take."""
SHOWN = 40
"""Frames of a contact sheet, evenly chosen."""


def write_sheet(clip: Clip, path: Path) -> None:
    """Write every different picture once into a near-square grid without gaps."""
    shown = list(stills(clip, TICKS))
    grid = _grid(shown, clip)
    if max(grid.size) > LARGEST:
        size = "x".join(map(str, clip.size))
        raise ExportError(f"{len(shown)} pictures of {size} do not fit in a sheet of {LARGEST} pixels: make a smaller clip")
    write_picture(laid_out([still.picture for still in shown], grid.columns, gap=0), clip.recipe, path)


def sheet_places(clip: Clip, name: str) -> str:
    """Return the JSON of where on the sheet `name` each picture lies and how long it stands."""
    shown = list(stills(clip, TICKS))
    return _grid(shown, clip).described(name, [still.ticks for still in shown])


def write_contact(clip: Clip, path: Path) -> None:
    """Write a contact sheet, for people: at most 40 frames, evenly chosen from the first to the last."""
    chosen = sorted({round(place) for place in np.linspace(0, len(clip.frames) - 1, SHOWN)})
    few = Clip(frames=tuple(clip.frames[place] for place in chosen), rate=clip.rate)
    write_picture(contact_sheet(few), clip.recipe, path)


def contact_sheet(clip: Clip, columns: int = 6, gap: int = 4) -> Picture:
    """Lay all frames out in rows on white, (height, width, 3) uint8, reading order, `gap` pixels around each."""
    return laid_out([frame.picture for frame in clip.frames], columns, gap)


def laid_out(pictures: list[Picture], columns: int, gap: int) -> Picture:
    """Lay pictures of one size out in rows on white, reading order, `gap` pixels around each."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def _grid(shown: list[Still], clip: Clip) -> Grid:
    width, height = clip.size
    return Grid(count=len(shown), width=width, height=height)
