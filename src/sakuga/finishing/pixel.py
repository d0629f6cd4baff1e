"""Pixel art: one grid and one palette for a clip, with a dither that does not crawl."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.color_match import to_lab
from sakuga.finishing.console_palettes import PALETTES, TONES
from sakuga.finishing.image import Image, Palette, rounded
from sakuga.finishing.palette import PaletteMap, color_codes, count_colors, fit_palette, map_by_lightness, map_to_palette
from sakuga.story.settings import Dither
from sakuga.timeline.clip import Keep
from sakuga.timeline.lazy import LazySequence

DETAIL = 0.7
"""Exponent of a pixel's weight by its distance from its surroundings: 0.0 is the plain mean, 1.0 keeps every speck."""
STILL = 2.5
"""Lab distance by which a cell's color may vary before it counts as changed."""
BAYER = np.array(((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5)), np.uint8)
"""The dither matrix: the order in which the cells of a 4 by 4 tile turn light (Bayer 1973)."""
SCREEN = 32.0
"""Range of the "bayer" screen in gray levels: about the distance of neighbors in a small palette."""
_SMOOTH = np.array((0.25, 0.5, 0.25), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IndexedClip:
    """A clip in indexed color.

    One palette, dark to light, and each frame's palette indices.
    """

    palette: Palette
    frames: Sequence[NDArray[np.uint8]]  # each (rows, columns)

    def image(self, place: int, scale: int = 1) -> Image:
        """Return a frame, enlarged `scale` times (nearest neighbor)."""
        return np.ascontiguousarray(self.palette[self.frames[place]].repeat(scale, axis=0).repeat(scale, axis=1))


def pixel_art(cells: Iterable[Image], *, palette: str | int = 16, dither: Dither = "ordered", keep: Keep = tuple) -> IndexedClip:
    """Convert downscaled frames to pixel art in one palette.

    `palette` is a name of `PALETTES`, or a number of colors to fit. The cells are read once, and kept by `keep`.
    """
    steady = keep(suppress_flicker(cells))
    codes, counts = count_colors(steady)
    if palette in TONES:
        chosen = map_by_lightness(codes, counts, PALETTES[str(palette)], dither=dither != "none")
    else:
        colors = PALETTES[palette] if isinstance(palette, str) else fit_palette(codes, counts, palette)
        if dither == "bayer":
            steady = LazySequence(partial(_screened, steady), range(len(steady)))
            codes, _ = count_colors(steady)
        chosen = map_to_palette(codes, colors, dither=dither == "ordered")
    frames = LazySequence(lambda place: apply_palette(steady[place], chosen), range(len(steady)))
    return IndexedClip(palette=chosen.palette, frames=frames)


def downscale(image: Image, grid: int) -> Image:
    """Downscale by `grid`, keeping thin lines and small lights.

    Partial cells are cropped.
    Detail-preserving downscaling (Weber et al. 2016, eq. 1-3): pixels are weighted by their distance from the smoothed small image.
    """
    height, width = image.shape[0] // grid, image.shape[1] // grid
    top, left = (image.shape[0] - height * grid) // 2, (image.shape[1] - width * grid) // 2
    cropped = image[top : top + height * grid, left : left + width * grid].astype(np.float32)
    blocks = cropped.reshape(height, grid, width, grid, 3).swapaxes(1, 2).reshape(height, width, grid * grid, 3)
    mean = np.ascontiguousarray(blocks.mean(axis=2))
    around = cv2.sepFilter2D(mean, -1, _SMOOTH, _SMOOTH, borderType=cv2.BORDER_REPLICATE)
    apart = blocks - around[:, :, None]
    weights = (np.sqrt(np.einsum("hwnc,hwnc->hwn", apart, apart)) + 1.0) ** np.float32(DETAIL)
    return rounded(np.einsum("hwnc,hwn->hwc", blocks, weights) / weights.sum(axis=2)[..., None])


def suppress_flicker(frames: Iterable[Image]) -> Iterator[Image]:
    """Hold each cell until its color clearly changes.

    The threshold is STILL, so that shimmer causes no flicker.
    """
    shown: Image | None = None
    before: NDArray[np.float32] | None = None
    for frame in frames:
        lab = to_lab(frame)
        if shown is None or before is None or frame.shape != shown.shape:
            shown, before = frame, lab
        changed = np.linalg.norm(lab - before, axis=-1, keepdims=True) > STILL
        shown, before = np.where(changed, frame, shown), np.where(changed, lab, before)
        yield shown


def _screened(cells: Sequence[Image], place: int) -> Image:
    return apply_screen(cells[place])


def apply_screen(cells: Image) -> Image:
    """Add the Bayer tile to the cells.

    In-between colors become a pattern of two.
    """
    tile = SCREEN * ((BAYER.astype(np.float32) + 0.5) / BAYER.size - 0.5)
    return rounded(cells + tile_over(tile, cells)[..., None])


def tile_over(tile: NDArray[Any], cells: Image) -> NDArray[Any]:
    """Repeat a tile over all cells, (height, width)."""
    height, width = cells.shape[:2]
    repeated: NDArray[Any] = np.tile(tile, (height // len(tile) + 1, width // len(tile) + 1))[:height, :width]
    return repeated


def apply_palette(cells: Image, mapping: PaletteMap) -> NDArray[np.uint8]:
    """Return each cell's palette index.

    The dither is fixed to the grid, so it cannot crawl.
    """
    place = np.searchsorted(mapping.codes, color_codes(cells))
    order = tile_over(BAYER, cells)
    shown: NDArray[np.uint8] = np.where(order < mapping.share[place], mapping.light[place], mapping.dark[place])
    return shown
