"""Rain and snow between two images, moved as groups of falling specks."""

from dataclasses import dataclass

import cv2
import numpy as np

from sakuga.finishing.flow import Flows, Plane
from sakuga.finishing.image import Image, rounded
from sakuga.finishing.ransac import ALIKE, Group, find_groups, inside_image
from sakuga.finishing.specks import Speck, SpeckImage, Vector, find_specks, remove_specks

MIN_SPECKS = 3
"""Fewer are no precipitation."""
MAX_SPECKS = 150
"""With more specks the images differ everywhere, and the search is skipped."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MovingSpeck:
    """A speck and its path between the images.

    One that is not steady fades in or out.
    """

    speck: Speck
    path: Vector
    steady: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Precipitation:
    """Two images with their falling specks removed, and those specks."""

    cleaned: tuple[Image, Image]
    early: tuple[MovingSpeck, ...]
    late: tuple[MovingSpeck, ...]

    def painted_on(self, background: Image, at: float) -> Image:
        """Paint the specks on a moment's background.

        Moments are 0.0 (the first image) to 1.0 (the second).
        """
        canvas = background.astype(np.float32)
        for fall in self.early:
            _paste(canvas, fall.speck, fall.path * at, 1.0 if fall.steady else 1.0 - at)
        for fall in self.late:
            _paste(canvas, fall.speck, fall.path * (at - 1.0), 1.0 if fall.steady else at)
        return rounded(canvas)


def find_precipitation(first: Image, second: Image, flows: Flows) -> Precipitation | None:
    """Find falling specks between two images; None without any.

    `flows` are the images' flows both ways.
    """
    found = find_specks(first, second, flows, MIN_SPECKS, MAX_SPECKS)
    if found is None:
        return None
    before, after = found
    kinds = list(find_groups(before, after))
    if not kinds:
        return None
    early, late = _moving_specks(before, kinds, late=False), _moving_specks(after, kinds, late=True)
    gone, come = [fall.speck for fall in early], [fall.speck for fall in late]
    clean = remove_specks(before, gone, after, come), remove_specks(after, come, before, gone)
    return Precipitation(cleaned=clean, early=tuple(early), late=tuple(late))


def _moving_specks(own: SpeckImage, kinds: list[Group], *, late: bool) -> list[MovingSpeck]:
    """Assign a path to each falling speck.

    Its own, or its group's where it has no match.
    """
    size = own.image.shape[1], own.image.shape[0]
    met: dict[int, Vector] = {}
    for group in kinds:
        met |= dict(zip((group.late if late else group.early).tolist(), group.paths, strict=True))
    falls = []
    for index, speck in enumerate(own.specks):
        if index in met:
            falls.append(MovingSpeck(speck=speck, path=met[index], steady=not late))  # the later image's speck fades in over the earlier's
            continue
        distances = [float(np.abs(group.kind - speck.spread).max()) for group in kinds]
        group = kinds[int(np.argmin(distances))]
        if min(distances) < 1.3 * ALIKE or speck.at_edge:
            leaves = not inside_image(speck.center + (-group.path if late else group.path), size, 3.0)
            falls.append(MovingSpeck(speck=speck, path=group.path, steady=bool(leaves)))
    return falls


def _paste(canvas: Plane, speck: Speck, by: Vector, weight: float) -> None:
    """Blend a speck onto the canvas, moved with sub-pixel precision."""
    height, width = speck.alpha.shape
    x, y = speck.corner[0] + float(by[0]), speck.corner[1] + float(by[1])
    left, top = int(np.floor(x)) - 1, int(np.floor(y)) - 1
    moves = np.array([[1.0, 0.0, x - left], [0.0, 1.0, y - top]])
    alpha = weight * cv2.warpAffine(speck.alpha, moves, (width + 3, height + 3))
    patch = cv2.warpAffine(speck.patch, moves, (width + 3, height + 3), borderMode=cv2.BORDER_REPLICATE)
    rows = slice(max(0, top), max(0, top + height + 3))
    columns = slice(max(0, left), max(0, left + width + 3))
    under = canvas[rows, columns]
    inner = slice(max(0, -top), max(0, -top) + under.shape[0]), slice(max(0, -left), max(0, -left) + under.shape[1])
    under += alpha[inner][..., None] * (patch[inner] - under)
