"""One palette for a whole clip, and the colors or two-color mixtures that show each pixel."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.color_difference import ciede2000
from sakuga.finishing.color_match import to_lab, to_rgb
from sakuga.finishing.image import Image, Palette

SAMPLED = 200_000
"""Cells that a palette is fitted to; longer clips are subsampled."""
ROUNDS = 30
"""Rounds of k-means, at most."""
EVENLY = 0.5
"""The exponent of a color's share in its weight: at 1.0 a sky takes half the palette, and a small red scarf gets none of it."""
GRAIN = 18.0
"""CIEDE2000 distance of two mixed colors that costs 1; the cost grows with its square, so that strong contrast never makes a mere tint."""
PARTNERS = 12
"""Nearest palette colors that a color may be mixed with."""
TONED = 0.98
"""The share of a clip's cells within the lightness range of the tones, at either end."""
STEPS = 16
"""Mixing steps of a 4 by 4 dither tile."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PaletteMap:
    """A palette, and how it shows each known color.

    Each color is a mixture of a darker and a lighter palette color.
    """

    palette: Palette
    codes: NDArray[np.int32]
    """The known colors as `color_codes`, ascending."""
    dark: NDArray[np.uint8]
    light: NDArray[np.uint8]
    share: NDArray[np.uint8]
    """In sixteenths."""


def color_codes(image: Image) -> NDArray[np.int32]:
    """Pack each pixel's color into 18 bits."""
    parts = image.astype(np.int32) >> 2
    codes: NDArray[np.int32] = parts[..., 0] << 12 | parts[..., 1] << 6 | parts[..., 2]
    return codes


