"""What may be wrong with a picture that is to be learnt from: blurred, bordered, marked."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""(height, width, 3) RGB."""
BLURRED = 0.52
"""Measured on 300 pictures of the world in six looks, 128 px: sharp ones reach 0.44, and 0.50 where there is but a night sea; of those
blurred by two pixels 97% are above, by two and a half all."""
LEAST_BAND, EVEN, EDGE = 0.02, 6.0, 0.5
"""A border's least share of a side, how far its values stray at most, and how much of the line behind it must be another."""
LEAST_FOR_MARKS, MARK_SIDE, MARK_CELL = 24, 128, 44
"""Pictures without which no mark is looked for, the side to which they are brought, and that of the cells along its edge."""
STRONG, MARK_PIXELS, ALONE = 10.0, 30, 5
"""Grey levels a pixel of an edge that stays, how many such a mark has, and how many times those of the third cell they are."""
MARK_PLACES = ("top left", "top", "top right", "left", "right", "bottom left", "bottom", "bottom right")


def blur(picture: Pixels) -> float:
    """Measure how blurred a picture is, 0 to 1 (Crete et al. 2007): how little of its variation a further blur takes away.

    It does not depend on contrast; of a picture with no edges at all it is 1.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return max(_blur_along(grey), _blur_along(np.ascontiguousarray(grey.T)))


def _blur_along(grey: NDArray[np.float32]) -> float:
    """Crete et al. 2007, equations 1 to 6, along the columns, with their filter of nine."""
    smooth = cv2.blur(grey, (1, 9))
    own, blurred = np.abs(np.diff(grey, axis=0)), np.abs(np.diff(smooth, axis=0))
    lost = np.maximum(0.0, own - blurred)
    total = float(own.sum())
    return 1.0 if total == 0.0 else (total - float(lost.sum())) / total


def borders(picture: Pixels) -> tuple[int, int, int, int]:
    """Measure even bands in pixels at the left, top, right and bottom; only those that lie on both of two opposite sides, as of a frame."""
    left, right = _bands(np.ascontiguousarray(picture.transpose(1, 0, 2)))
    top, bottom = _bands(picture)
    return left, top, right, bottom


def _bands(picture: Pixels) -> tuple[int, int]:
    """Measure the bands of one colour at the first and the last rows, (0, 0) unless there are both."""
    values = picture.astype(np.float32)
    first, last = _band(values), _band(values[::-1])
    least = max(1, round(LEAST_BAND * len(picture)))
    return (first, last) if min(first, last) >= least else (0, 0)


def _band(values: NDArray[np.float32]) -> int:
    """Count the rows of the first one's colour; 0 where another begins here and there, as a subject before an even ground does."""
    colour = np.median(values[0], axis=0)
    same = np.abs(values - colour).max(axis=2) <= EVEN
    whole = same.mean(axis=1) > 0.995
    rows = len(whole) if whole.all() else int(np.argmin(whole))
    if rows in (0, len(whole)):
        return 0
    return rows if 1.0 - float(same[min(rows + 1, len(whole) - 1)].mean()) > EDGE else 0


def mark(pictures: Sequence[Pixels]) -> str | None:
    """Find where along the edge most pictures have the same lines, as a watermark or signature has: "bottom right", or None.

    The median over pictures of each pixel's gradient leaves what does not move from picture to picture (Dekel et al. 2017, section 3.1).
    Faces in the middle are often alike, and a paper's texture is alike everywhere, so a mark is strong in one cell and not in the others.
    """
    if len(pictures) < LEAST_FOR_MARKS:
        return None
    small = [cv2.resize(picture, (MARK_SIDE, MARK_SIDE), interpolation=cv2.INTER_AREA) for picture in pictures]
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) for picture in small]
    across = np.median([cv2.Sobel(one, cv2.CV_32F, 1, 0, scale=0.25) for one in grey], axis=0)
    down = np.median([cv2.Sobel(one, cv2.CV_32F, 0, 1, scale=0.25) for one in grey], axis=0)
    strong = np.hypot(across, down) > STRONG
    cuts = (slice(0, MARK_CELL), slice(MARK_CELL, -MARK_CELL), slice(-MARK_CELL, None))
    cells = [int(strong[row, column].sum()) for row in cuts for column in cuts]
    outer = np.array(cells[:4] + cells[5:])
    if outer.max() < max(MARK_PIXELS, ALONE * (1 + int(np.sort(outer)[-3]))):  # a mark may lie across two
        return None
    return MARK_PLACES[int(outer.argmax())]
