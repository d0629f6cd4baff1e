"""The large tree and the whale."""

import numpy as np

from sakuga.sketchbook.building_parts import inlay, moved, part, pick
from sakuga.sketchbook.display_list import Color, Points, Shape
from sakuga.sketchbook.outlines import ellipse, mix_colors, parse_color, polygon, puffs, smooth, toned

BARK = (parse_color("7a5640"), parse_color("6b4a3c"), parse_color("8a6650"))
LEAVES = (parse_color("6da648"), parse_color("4f9450"), parse_color("8ab04a"), parse_color("e08a3c"), parse_color("d8643c"))
NEEDLES = (parse_color("3f7d5c"), parse_color("356b5e"), parse_color("4d8a55"))
BLOSSOM = (parse_color("f5a9c0"), parse_color("f9c3d2"), parse_color("f28fb0"))
WATER = parse_color("eaf6fb")


def _leaning(points: Points, sway: float) -> Points:
    """Bend points sideways, more further up.

    By `sway` at the height of one unit.
    """
    return points + np.stack([sway * points[:, 1] ** 2, np.zeros(len(points))], axis=1)


def _pine(rng: np.random.Generator, sway: float) -> list[Shape]:
    """Draw a pine with four skirts of needles."""
    bark, green = pick(rng, BARK), pick(rng, NEEDLES)
    wide = 0.4 + 0.08 * rng.random()
    shapes = [part(polygon((-0.07, 0), (-0.05, -0.3), (0.05, -0.3), (0.07, 0)), bark)]
    for k in range(4):
        foot, tip, half = -0.14 - 0.2 * k, -0.5 - 0.175 * k, wide * (1 - 0.2 * k)
        edge = ((half, foot), (0.55 * half, foot + 0.03), (0.1 * half, foot + 0.05), (-0.5 * half, foot + 0.035), (-half, foot))
        color = mix_colors(green, toned(green, "lit"), 0.22 * k)
        shapes.append(
            part(_leaning(polygon((0, tip), (0.4 * half, foot - 0.14), *edge, (-0.4 * half, foot - 0.14)), sway), color, "foliage")
        )
        dark = polygon((0, tip), (0.4 * half, foot - 0.14), (half, foot), (0.55 * half, foot + 0.03), (0.05 * half, foot + 0.05))
        shapes.append(inlay(_leaning(dark, sway), toned(color, "shade"), "foliage"))
    return shapes


def _broadleaf(rng: np.random.Generator, leaf: Color, sway: float, petals: float | None) -> list[Shape]:
    """Draw a broadleaf tree.

    `petals` is how far its petals have fallen.
    """
    bark, jitter, turn = pick(rng, BARK), 0.05 * (2 * rng.random(6) - 1), 360.0 * rng.random()
    trunk = smooth(
        (-0.17, 0),
        (-0.08, -0.14),
        (-0.09, -0.34),
        (-0.24, -0.56),
        (-0.04, -0.46),
        (0.2, -0.6),
        (0.09, -0.32),
        (0.08, -0.14),
        (0.18, 0),
        (0, -0.03),
        each=3,
    )
    shade = smooth((0.02, -0.01), (0.03, -0.2), (0.04, -0.42), (0.2, -0.6), (0.09, -0.32), (0.08, -0.14), (0.18, 0), each=3)
    deep, shaded, lit = toned(leaf, "deep"), toned(leaf, "shade"), toned(leaf, "lit")
    behind = (
        (0.3, -0.48, 0.26, 0.2, deep),
        (-0.32 + jitter[0], -0.5, 0.25, 0.2, shaded),
        (0.0, -0.66, 0.46, 0.3, shaded),
    )
    before = (
        (-0.08 + jitter[1], -0.71 + jitter[2], 0.37, 0.25, leaf),
        (-0.36 + jitter[0], -0.55, 0.18, 0.13, leaf),
        (0.27 + jitter[3], -0.57, 0.19, 0.14, leaf),
        (-0.14 + jitter[4], -0.8 + jitter[5], 0.21, 0.12, lit),
    )

    def clump(x: float, y: float, rx: float, ry: float) -> Points:
        return _leaning(puffs(x, y, rx, ry, 9 if rx > 0.4 else 7, 0.14, turn), sway)

    shapes = [part(trunk, bark), inlay(shade, toned(bark, "shade"))]
    shapes += [part(clump(*where), color, "foliage") for *where, color in behind]
    shapes += [inlay(clump(*where), color, "foliage") for *where, color in before]
    if petals is not None:
        falls = [(petals + k / 5) % 1.0 for k in range(5)]
        spots = [ellipse(-0.4 + 0.2 * k + 0.1 * np.sin(7 * fall + k), -0.5 + 0.5 * fall, 0.025, 0.018, 8) for k, fall in enumerate(falls)]
        shapes += [inlay(spot, leaf, "foliage") for spot in spots]
    return shapes


