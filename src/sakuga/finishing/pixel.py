"""Pixel art: a picture or clip on one grid in one palette, with a dither that stands still."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.color_match import to_lab
from sakuga.finishing.console_palettes import PALETTES, TONES
from sakuga.finishing.image import Colours, Picture, rounded
from sakuga.finishing.palette import Inks, coded, colours_in, fitted, inks, tones
from sakuga.story.film import Dither

DETAIL = 0.7
"""How much more a pixel counts the more it differs from its surroundings: 0.0 is the plain mean, 1.0 keeps every speck."""
STILL = 2.5
"""Units of Lab by which a cell's colour may stray before it counts as changed."""
BAYER = np.array(((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5)), np.uint8)
"""The order in which the cells of a 4 by 4 tile turn light (Bayer 1973)."""
SCREEN = 32.0
"""How much lighter a screen makes the lightest cell of its tile than the darkest, of 255: about what lies between few colours."""
_SMOOTH = np.array((0.25, 0.5, 0.25), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PixelArt:
    """A clip of few colours: one palette, dark to light, and for each frame which colour every cell shows."""

    palette: Colours
    frames: tuple[NDArray[np.uint8], ...]  # each (rows, columns)

    def picture(self, place: int, scale: int = 1) -> Picture:
        """Return a frame with every cell scale x scale pixels large: none is mixed."""
        return np.ascontiguousarray(self.palette[self.frames[place]].repeat(scale, axis=0).repeat(scale, axis=1))


def pixel_art(cells: Sequence[Picture], *, palette: str | int = 16, dither: Dither = "ordered") -> PixelArt:
    """Show the cells of all frames (see `cells_of`) in one palette: one of `PALETTES` by name, or so many colours chosen from them all."""
    steady = tuple(steadied(cells))
    codes, counts = colours_in(steady)
    if palette in TONES:
        chosen = tones(codes, counts, PALETTES[str(palette)], dither=dither != "none")
    else:
        colours = PALETTES[palette] if isinstance(palette, str) else fitted(codes, counts, palette)
        if dither == "bayer":
            steady = tuple(screened(frame) for frame in steady)
            codes, _ = colours_in(steady)
        chosen = inks(codes, colours, dither=dither == "ordered")
    return PixelArt(palette=chosen.palette, frames=tuple(inked(frame, chosen) for frame in steady))


def cells_of(picture: Picture, grid: int) -> Picture:
    """Shrink a picture to one pixel for each cell of grid x grid, keeping thin lines and small lights; a last part of a cell is cropped.

    Detail-preserving downscaling (Weber et al. 2016, eq. 1-3): pixels count by their distance from the smoothed small picture.
    """
    height, width = picture.shape[0] // grid, picture.shape[1] // grid
    top, left = (picture.shape[0] - height * grid) // 2, (picture.shape[1] - width * grid) // 2
    cropped = picture[top : top + height * grid, left : left + width * grid].astype(np.float32)
    blocks = cropped.reshape(height, grid, width, grid, 3).swapaxes(1, 2).reshape(height, width, grid * grid, 3)
    mean = np.ascontiguousarray(blocks.mean(axis=2))
    around = cv2.sepFilter2D(mean, -1, _SMOOTH, _SMOOTH, borderType=cv2.BORDER_REPLICATE)
    apart = blocks - around[:, :, None]
    weights = (np.sqrt(np.einsum("hwnc,hwnc->hwn", apart, apart)) + 1.0) ** np.float32(DETAIL)
    return rounded(np.einsum("hwnc,hwn->hwc", blocks, weights) / weights.sum(axis=2)[..., None])


def steadied(frames: Sequence[Picture]) -> Iterator[Picture]:
    """Let every cell stand until its colour has strayed by more than STILL from what it shows: what only shimmers costs no flicker."""
    shown = frames[0]
    before = to_lab(shown)
    for frame in frames:
        if frame.shape != shown.shape:
            shown, before = frame, to_lab(frame)
        lab = to_lab(frame)
        changed = np.linalg.norm(lab - before, axis=-1, keepdims=True) > STILL
        shown, before = np.where(changed, frame, shown), np.where(changed, lab, before)
        yield shown


def screened(cells: Picture) -> Picture:
    """Lay the tile over cells, half of it darker and half lighter than before: what lies between two colours becomes a pattern of both."""
    tile = SCREEN * ((BAYER.astype(np.float32) + 0.5) / BAYER.size - 0.5)
    return rounded(cells + over(tile, cells)[..., None])


def over(tile: NDArray[Any], cells: Picture) -> NDArray[Any]:
    """Repeat a tile over all cells."""
    height, width = cells.shape[:2]
    repeated: NDArray[Any] = np.tile(tile, (height // len(tile) + 1, width // len(tile) + 1))[:height, :width]
    return repeated


def inked(cells: Picture, inks: Inks) -> NDArray[np.uint8]:
    """Return for each cell which colour of the palette it shows; the dither is tied to the grid, so it cannot crawl."""
    place = np.searchsorted(inks.codes, coded(cells))
    order = over(BAYER, cells)
    shown: NDArray[np.uint8] = np.where(order < inks.share[place], inks.light[place], inks.dark[place])
    return shown
