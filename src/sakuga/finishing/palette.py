"""One palette for a whole clip: chosen from its colours, and the mixtures of two that come nearest to each of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.color_difference import ciede2000
from sakuga.finishing.color_match import to_lab, to_rgb
from sakuga.finishing.image import Colours, Picture

SAMPLED = 200_000
"""Cells that a palette is chosen from: of longer clips every so many."""
ROUNDS = 30
"""Of k-means, at most."""
EVENLY = 0.5
"""The power of a colour's share that it weighs: at 1.0 a sky takes half the palette, and a small red scarf gets none of it."""
GRAIN = 18.0
"""Two mixed colours this far apart count as 1 off; the cost grows with the square, so that strong contrast never makes a mere tint."""
PARTNERS = 12
"""Colours nearest to an ink that it may be mixed with."""
TONED = 0.98
"""The share of a clip's cells that is no lighter than what the lightest of a few tones shows, and no darker than the darkest."""
STEPS = 16
"""A dither of 4 by 4 cells mixes in so many parts."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inks:
    """A palette, and for a set of colours what shows each: the darker and the lighter of two inks, and the lighter one's share."""

    palette: Colours
    codes: NDArray[np.int32]
    """The known colours, coded by `coded`, in rising order."""
    dark: NDArray[np.uint8]
    light: NDArray[np.uint8]
    share: NDArray[np.uint8]
    """Sixteenths."""


def coded(picture: Picture) -> NDArray[np.int32]:
    """Return each pixel's colour as one number, 6 bits a part."""
    parts = picture.astype(np.int32) >> 2
    codes: NDArray[np.int32] = parts[..., 0] << 12 | parts[..., 1] << 6 | parts[..., 2]
    return codes


