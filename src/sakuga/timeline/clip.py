"""Frames and clips: pictures with the spec that made them, in order, with exact timing."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from sakuga.timeline.spec import FrameSpec


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """A picture with the spec that decides it."""

    picture: np.ndarray  # (height, width, 3) uint8 RGB
    spec: FrameSpec


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """Frames that each last 1 / rate seconds; a hold is the same frame again."""

    frames: tuple[Frame, ...]
    rate: Fraction
    """Frames a second."""
    recipe: str = ""
    """JSON that can make the clip again; holds no date, path or name."""

    @property
    def seconds(self) -> Fraction:
        return len(self.frames) / self.rate

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.frames[0].picture.shape[:2]
        return width, height
