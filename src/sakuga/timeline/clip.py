"""Frames and clips, exactly timed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sakuga.timeline.spec import FrameSpec

Image: TypeAlias = NDArray[np.uint8]
"""(height, width, 3) RGB."""
Keep: TypeAlias = Callable[[Iterable[Image]], Sequence[Image]]
"""Keeps images to be read again: `tuple` in memory, others on disk."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """An image and the spec that decides it."""

    image: Image
    spec: FrameSpec


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """Frames of 1 / rate seconds each; a hold repeats a frame."""

    frames: tuple[Frame, ...]
    rate: Fraction
    """Frames per second."""
    recipe: str = ""
    """JSON that reproduces the clip; holds no date, path or name."""

    @property
    def seconds(self) -> Fraction:
        """Duration in seconds, exactly."""
        return len(self.frames) / self.rate

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.frames[0].image.shape[:2]
        return width, height
