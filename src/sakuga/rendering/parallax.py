"""Camera moves with parallax: near pixels move more than far ones."""

from dataclasses import dataclass
from math import ceil, cos, radians, sin

import cv2
import numpy as np

from sakuga.timeline.spec import Warp

FILL_RADIUS = 3.0
"""Inpainting radius, in pixels."""
STEP = 0.1
"""A difference in depth above this separates foreground from background."""


def warp_with_parallax(image: np.ndarray, depth: np.ndarray, warp: Warp) -> np.ndarray:
    """Move an image by its depth map.

    The depth map, (height, width) from 0.0 far to 1.0 near, is warped forward, the nearest in front; through it each pixel looks up its
    color. Disoccluded pixels are inpainted from the background (Telea 2004). Beyond its edges the image is mirrored.
    """
    height, width = depth.shape
    assert warp.parallax
    move = _CameraMove(warp, width, height)
    margin = _margin(move)
    wide_image, wide_depth = (cv2.copyMakeBorder(plane, *margin, cv2.BORDER_REFLECT_101) for plane in (image, depth))
    moved_depth = _warp_depth(wide_depth, margin, move)
    disoccluded = moved_depth < 0
    down, right = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = move.backward(right, down, np.where(disoccluded, 0, moved_depth))
    looked = cv2.remap(
        wide_image,
        (x + margin[2]).astype(np.float32),
        (y + margin[0]).astype(np.float32),
        cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return _inpaint(looked, moved_depth)


def _inpaint(image: np.ndarray, moved_depth: np.ndarray) -> np.ndarray:
    """Inpaint disoccluded pixels from the background around them, never from the foreground."""
    disoccluded = moved_depth < 0
    if not disoccluded.any():
        return image
    reach = np.ones((max(moved_depth.shape) // 8 * 2 + 1,) * 2, np.uint8)
    farthest = cv2.erode(np.where(disoccluded, np.float32(1), moved_depth), reach)
    beside = cv2.dilate(disoccluded.astype(np.uint8), reach) > 0
    unknown = disoccluded | (beside & (moved_depth > farthest + STEP))
    filled = cv2.inpaint(image, unknown.astype(np.uint8), FILL_RADIUS, cv2.INPAINT_TELEA)
    return np.where(disoccluded[..., None], filled, image)


@dataclass(frozen=True, slots=True)
class _CameraMove:
    """Maps points by depth: zoom, rotate, then pan; in pixels."""

    warp: Warp
    width: int
    height: int

    def forward(self, x: np.ndarray, y: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        zoom, pan_x, pan_y = self._zoom_and_pan(near)
        across, along = x - self.middle[0], y - self.middle[1]
        turned_x, turned_y = self.cosine * across + self.sine * along, self.cosine * along - self.sine * across
        return zoom * turned_x + self.middle[0] - pan_x, zoom * turned_y + self.middle[1] - pan_y

    def backward(self, x: np.ndarray, y: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        zoom, pan_x, pan_y = self._zoom_and_pan(near)
        across, along = (x + pan_x - self.middle[0]) / zoom, (y + pan_y - self.middle[1]) / zoom
        return (
            self.cosine * across - self.sine * along + self.middle[0],
            self.cosine * along + self.sine * across + self.middle[1],
        )

    def _zoom_and_pan(self, near: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return zoom and pan by depth.

        The nearest point takes the whole move, the farthest what parallax leaves.
        """
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


def _margin(move: _CameraMove) -> tuple[int, int, int, int]:
    """Return the margins that the camera may show.

    In pixels beyond top, bottom, left and right, each less than the image size.
    """
    x, y, near = np.meshgrid((0.0, move.width - 1.0), (0.0, move.height - 1.0), (0.0, 1.0))
    left, top = move.backward(x, y, near)
    beyond = (-top.min(), top.max() - move.height + 1, -left.min(), left.max() - move.width + 1)
    limits = (move.height, move.height, move.width, move.width)
    sides = [min(max(0, ceil(side)) + 1, limit - 1) for side, limit in zip(beyond, limits, strict=True)]
    return sides[0], sides[1], sides[2], sides[3]


def _warp_depth(depth: np.ndarray, margin: tuple[int, int, int, int], move: _CameraMove) -> np.ndarray:
    """Warp a depth map forward.

    The nearest point is in front; -1 marks pixels where none arrives.
    """
    fine = ceil(2 * max(1.0, move.warp.zoom))  # dense enough to leave no gaps on slopes or when zooming in
    rows, columns = depth.shape
    near = cv2.resize(depth, (columns * fine, rows * fine), interpolation=cv2.INTER_NEAREST)
    down, right = (np.mgrid[0 : rows * fine, 0 : columns * fine] + 0.5) / fine - 0.5
    x, y = move.forward(right - margin[2], down - margin[0], near)
    across, along = np.rint(x).astype(np.int64), np.rint(y).astype(np.int64)
    inside = (across >= 0) & (across < move.width) & (along >= 0) & (along < move.height)
    moved_depth = np.full(move.width * move.height, -1, dtype=np.float32)
    np.maximum.at(moved_depth, along[inside] * move.width + across[inside], near[inside].astype(np.float32))
    return moved_depth.reshape(move.height, move.width)
