"""Dwellings: cottage, log cabin, cluster of village houses."""

import numpy as np

from sakuga.sketchbook.building_parts import DOORS, TIMBER, door, gabled, inlay, line, pane, part, pick, smoke
from sakuga.sketchbook.display_list import Shape
from sakuga.sketchbook.outlines import box, doorway, ellipse, mix_colors, parse_color, polygon, puffs, smooth, toned

WALLS = (
    parse_color("f8ecd4"),
    parse_color("fbf5ea"),
    parse_color("f4d9bd"),
    parse_color("ecd09a"),
    parse_color("dfe6dc"),
    parse_color("f2cfc0"),
)
ROOFS = (
    parse_color("c9573d"),
    parse_color("b8483f"),
    parse_color("d9773f"),
    parse_color("4f7092"),
    parse_color("3f8080"),
    parse_color("8a4c66"),
)
THATCH = (parse_color("dcb05c"), parse_color("c9985a"), parse_color("b98a58"))
LOGS = (parse_color("b07a4a"), parse_color("9a6640"), parse_color("c08c55"))
STONE = parse_color("a89d94")
GREENS = (parse_color("6d9c4c"), parse_color("4f8a55"), parse_color("83a552"))
PETALS = (parse_color("f2728c"), parse_color("ffd557"), parse_color("f5f0ff"), parse_color("e65a4f"))


def _garden(rng: np.random.Generator, half: float) -> list[Shape]:
    """Draw flowering bushes at both ends of a house.

    `half` is half the width of the house.
    """
    green, petals = pick(rng, GREENS), pick(rng, PETALS)
    sizes = 0.11 + 0.06 * rng.random(2)
    bushes = []
    for x, size in zip((-half, half), sizes, strict=True):
        bushes.append(part(puffs(x, -0.6 * size, 1.3 * size, 0.9 * size, 5), green, "foliage"))
        bushes.extend(
            inlay(ellipse(x + dx * size, dy * size, 0.035, 0.035, 8), petals, "foliage")
            for dx, dy in ((-0.6, -0.7), (0.1, -1.1), (0.7, -0.6))
        )
    return bushes


def _thatched(rng: np.random.Generator, night: bool) -> list[Shape]:
    """Draw a thatched cottage with a dormer."""
    wall, roof, paint = pick(rng, WALLS), pick(rng, THATCH), pick(rng, DOORS)
    entrance = -0.05 + 0.1 * rng.random()
    thatch = smooth(
        (-0.68, -0.33), (-0.56, -0.62), (-0.38, -0.88), (0, -0.92), (0.38, -0.88), (0.56, -0.62), (0.68, -0.33), (0.3, -0.37), (-0.3, -0.37)
    )
    shade = smooth((0.16, -0.91), (0.38, -0.88), (0.56, -0.62), (0.68, -0.33), (0.4, -0.36), (0.36, -0.6))
    fringe = smooth((-0.68, -0.33), (-0.3, -0.44), (0.3, -0.44), (0.68, -0.33), (0.3, -0.36), (-0.3, -0.36))
    dormer = smooth((-0.42, -0.45), (-0.36, -0.66), (-0.2, -0.72), (-0.04, -0.66), (0.02, -0.45), each=3)
    return [
        part(box(-0.52, -0.45, 0.52, 0), wall),
        inlay(box(0.2, -0.45, 0.52, 0), toned(wall, "shade")),
        part(thatch, roof),
        inlay(shade, toned(roof, "shade")),
        inlay(fringe, toned(roof, "deep")),
        inlay(dormer, toned(roof, "lit")),
        pane(doorway(-0.3, -0.62, -0.1, -0.46), night),
        *door(entrance, 0.1, 0.29, 0, paint),
        pane(box(-0.41, -0.28, -0.21, -0.11), night),
        line(polygon((-0.31, -0.28), (-0.31, -0.11)), wall, 0.025),
        pane(box(0.26, -0.28, 0.44, -0.11), night),
        line(polygon((0.35, -0.28), (0.35, -0.11)), toned(wall, "shade"), 0.025),
    ]


def _tiled(rng: np.random.Generator, night: bool) -> list[Shape]:
    """Draw a white, gabled cottage with a tiled roof."""
    wall, roof, paint = pick(rng, WALLS), pick(rng, ROOFS), pick(rng, DOORS)
    return [
        *gabled(-0.6, 0.66, 0.52, 0, -0.44, -0.93, wall, roof),
        pane(ellipse(-0.27, -0.56, 0.085, 0.085, 14), night),
        *door(-0.15, 0.1, 0.33, 0, paint),
        pane(box(-0.5, -0.34, -0.33, -0.14), night),
        line(polygon((-0.415, -0.34), (-0.415, -0.14)), wall, 0.025),
        pane(box(0.2, -0.31, 0.44, -0.13), night),
        line(polygon((0.32, -0.31), (0.32, -0.13)), toned(wall, "shade"), 0.025),
    ]


