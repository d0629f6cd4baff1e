"""Bring pictures to the sizes of their buckets: what is kept, what is cut off, and how that looks beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sakuga.datasets.buckets import CENTRE, Box, Bucket, bucket_of, crop_box
from sakuga.datasets.faces import find_faces, focus_of_detail, focus_of_face

Focus = Literal["face", "centre"]
"""What stays in: the largest face, or the finest detail where no face is found; or the middle, whatever is there."""
DIMMED, FRAME = 0.35, (255, 214, 64)
"""How bright what is cut off is shown, and the colour of the line around what is kept."""
PAPER = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How a picture is brought to its bucket."""

    box: Box
    bucket: Bucket
    lost: float
    """The share that is cut off, 0 to 1."""
    enlarged: float
    """How much larger it becomes, to a side; below 1 smaller."""
    faces: tuple[Box, ...] = ()

    @property
    def whole_faces(self) -> bool:
        """Whether every face that was found stays in whole."""
        box = self.box
        within = (box.left <= f.left and box.top <= f.top and f.right <= box.right and f.bottom <= box.bottom for f in self.faces)
        return all(within)


def plan_cut(picture: NDArray[np.uint8], sizes: Sequence[Bucket], focus: Focus = "face") -> Cut:
    """Choose the bucket of an RGB picture (height, width, 3) and the part that is kept."""
    height, width = picture.shape[:2]
    bucket = bucket_of(width, height, sizes)
    faces: tuple[Box, ...] = ()
    point = CENTRE
    if focus == "face" and crop_box(width, height, bucket).share_of(width, height) < 1:
        faces = tuple(find_faces(picture))
        point = focus_of_face(faces[0], width, height) if faces else focus_of_detail(picture)
    box = crop_box(width, height, bucket, point)
    return Cut(box=box, bucket=bucket, lost=1 - box.share_of(width, height), enlarged=bucket[0] / box.width, faces=faces)


def cut_out(picture: NDArray[np.uint8], cut: Cut) -> NDArray[np.uint8]:
    """Return the part that is kept in the size of its bucket, resampled with Lanczos: (bucket height, bucket width, 3)."""
    box = cut.box
    kept = np.ascontiguousarray(picture[box.top : box.bottom, box.left : box.right])
    return kept if kept.shape[1::-1] == cut.bucket else np.asarray(Image.fromarray(kept).resize(cut.bucket, Image.Resampling.LANCZOS))


def preview(picture: NDArray[np.uint8], cut: Cut, side: int) -> NDArray[np.uint8]:
    """Show a picture on a dark square of `side` pixels: what is cut off dimmed, a line around what is kept."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS)).copy()
    left, right = (round(edge * scale) for edge in (cut.box.left, cut.box.right))
    top, bottom = (round(edge * scale) for edge in (cut.box.top, cut.box.bottom))
    shown = (small * DIMMED).astype(np.uint8)
    shown[top:bottom, left:right] = small[top:bottom, left:right]
    if cut.lost > 0:
        for rows, columns in (
            (slice(top, top + 1), slice(left, right)),
            (slice(bottom - 1, bottom), slice(left, right)),
            (slice(top, bottom), slice(left, left + 1)),
            (slice(top, bottom), slice(right - 1, right)),
        ):
            shown[rows, columns] = FRAME
    square = np.full((side, side, 3), PAPER, np.uint8)
    x, y = (side - size[0]) // 2, (side - size[1]) // 2
    square[y : y + size[1], x : x + size[0]] = shown
    return square