def colours_in(pictures: Sequence[Picture]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the codes of all colours in some pictures, in rising order, and how often each occurs."""
    counts = np.zeros(1 << 18, np.int64)
    for picture in pictures:
        counts += np.bincount(coded(picture).ravel(), minlength=len(counts))
    codes = np.flatnonzero(counts).astype(np.int32)
    return codes, counts[codes]


def fitted(codes: NDArray[np.int32], counts: NDArray[np.int64], size: int) -> Colours:
    """Choose at most `size` colours by k-means in Lab (Lloyd 1982), dark to light; equal pictures give equal palettes.

    It begins with the commonest colour and those that are each common and unlike the ones before; there is no chance in it.
    """
    colours, weights = _lab_of(codes), counts.astype(np.float32) ** EVENLY
    centres = _spread(colours, weights, min(size, len(colours)))
    for _ in range(ROUNDS):
        nearest = _squared(colours, centres).argmin(axis=1)
        total = np.bincount(nearest, weights, len(centres))
        sums = np.stack([np.bincount(nearest, weights * colours[:, part], len(centres)) for part in range(3)], axis=1)
        moved = np.where(total[:, None] > 0, sums / np.maximum(total, 1e-9)[:, None], centres).astype(np.float32)
        if np.abs(moved - centres).max() < 0.01:
            break
        centres = moved
    chosen: Colours = np.unique(to_rgb(centres[None])[0], axis=0)
    return by_lightness(chosen)


def by_lightness(palette: Colours) -> Colours:
    """Put a palette in order, dark to light."""
    ordered: Colours = palette[np.argsort(to_lab(palette[None])[0, :, 0], kind="stable")]
    return ordered


def inks(codes: NDArray[np.int32], palette: Colours, *, dither: bool) -> Inks:
    """Find what of a palette shows each colour: the nearest by CIEDE2000, or with `dither` also a mixture of it with another."""
    palette = by_lightness(palette)
    parts = [_matched(chunk, palette, dither) for chunk in np.array_split(codes, max(1, len(codes) * len(palette) // 200_000))]
    dark, light, share = (np.concatenate(column).astype(np.uint8) for column in zip(*parts, strict=True))
    return Inks(palette=palette, codes=codes, dark=dark, light=light, share=share)


def tones(codes: NDArray[np.int32], counts: NDArray[np.int64], palette: Colours, *, dither: bool) -> Inks:
    """Show each colour by its lightness alone, from the darkest to the lightest that matter: for palettes of one hue."""
    palette = by_lightness(palette)
    lightness = _lab_of(codes)[:, 0]
    order = np.argsort(lightness)
    reached = np.cumsum(counts[order]) / counts.sum()
    least, most = (lightness[order][np.searchsorted(reached, share)] for share in (1 - TONED, TONED))
    place = np.clip((lightness - least) / max(most - least, 1.0), 0, 1) * (len(palette) - 1)
    dark = np.minimum(place.astype(np.uint8), max(0, len(palette) - 2))
    share = np.rint((place - dark) * STEPS) if dither else STEPS * np.rint(place - dark)
    light = np.minimum(dark + 1, len(palette) - 1)
    return Inks(palette=palette, codes=codes, dark=dark, light=light.astype(np.uint8), share=share.astype(np.uint8))


def _matched(codes: NDArray[np.int32], palette: Colours, dither: bool) -> tuple[NDArray[np.int64], ...]:
    """The darker ink, the lighter one, and its share, of each colour."""
    colours, solid = _lab_of(codes), to_lab(palette[None])[0]
    apart = ciede2000(colours[:, None], solid[None])
    first, rows = apart.argmin(axis=1), np.arange(len(codes))
    best, second, share = apart[rows, first], first.copy(), np.zeros(len(codes), np.int64)
    between, lit = ciede2000(solid[:, None], solid[None]), _linear(palette)
    partners = np.argsort(between, axis=1)[first, 1 : PARTNERS + 1]
    for step in range(2, STEPS // 2 + 1, 2) if dither and len(palette) > 1 else ():
        mixed = _mixed(lit[first][:, None], lit[partners], step / STEPS)
        cost = ciede2000(colours[:, None], mixed) + (between[first[:, None], partners] / GRAIN) ** 2
        place = cost.argmin(axis=1)
        better = cost[rows, place] < best
        best = np.where(better, cost[rows, place], best)
        second, share = np.where(better, partners[rows, place], second), np.where(better, step, share)
    return np.minimum(first, second), np.maximum(first, second), np.where(second >= first, share, STEPS - share)


def _mixed(first: NDArray[np.float32], second: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """What an eye makes of two lights side by side, in Lab."""
    mixture = first + np.float32(share) * (second - first)
    encoded = np.where(mixture <= 0.0031308, 12.92 * mixture, 1.055 * np.maximum(mixture, 1e-9) ** (1 / 2.4) - 0.055)
    return to_lab((encoded * 255).astype(np.float32))


def _linear(palette: Colours) -> NDArray[np.float32]:
    """Light, 0 to 1 (IEC 61966-2-1)."""
    value = palette.astype(np.float32) / 255
    light: NDArray[np.float32] = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return light


def _lab_of(codes: NDArray[np.int32]) -> NDArray[np.float32]:
    """Codes to Lab; black and white stay what they are."""
    parts = np.stack((codes >> 12, codes >> 6 & 63, codes & 63), axis=-1)
    lab: NDArray[np.float32] = to_lab((parts << 2 | parts >> 4).astype(np.uint8)[None])[0]
    return lab


def _spread(colours: NDArray[np.float32], weights: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    chosen = [int(weights.argmax())]
    apart = np.full(len(colours), np.inf, np.float32)
    while len(chosen) < size:
        apart = np.minimum(apart, _squared(colours, colours[chosen[-1:]])[:, 0])
        chosen.append(int((weights * apart).argmax()))
    return colours[chosen]


def _squared(colours: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared distances, (colours, centres)."""
    distances: NDArray[np.float32] = (colours**2).sum(1)[:, None] - 2 * colours @ centres.T + (centres**2).sum(1)
    return distances