def cottage(rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw a thatched or tiled cottage with a garden."""
    thatched = rng.random() < 0.5
    phase = rng.random()
    x = 0.3
    return [
        *smoke(x, -0.98, t, phase),
        part(box(x - 0.08, -1.0, x + 0.08, -0.6), STONE),
        inlay(box(x + 0.02, -1.0, x + 0.08, -0.6), toned(STONE, "shade")),
        *(_thatched(rng, night) if thatched else _tiled(rng, night)),
        *_garden(rng, 0.6),
    ]


def cabin(rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw an A-frame or a low log house."""
    wood, roof = pick(rng, LOGS), mix_colors(pick(rng, LOGS), parse_color("4a3a44"), 0.62)
    steep, phase = rng.random() < 0.5, rng.random()
    log = toned(wood, "shade")
    pipe = [*smoke(0.34, -0.93, t, phase), part(box(0.29, -0.95, 0.39, -0.5), toned(STONE, "shade"))]
    if steep:
        rows = ((0.36, -0.12), (0.30, -0.26), (0.235, -0.40), (0.175, -0.54))
        return [
            *pipe,
            part(polygon((0.0, -1.0), (0.3, -1.0), (0.86, 0), (0.56, 0)), roof),
            part(polygon((-0.46, 0), (0, -0.9), (0.46, 0)), wood),
            *(line(polygon((-half, y), (half, y)), log, 0.025) for half, y in rows),
            part(polygon((0, -1.02), (0.62, 0), (0.47, 0), (0, -0.78), (-0.47, 0), (-0.62, 0)), toned(roof, "lit")),
            pane(polygon((0, -0.68), (0.12, -0.46), (-0.12, -0.46)), night),
            pane(box(-0.26, -0.33, -0.1, -0.14), night),
            part(box(0.0, -0.36, 0.18, 0), toned(TIMBER, "deep")),
        ]
    return [
        *pipe,
        *gabled(-0.66, 0.74, 0.54, 0, -0.4, -0.88, wood, roof),
        *(line(polygon((-0.66, y), (0.62, y)), log, 0.028) for y in (-0.1, -0.2, -0.3)),
        line(polygon((-0.55, -0.45), (-0.03, -0.45)), log, 0.028),
        pane(box(-0.38, -0.68, -0.2, -0.5), night),
        part(box(-0.2, -0.36, 0.0, 0), toned(TIMBER, "deep")),
        pane(box(-0.57, -0.35, -0.34, -0.13), night),
        pane(box(0.22, -0.33, 0.46, -0.13), night),
        *(part(ellipse(-0.66, y, 0.045, 0.045, 10), toned(wood, "lit")) for y in (-0.05, -0.15, -0.25)),
    ]


def _village_house(rng: np.random.Generator, x: float, size: float, night: bool) -> list[Shape]:
    """Draw one village house, about `size` high."""
    wall, roof, paint = pick(rng, WALLS), pick(rng, ROOFS), pick(rng, DOORS)
    eave = -size * (0.48 + 0.14 * rng.random())
    front, depth = 0.52 * size, 0.4 * size
    left = x - 0.46 * size
    middle, pitch = left + front / 2, 0.085 * size
    lintel = eave * 0.92
    return [
        *gabled(left, front, depth, 0, eave, -size, wall, roof),
        pane(box(middle - pitch, eave - 0.17 * size, middle + pitch, eave + 0.05 * size), night),
        *door(left + 0.36 * front, 0.085 * size, 0.3 * size, 0, paint),
        pane(box(left + 0.64 * front, lintel * 0.75, left + 0.9 * front, lintel * 0.35), night),
        pane(box(left + front + 0.3 * depth, lintel * 0.9, left + front + 0.78 * depth, lintel * 0.48), night),
    ]


def houses(rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw a row of three or four village houses."""
    four = rng.random() < 0.5
    phase = rng.random()
    places = ((-0.3, 0.94), (0.4, 0.84), (-0.72, 0.62), (0.82, 0.56)) if four else ((0.06, 0.96), (-0.6, 0.72), (0.66, 0.66))
    x, size = places[0]
    chimney = part(box(x + 0.1 * size, -size * 1.05, x + 0.22 * size, -0.7 * size), STONE)
    shapes = [*smoke(x + 0.16 * size, -1.04 * size, t, phase), chimney]
    for x, size in places:
        shapes += _village_house(rng, x, size, night)
    return shapes
