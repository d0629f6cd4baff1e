"""Sprite sheets and contact sheets: a clip as one image."""

from pathlib import Path

import numpy as np

from sakuga.export.grid import SheetGrid
from sakuga.export.image_files import write_image
from sakuga.export.limits import MAX_SHEET_SIDE
from sakuga.export.target import ExportError
from sakuga.export.timing import TimedImage, timed_images
from sakuga.finishing.image import Image
from sakuga.timeline.clip import Clip

TICKS = 1000
"""Durations on a sprite sheet are in milliseconds."""

CONTACT_FRAMES = 40
"""Frames of a contact sheet, evenly spaced."""


def write_clip_sheet(clip: Clip, path: Path) -> None:
    """Write each distinct image once into a near-square grid."""
    shown = list(timed_images(clip.frames, clip.rate, TICKS))
    grid = _grid(shown, clip)
    if max(grid.size) > MAX_SHEET_SIDE:
        size = "x".join(map(str, clip.size))
        raise ExportError(f"{len(shown)} images of {size} do not fit into a sheet of {MAX_SHEET_SIDE} pixels: make a smaller clip")
    write_image(tile_images([timed.image for timed in shown], grid.columns, gap=0), clip.recipe, path)


def sheet_json(clip: Clip, name: str) -> str:
    """Return each image's place and duration as JSON."""
    shown = list(timed_images(clip.frames, clip.rate, TICKS))
    return _grid(shown, clip).to_json(name, [timed.ticks for timed in shown])


def write_contact(clip: Clip, path: Path) -> None:
    """Write a contact sheet of up to 40 frames.

    They are evenly spaced from the first to the last.
    """
    chosen = sorted({round(place) for place in np.linspace(0, len(clip.frames) - 1, CONTACT_FRAMES)})
    few = Clip(frames=tuple(clip.frames[place] for place in chosen), rate=clip.rate)
    write_image(contact_sheet(few), clip.recipe, path)


def contact_sheet(clip: Clip, columns: int = 6, gap: int = 4) -> Image:
    """Tile all frames of a clip on white."""
    return tile_images([frame.image for frame in clip.frames], columns, gap)


def tile_images(images: list[Image], columns: int, gap: int) -> Image:
    """Tile images on white, in reading order.

    They have one size, and `gap` pixels around each.
    """
    height, width = images[0].shape[:2]
    rows = -(-len(images) // columns)
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), 255, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def _grid(shown: list[TimedImage], clip: Clip) -> SheetGrid:
    width, height = clip.size
    return SheetGrid(count=len(shown), width=width, height=height)
