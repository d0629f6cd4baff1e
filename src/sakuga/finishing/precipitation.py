"""Rain and snow between two pictures: many small things that fall alike are moved as such, where no flow could follow them."""

from dataclasses import dataclass

import cv2
import numpy as np

from sakuga.finishing.flow import Plane
from sakuga.finishing.image import Picture, rounded
from sakuga.finishing.ransac import ALIKE, Group, groups, inside
from sakuga.finishing.specks import Seen, Speck, Vector, cleaned, seen

MANY = 150
"""Beyond so many specks the pictures differ in everything, and nothing is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fall:
    """A speck and its way from the first picture to the second; one that is not steady was lost on its way, and fades."""

    speck: Speck
    way: Vector
    steady: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Falling:
    """Two pictures without what falls in them, and what falls."""

    cleaned: tuple[Picture, Picture]
    early: tuple[Fall, ...]
    late: tuple[Fall, ...]

    def drawn_on(self, background: Picture, at: float) -> Picture:
        """Let it fall over a background of the moment `at`, 0.0 (the first picture) to 1.0 (the second)."""
        canvas = background.astype(np.float32)
        for fall in self.early:
            _paste(canvas, fall.speck, fall.way * at, 1.0 if fall.steady else 1.0 - at)
        for fall in self.late:
            _paste(canvas, fall.speck, fall.way * (at - 1.0), 1.0 if fall.steady else at)
        return rounded(canvas)


def falling(first: Picture, second: Picture) -> Falling | None:
    """Find what falls between two pictures; None where nothing does."""
    before, after = seen(first, second)
    if not 3 <= min(len(before.specks), len(after.specks)) <= max(len(before.specks), len(after.specks)) <= MANY:
        return None
    kinds = list(groups(before, after))
    if not kinds:
        return None
    early, late = _falls(before, kinds, late=False), _falls(after, kinds, late=True)
    gone, come = [fall.speck for fall in early], [fall.speck for fall in late]
    clean = cleaned(before, gone, after, come), cleaned(after, come, before, gone)
    return Falling(cleaned=clean, early=tuple(early), late=tuple(late))


def _falls(own: Seen, kinds: list[Group], *, late: bool) -> list[Fall]:
    """Give every speck of a falling kind its way: its own, or its group's where it leaves the picture or is lost."""
    size = own.picture.shape[1], own.picture.shape[0]
    met: dict[int, Vector] = {}
    for group in kinds:
        met |= dict(zip((group.late if late else group.early).tolist(), group.ways, strict=True))
    falls = []
    for index, speck in enumerate(own.specks):
        if index in met:
            falls.append(Fall(speck=speck, way=met[index], steady=not late))  # the later picture's is faded in over the earlier's
            continue
        distances = [float(np.abs(group.kind - speck.spread).max()) for group in kinds]
        group = kinds[int(np.argmin(distances))]
        if min(distances) < 1.3 * ALIKE or speck.cut:
            leaves = not inside(speck.centre + (-group.way if late else group.way), size, 3.0)
            falls.append(Fall(speck=speck, way=group.way, steady=bool(leaves)))
    return falls


def _paste(canvas: Plane, speck: Speck, by: Vector, weight: float) -> None:
    """Lay a speck over the canvas, moved by a part of a pixel where need be."""
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
