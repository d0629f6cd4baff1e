"""Pixel art of several images: one grid, one palette."""

from collections.abc import Generator, Iterable, Sequence
from typing import TYPE_CHECKING

from sakuga import InputError
from sakuga.finishing.image import Image
from sakuga.story.settings import PixelArt
from sakuga.studio.core.image_spool import ImageSpool, KeptImages
from sakuga.studio.core.progress import Step

if TYPE_CHECKING:
    from sakuga.finishing.pixel import IndexedClip

CELLS = 64
"""Cells on the shorter side if no grid is given."""
COLORS = 16
"""Colors of a chosen palette if no number is given."""


def resolve_grid(pixel: PixelArt, images: Iterable[Image]) -> int:
    """Return the pixels per cell.

    Raises InputError if an image would have no cell.
    """
    shortest = min(min(image.shape[:2]) for image in images)
    grid = pixel.grid or max(1, round(shortest / CELLS))
    if grid > shortest:
        raise InputError(f"a cell of {grid} pixels is larger than the image, whose shorter side has {shortest}: choose a smaller grid")
    return grid


def make_pixel_art(images: Sequence[Image], pixel: PixelArt, grid: int, spool: ImageSpool) -> Generator[Step, None, "IndexedClip"]:
    """Bring all images onto one grid and one palette, as steps."""
    from sakuga.finishing.pixel import downscale, pixel_art

    cells = KeptImages(spool)
    for image in images:
        cells.append(downscale(image, grid))
        yield Step(stage="finishing", done=len(cells), total=len(images))
    return pixel_art(cells, palette=pixel.palette or pixel.colors or COLORS, dither=pixel.dither, keep=spool.keep)