def tree(rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw one big swaying tree.

    Round (green or autumnal), a pine, or in blossom.
    """
    kind, phase, leaf, bloom = rng.random(), rng.random(), pick(rng, LEAVES), pick(rng, BLOSSOM)
    sway = 0.06 * float(np.sin(2.0 * t + 6.283 * phase))
    if kind < 0.3:
        return _pine(rng, sway)
    if kind < 0.52:
        return _broadleaf(rng, bloom, sway, 0.18 * t + phase)
    return _broadleaf(rng, leaf, sway, None)


def _flukes(skin: Color, dip: float) -> list[Shape]:
    """Draw a whale's tail above the water."""
    stem = smooth((-0.26, 0.02), (-0.16, -0.25), (-0.06, -0.6), (0.06, -0.6), (0.16, -0.25), (0.26, 0.02), (0, 0.02), each=3)
    half = ((0, -0.58), (0.2, -0.64), (0.44, -0.82), (0.68, -1.0), (0.62, -0.76), (0.42, -0.56), (0.18, -0.46), (0, -0.44))
    right = smooth(*half, each=3)
    shade = smooth((0.08, 0.02), (0.05, -0.3), (0.04, -0.58), (0.16, -0.25), (0.26, 0.02), each=3)
    shapes = [
        part(stem, skin, "skin"),
        inlay(shade, toned(skin, "shade"), "skin"),
        part(right, toned(skin, "shade"), "skin"),
        part(right * (-1, 1), skin, "skin"),
    ]
    return moved(shapes, 0.0, dip)


def _swimming(skin: Color, dip: float, t: float, phase: float) -> list[Shape]:
    """Draw a swimming whale with a spout."""
    body = smooth(
        (-0.71, 0.02),
        (-0.69, -0.28),
        (-0.48, -0.5),
        (-0.15, -0.53),
        (0.21, -0.36),
        (0.46, -0.24),
        (0.59, -0.36),
        (0.69, -0.3),
        (0.59, 0.02),
        (0, 0.04),
    )
    tail = smooth((0.57, -0.3), (0.44, -0.5), (0.48, -0.64), (0.61, -0.5), (0.75, -0.62), (0.8, -0.48), (0.69, -0.32), each=3)
    belly = smooth((-0.7, 0.02), (-0.69, -0.16), (-0.41, -0.15), (-0.08, -0.12), (0.16, 0.02), each=3)
    spurt = 1.0 + 0.12 * float(np.sin(5.0 * t + phase))
    jet = (-0.38, -0.5)
    plume = [
        smooth(
            jet,
            (-0.38 + side * 0.03, -0.5 - 0.36 * spurt),
            (-0.38 + side * 0.15, -0.5 - 0.46 * spurt),
            (-0.38 + side * 0.3, -0.5 - 0.26 * spurt),
            (-0.38 + side * 0.16, -0.5 - 0.34 * spurt),
            (-0.38 + side * 0.07, -0.66),
            each=3,
        )
        for side in (-1, 1)
    ]
    shapes = [
        part(tail, toned(skin, "shade"), "skin"),
        part(body, skin, "skin"),
        inlay(belly, parse_color("d3e0ea"), "skin"),
        inlay(ellipse(-0.49, -0.24, 0.045, 0.05, 10), parse_color("22263a"), "detail"),
        inlay(ellipse(-0.48, -0.26, 0.016, 0.016, 6), parse_color("ffffff"), "detail"),
        part(smooth((-0.25, -0.14), (-0.07, -0.16), (0.05, 0.0), (-0.1, 0.0), each=3), toned(skin, "shade"), "skin"),
    ]
    return moved((*(inlay(half, WATER, "water", 0.92) for half in plume), *shapes), 0.0, dip)


def whale(rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw a whale: swimming, or only its tail."""
    skin, phase = (
        pick(rng, (parse_color("4a78a8"), parse_color("3d6490"), parse_color("5a8bb5"), parse_color("566a8c"))),
        6.283 * rng.random(),
    )
    swimming = rng.random() < 0.65
    dip = 0.03 * float(np.sin(1.6 * t + phase))
    half = 0.8 if swimming else 0.44
    foam = smooth(
        (-half, 0.03),
        (-0.6 * half, -0.06),
        (-0.2 * half, -0.01 + dip),
        (0.2 * half, -0.06),
        (0.6 * half, -0.01 - dip),
        (half, -0.04),
        (0.9 * half, 0.06),
        (0, 0.09),
        (-0.9 * half, 0.08),
        each=3,
    )
    return [*(_swimming(skin, dip, t, phase) if swimming else _flukes(skin, dip)), inlay(foam, WATER, "water", 0.9)]
