"""Sprite sheets and contact sheets: a clip as one image."""

from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np

from sakuga.export.grid import SheetGrid
from sakuga.export.image_files import write_image
from sakuga.export.limits import MAX_SHEET_SIDE
from sakuga.export.target import ExportError
from sakuga.export.timing import FrameStream, timed_images
from sakuga.finishing.image import Image
from sakuga.timeline.clip import Clip

TICKS = 1000
"""Durations on a sprite sheet are in milliseconds."""

CONTACT_FRAMES = 40
"""Frames of a contact sheet, evenly spaced."""
CONTACT_COLUMNS, CONTACT_GAP = 6, 4


def write_clip_sheet(clip: FrameStream, path: Path) -> None:
    """Write each distinct image once into a near-square grid."""
    grid = _grid(clip, len(_durations(clip)))
    if max(grid.size) > MAX_SHEET_SIDE:
        size = "x".join(map(str, clip.size))
        raise ExportError(f"{grid.count} images of {size} do not fit into a sheet of {MAX_SHEET_SIDE} pixels: make a smaller clip")
    images = (timed.image for timed in timed_images(clip.images, clip.rate, TICKS))
    write_image(_tiled(images, grid.count, grid.columns, gap=0), clip.recipe, path)


def sheet_json(clip: FrameStream, name: str) -> str:
    """Return each image's place and duration as JSON."""
    durations = _durations(clip)
    return _grid(clip, len(durations)).to_json(name, durations)


def write_contact(clip: FrameStream, path: Path) -> None:
    """Write a contact sheet of up to 40 different frames.

    They are evenly spaced from the first to the last; an image that is held is one of them.
    """
    chosen = {round(place) for place in np.linspace(0, len(_durations(clip)) - 1, CONTACT_FRAMES)}
    every = enumerate(timed_images(clip.images, clip.rate, TICKS))
    images = (timed.image for place, timed in every if place in chosen)
    write_image(_tiled(images, len(chosen), CONTACT_COLUMNS, CONTACT_GAP), clip.recipe, path)


def contact_sheet(clip: Clip, columns: int = CONTACT_COLUMNS, gap: int = CONTACT_GAP) -> Image:
    """Tile all frames of a clip on white."""
    return tile_images([frame.image for frame in clip.frames], columns, gap)


def tile_images(images: Collection[Image], columns: int, gap: int) -> Image:
    """Tile images on white, in reading order.

    They have one size, and `gap` pixels around each.
    """
    return _tiled(images, len(images), columns, gap)


def _tiled(images: Iterable[Image], count: int, columns: int, gap: int) -> Image:
    """Tile `count` images, each read when its turn comes."""
    sheet = np.empty((0, 0, 3), np.uint8)
    for index, image in enumerate(images):
        height, width = image.shape[:2]
        if index == 0:
            rows = -(-count // columns)
            sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), 255, np.uint8)
        row, column = divmod(index, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def _durations(clip: FrameStream) -> list[int]:
    """Return the milliseconds of each distinct image."""
    return [timed.ticks for timed in timed_images(clip.images, clip.rate, TICKS)]


def _grid(clip: FrameStream, count: int) -> SheetGrid:
    width, height = clip.size
    return SheetGrid(count=count, width=width, height=height)
