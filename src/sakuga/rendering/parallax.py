"""The camera in depth: what is near moves more than what is far, and what that uncovers is filled in, to be drawn anew."""

from dataclasses import dataclass
from math import ceil, cos, radians, sin

import cv2
import numpy as np

from sakuga.timeline.spec import Warp

FILL_RADIUS = 3.0
"""Pixels around an uncovered one that it is filled from."""
STEP = 0.1
"""A step in depth above this has something near before something far."""


def seen_in_depth(picture: np.ndarray, depth: np.ndarray, warp: Warp) -> np.ndarray:
    """Show what the camera sees after its move through a picture with a depth, (height, width) from 0.0 far to 1.0 near.

    The depth is carried to where it is seen now, the nearest in front; through it each pixel looks up its colour. Where nothing
    arrives something was uncovered: it is filled from around (Telea 2004). Beyond the edges the picture is mirrored.
    """
    height, width = depth.shape
    assert warp.parallax
    way = _Way(warp, width, height)
    margin = _margin(way)
    wide_picture, wide_depth = (cv2.copyMakeBorder(plane, *margin, cv2.BORDER_REFLECT_101) for plane in (picture, depth))
    seen = _carried(wide_depth, margin, way)
    uncovered = seen < 0
    down, right = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = way.back(right, down, np.where(uncovered, 0, seen))
    looked = cv2.remap(
        wide_picture,
        (x + margin[2]).astype(np.float32),
        (y + margin[0]).astype(np.float32),
        cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return _filled(looked, seen)


def _filled(picture: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Fill what was uncovered from what is far around it: it lay behind the near, and has none of its colours."""
    uncovered = seen < 0
    if not uncovered.any():
        return picture
    reach = np.ones((max(seen.shape) // 8 * 2 + 1,) * 2, np.uint8)
    farthest = cv2.erode(np.where(uncovered, np.float32(1), seen), reach)
    beside = cv2.dilate(uncovered.astype(np.uint8), reach) > 0
    unknown = uncovered | (beside & (seen > farthest + STEP))
    filled = cv2.inpaint(picture, unknown.astype(np.uint8), FILL_RADIUS, cv2.INPAINT_TELEA)
    return np.where(uncovered[..., None], filled, picture)


@dataclass(frozen=True, slots=True)
class _Way:
    """Where a point of a given nearness goes: zoom about the middle and turn, then pan; x and y in pixels."""

    warp: Warp
    width: int
    height: int

    def there(self, x: np.ndarray, y: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        zoom, pan_x, pan_y = self._moved(near)
        across, along = x - self.middle[0], y - self.middle[1]
        turned_x, turned_y = self.cosine * across + self.sine * along, self.cosine * along - self.sine * across
        return zoom * turned_x + self.middle[0] - pan_x, zoom * turned_y + self.middle[1] - pan_y

    def back(self, x: np.ndarray, y: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        zoom, pan_x, pan_y = self._moved(near)
        across, along = (x + pan_x - self.middle[0]) / zoom, (y + pan_y - self.middle[1]) / zoom
        return (
            self.cosine * across - self.sine * along + self.middle[0],
            self.cosine * along + self.sine * across + self.middle[1],
        )

    def _moved(self, near: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The zoom and the pan of a point: the nearest takes the camera's whole move, the farthest what parallax leaves."""
        assert self.warp.parallax
        part = 1 - self.warp.parallax.share * (1 - near)
        return np.power(self.warp.zoom, part), part * self.warp.pan[0] * self.width, part * self.warp.pan[1] * self.height

    @property
    def middle(self) -> tuple[float, float]:
        return (self.width - 1) / 2, (self.height - 1) / 2

    @property
    def cosine(self) -> float:
        return cos(radians(self.warp.rotate))

    @property
    def sine(self) -> float:
        return sin(radians(self.warp.rotate))


def _margin(way: _Way) -> tuple[int, int, int, int]:
    """How far beyond top, bottom, left and right the camera may look, in pixels; less than the picture is large."""
    x, y, near = np.meshgrid((0.0, way.width - 1.0), (0.0, way.height - 1.0), (0.0, 1.0))
    left, top = way.back(x, y, near)
    beyond = (-top.min(), top.max() - way.height + 1, -left.min(), left.max() - way.width + 1)
    limits = (way.height, way.height, way.width, way.width)
    sides = [min(max(0, ceil(side)) + 1, limit - 1) for side, limit in zip(beyond, limits, strict=True)]
    return sides[0], sides[1], sides[2], sides[3]


def _carried(depth: np.ndarray, margin: tuple[int, int, int, int], way: _Way) -> np.ndarray:
    """The depth as the moved camera sees it, (height, width): the nearest in front, -1 where nothing arrives."""
    fine = ceil(2 * max(1.0, way.warp.zoom))  # so dense that slopes and growth tear no gaps
    rows, columns = depth.shape
    near = cv2.resize(depth, (columns * fine, rows * fine), interpolation=cv2.INTER_NEAREST)
    down, right = (np.mgrid[0 : rows * fine, 0 : columns * fine] + 0.5) / fine - 0.5
    x, y = way.there(right - margin[2], down - margin[0], near)
    across, along = np.rint(x).astype(np.int64), np.rint(y).astype(np.int64)
    inside = (across >= 0) & (across < way.width) & (along >= 0) & (along < way.height)
    seen = np.full(way.width * way.height, -1, dtype=np.float32)
    np.maximum.at(seen, along[inside] * way.width + across[inside], near[inside].astype(np.float32))
    return seen.reshape(way.height, way.width)
