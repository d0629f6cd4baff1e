"""The dragon: beating wings, swinging tail, sometimes fire."""

from itertools import pairwise

import numpy as np

from sakuga.sketchbook.building_parts import glowing, inlay, moved, part, pick
from sakuga.sketchbook.display_list import Color, Points, Shape
from sakuga.sketchbook.outlines import ellipse, parse_color, polygon, ribbon, rotated, smooth, toned

SCALES = (parse_color("4fa05c"), parse_color("c4473f"), parse_color("4579c0"), parse_color("7c56a8"), parse_color("3c9a96"))
BELLY = parse_color("f6dda0")


def _scalloped(tips: Points, root: tuple[float, float]) -> Points:
    """Outline a scalloped edge that bends towards a root."""
    along = np.array((0.0, 0.25, 0.5, 0.75))[:, None]
    hollow = 1.4 * along * (1 - along)
    spans = [first + along * (second - first) + hollow * (root - (first + second) / 2) for first, second in pairwise(tips)]
    return np.concatenate([*spans, tips[-1:]])


_WRIST = (0.1, -0.36)
_FINGERS = polygon((-0.3, -0.62), (-0.52, -0.32), (-0.5, 0.02), (-0.2, 0.12))
_ARM = smooth((0.06, 0.06), (0.1, -0.18), _WRIST, (-0.06, -0.54), (-0.3, -0.62), closed=False)
_MEMBRANE = np.concatenate([_ARM, _scalloped(_FINGERS, _WRIST)])
_PANEL = np.concatenate([[_WRIST], _scalloped(_FINGERS[1:3], _WRIST)])
_BONE = ribbon(_ARM, (0.08, 0.06, 0.03))


def _wing(x: float, y: float, degrees: float, color: Color) -> list[Shape]:
    """Draw a bat's wing at a shoulder.

    It is raised from (x, y), then rotated back by `degrees`.
    """
    shapes = (
        part(_MEMBRANE, color, "cloth"),
        inlay(_PANEL, toned(color, "shade"), "cloth"),
        inlay(_BONE, toned(color, "deep"), "cloth"),
    )
    return moved(shapes, x, y, degrees)


def _dragon_head(scale: Color, horn: Color) -> list[Shape]:
    """Draw a horned head in profile."""
    skull = smooth(
        (0.3, -0.72),
        (0.36, -0.84),
        (0.48, -0.86),
        (0.6, -0.78),
        (0.74, -0.74),
        (0.78, -0.67),
        (0.7, -0.61),
        (0.5, -0.58),
        (0.34, -0.6),
        each=3,
    )
    return [
        part(polygon((0.4, -0.8), (0.18, -0.94), (0.33, -0.72)), horn, "skin"),
        part(polygon((0.48, -0.84), (0.32, -1.03), (0.4, -0.8)), horn, "skin"),
        part(skull, scale, "skin"),
        inlay(polygon((0.54, -0.64), (0.77, -0.665), (0.7, -0.615)), toned(scale, "deep"), "skin"),
        inlay(ellipse(0.51, -0.755, 0.05, 0.055, 12), parse_color("fff3c0"), "detail"),
        inlay(ellipse(0.525, -0.755, 0.024, 0.042, 10), parse_color("2a2030"), "detail"),
    ]


def dragon(rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw a dragon flying to the right; some breathe fire."""
    scale, membrane = (
        pick(rng, SCALES),
        pick(rng, (parse_color("f4b648"), parse_color("ec8a5c"), parse_color("cfd66c"), parse_color("eaa6c0"))),
    )
    phase, fiery = 6.283 * rng.random(), rng.random() < 0.6
    beat, bob = float(np.sin(3.2 * t + phase)), 0.06 * float(np.sin(3.2 * t + phase + 2.0))
    whip = 0.08 * float(np.sin(2.1 * t + phase))
    back, shaded = -22.0 + 24.0 * beat, toned(scale, "shade")
    tail = (-0.74, -0.24 + whip)
    spine = smooth(
        tail, (-0.58, -0.12 + 0.5 * whip), (-0.34, -0.2), (-0.06, -0.32), (0.16, -0.38), (0.3, -0.52), (0.38, -0.66), closed=False
    )
    body = ribbon(spine, (0.03, 0.09, 0.19, 0.33, 0.3, 0.18, 0.17))
    belly = ribbon(spine[7:23] + np.array((0.025, 0.06)), (0.02, 0.12, 0.15, 0.1, 0.06))
    arrow = rotated(polygon((-0.15, -0.05), (0.05, -0.11), (0.02, 0.0), (0.07, 0.1)), 30.0 + 150.0 * whip) + tail
    legs = [
        smooth((x, -0.3), (x + 0.14, -0.24), (x + 0.03, -0.08), (x + 0.08, 0.0), (x - 0.08, -0.02), (x - 0.03, -0.14), each=3)
        for x in (-0.16, 0.13)
    ]
    crest = [
        polygon(spine[k] + (-0.05, -lift + 0.05), spine[k] + (-0.05, -lift - 0.07), spine[k] + (0.06, -lift + 0.03))
        for k, lift in ((6, 0.07), (9, 0.11))
    ]
    shapes = [
        *(_fire(t, phase) if fiery else ()),
        *_wing(0.1, -0.46, back + 16.0, toned(membrane, "shade")),
        part(legs[1], shaded, "skin"),
        part(arrow, membrane, "skin"),
        *(part(spike, membrane, "skin") for spike in crest),
        part(body, scale, "skin"),
        inlay(belly, BELLY, "skin"),
        part(legs[0], shaded, "skin"),
        *_dragon_head(scale, BELLY),
        *_wing(0.0, -0.4, back, membrane),
    ]
    return moved(shapes, 0.0, bob)


def _fire(t: float, phase: float) -> list[Shape]:
    """Draw a flame from the dragon's mouth."""
    flare = 1.0 + 0.14 * float(np.sin(9.0 * t + phase))
    lick = 0.03 * float(np.sin(13.0 * t + phase))
    shapes = []
    for color, size in ((parse_color("f0582e"), 1.0), (parse_color("ffa02e"), 0.72), (parse_color("ffe27a"), 0.42)):
        reach, half = 0.48 * size * flare, 0.15 * size
        top, middle, low = (0.74 + 0.55 * reach, -0.64 - 0.5 * half), (0.74 + reach, -0.52 + lick), (0.74 + 0.8 * reach, -0.5 + half)
        flame = smooth((0.72, -0.64), top, middle, low, (0.74 + 0.4 * reach, -0.56 + 0.6 * half), each=3)
        shapes.append(glowing(flame, color))
    return shapes