def count_colors(images: Iterable[Image]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the color codes of images, and their counts."""
    counts = np.zeros(1 << 18, np.int64)
    for image in images:
        counts += np.bincount(color_codes(image).ravel(), minlength=len(counts))
    codes = np.flatnonzero(counts).astype(np.int32)
    return codes, counts[codes]


def fit_palette(codes: NDArray[np.int32], counts: NDArray[np.int64], size: int) -> Palette:
    """Fit a palette by k-means in Lab (Lloyd 1982).

    It has at most `size` colors, dark to light.
    Starts from the most common color, then common colors far from those chosen before. Deterministic: equal images give equal palettes.
    """
    colors, weights = _lab_of(codes), counts.astype(np.float32) ** EVENLY
    centers = _spread(colors, weights, min(size, len(colors)))
    for _ in range(ROUNDS):
        nearest = _squared(colors, centers).argmin(axis=1)
        total = np.bincount(nearest, weights, len(centers))
        sums = np.stack([np.bincount(nearest, weights * colors[:, part], len(centers)) for part in range(3)], axis=1)
        moved = np.where(total[:, None] > 0, sums / np.maximum(total, 1e-9)[:, None], centers).astype(np.float32)
        if np.abs(moved - centers).max() < 0.01:
            break
        centers = moved
    chosen: Palette = np.unique(to_rgb(centers[None])[0], axis=0)
    return sort_by_lightness(chosen)


def sort_by_lightness(palette: Palette) -> Palette:
    """Sort a palette, dark to light."""
    ordered: Palette = palette[np.argsort(to_lab(palette[None])[0, :, 0], kind="stable")]
    return ordered


def map_to_palette(codes: NDArray[np.int32], palette: Palette, *, dither: bool) -> PaletteMap:
    """Map each color to the nearest in a palette.

    Distance is CIEDE2000; with `dither` mixtures of two colors count too.
    """
    palette = sort_by_lightness(palette)
    parts = [_matched(chunk, palette, dither) for chunk in np.array_split(codes, max(1, len(codes) * len(palette) // 200_000))]
    dark, light, share = (np.concatenate(column).astype(np.uint8) for column in zip(*parts, strict=True))
    return PaletteMap(palette=palette, codes=codes, dark=dark, light=light, share=share)


def map_by_lightness(codes: NDArray[np.int32], counts: NDArray[np.int64], palette: Palette, *, dither: bool) -> PaletteMap:
    """Map colors by lightness, for palettes of one hue."""
    palette = sort_by_lightness(palette)
    lightness = _lab_of(codes)[:, 0]
    order = np.argsort(lightness)
    reached = np.cumsum(counts[order]) / counts.sum()
    least, most = (lightness[order][np.searchsorted(reached, share)] for share in (1 - TONED, TONED))
    place = np.clip((lightness - least) / max(most - least, 1.0), 0, 1) * (len(palette) - 1)
    dark = np.minimum(place.astype(np.uint8), max(0, len(palette) - 2))
    share = np.rint((place - dark) * STEPS) if dither else STEPS * np.rint(place - dark)
    light = np.minimum(dark + 1, len(palette) - 1)
    return PaletteMap(palette=palette, codes=codes, dark=dark, light=light.astype(np.uint8), share=share.astype(np.uint8))


def _matched(codes: NDArray[np.int32], palette: Palette, dither: bool) -> tuple[NDArray[np.int64], ...]:
    """Return darker index, lighter index and lighter share."""
    colors, solid = _lab_of(codes), to_lab(palette[None])[0]
    apart = ciede2000(colors[:, None], solid[None])
    first, rows = apart.argmin(axis=1), np.arange(len(codes))
    best, second, share = apart[rows, first], first.copy(), np.zeros(len(codes), np.int64)
    between, lit = ciede2000(solid[:, None], solid[None]), _linear(palette)
    partners = np.argsort(between, axis=1)[first, 1 : PARTNERS + 1]
    for step in range(2, STEPS // 2 + 1, 2) if dither and len(palette) > 1 else ():
        mixed = _mixed(lit[first][:, None], lit[partners], step / STEPS)
        cost = ciede2000(colors[:, None], mixed) + (between[first[:, None], partners] / GRAIN) ** 2
        place = cost.argmin(axis=1)
        better = cost[rows, place] < best
        best = np.where(better, cost[rows, place], best)
        second, share = np.where(better, partners[rows, place], second), np.where(better, step, share)
    return np.minimum(first, second), np.maximum(first, second), np.where(second >= first, share, STEPS - share)


def _mixed(first: NDArray[np.float32], second: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Mix two lights as the eye does, in Lab."""
    mixture = first + np.float32(share) * (second - first)
    encoded = np.where(mixture <= 0.0031308, 12.92 * mixture, 1.055 * np.maximum(mixture, 1e-9) ** (1 / 2.4) - 0.055)
    return to_lab((encoded * 255).astype(np.float32))


def _linear(palette: Palette) -> NDArray[np.float32]:
    """Convert sRGB to linear light, 0 to 1 (IEC 61966-2-1)."""
    value = palette.astype(np.float32) / 255
    light: NDArray[np.float32] = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return light


def _lab_of(codes: NDArray[np.int32]) -> NDArray[np.float32]:
    """Convert color codes to Lab; black and white stay exact."""
    parts = np.stack((codes >> 12, codes >> 6 & 63, codes & 63), axis=-1)
    lab: NDArray[np.float32] = to_lab((parts << 2 | parts >> 4).astype(np.uint8)[None])[0]
    return lab


def _spread(colors: NDArray[np.float32], weights: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Choose starting centers, each common and far from those before."""
    chosen = [int(weights.argmax())]
    apart = np.full(len(colors), np.inf, np.float32)
    while len(chosen) < size:
        apart = np.minimum(apart, _squared(colors, colors[chosen[-1:]])[:, 0])
        chosen.append(int((weights * apart).argmax()))
    return colors[chosen]


def _squared(colors: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return squared distances, (colors, centers)."""
    distances: NDArray[np.float32] = (colors**2).sum(1)[:, None] - 2 * colors @ centers.T + (centers**2).sum(1)
    return distances
