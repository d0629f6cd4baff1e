"""The stage: what a place needs to know of its picture, and what it gives back."""

from dataclasses import dataclass

import numpy as np

from sakuga.sketchbook.scenery import FLOOR, height_at
from sakuga.sketchbook.shapes import Points, Shape
from sakuga.sketchbook.sky import Hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a place needs to know of the picture it is drawn for."""

    aspect: float
    t: float
    hour: Hour
    light_x: float
    focus: float
    """Where along x the subject stands or floats; the land keeps that spot free."""
    room: float
    """Half the width that is kept free there."""
    bridged: bool
    """Is there a bridge, so that the river must run under it?"""
    landed: bool
    """Does something stand on land (so that the sea needs a shore there)?"""
    lit: bool
    """Do windows shine?"""

    def sway(self, x: float, amount: float) -> float:
        """Return how far the wind pushes a thing at x just now."""
        return amount * float(np.sin(1.3 * self.t + 7.0 * x))

    def aside(self, share: float) -> float:
        """Turn 0 to 1 into an x in the picture that keeps clear of the subject."""
        gap = 2.0 * self.room + 0.14
        x = share * max(0.1, self.aspect - gap)
        return x + gap if x > self.focus - gap / 2 else x


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A place, ready for a subject to be put between its back and its front."""

    back: list[Shape]
    front: list[Shape]
    ground: Points
    """The upper edge of the land that subjects stand on."""
    near: tuple[float, float]
    """Nearness of that land at its upper edge and at the bottom of the picture."""
    drop: tuple[float, float]
    """How far below that edge feet stand, least and most."""
    waterline: float | None = None
    """Where boats float, if there is water."""

    def near_at(self, x: float, y: float) -> float:
        """How near the land is at a point."""
        top = height_at(self.ground, x)
        return self.near[0] + (self.near[1] - self.near[0]) * min(1.0, max(0.0, (y - top) / (FLOOR - top)))
