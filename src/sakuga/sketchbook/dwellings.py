"""Where people live: a cottage, a log cabin, a cluster of village houses."""

import numpy as np

from sakuga.sketchbook.fittings import DOORS, TIMBER, door, gabled, inlay, line, pane, part, pick, smoke
from sakuga.sketchbook.forms import box, doorway, ellipse, mixed, polygon, puffs, rgb, smooth, toned
from sakuga.sketchbook.shapes import Shape

WALLS = (rgb("f8ecd4"), rgb("fbf5ea"), rgb("f4d9bd"), rgb("ecd09a"), rgb("dfe6dc"), rgb("f2cfc0"))
ROOFS = (rgb("c9573d"), rgb("b8483f"), rgb("d9773f"), rgb("4f7092"), rgb("3f8080"), rgb("8a4c66"))
THATCH = (rgb("dcb05c"), rgb("c9985a"), rgb("b98a58"))
LOGS = (rgb("b07a4a"), rgb("9a6640"), rgb("c08c55"))
STONE = rgb("a89d94")
GREENS = (rgb("6d9c4c"), rgb("4f8a55"), rgb("83a552"))
PETALS = (rgb("f2728c"), rgb("ffd557"), rgb("f5f0ff"), rgb("e65a4f"))


def _garden(rng: np.random.Generator, half: float) -> list[Shape]:
    """Plant a bush with blossoms at each end of a house `half` wide from its middle."""
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
    """A low wall under one heavy soft roof, with a dormer that looks out of it."""
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
    """A white gable with a round window, a side with two windows, a bright roof."""
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
    """A cottage, thatched or tiled, with a smoking chimney and a garden."""
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
    """A cabin of logs: a steep A-frame to the ground, or a low log house; both have a porch step and a stove pipe."""
    wood, roof = pick(rng, LOGS), mixed(pick(rng, LOGS), rgb("4a3a44"), 0.62)
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
    """One house of a village, about `size` high, its middle at x."""
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
    """A row of three or four village houses that lean together, the back ones taller; a chimney smokes."""
    four = rng.random() < 0.5
    phase = rng.random()
    places = ((-0.3, 0.94), (0.4, 0.84), (-0.72, 0.62), (0.82, 0.56)) if four else ((0.06, 0.96), (-0.6, 0.72), (0.66, 0.66))
    x, size = places[0]
    chimney = part(box(x + 0.1 * size, -size * 1.05, x + 0.22 * size, -0.7 * size), STONE)
    shapes = [*smoke(x + 0.16 * size, -1.04 * size, t, phase), chimney]
    for x, size in places:
        shapes += _village_house(rng, x, size, night)
    return shapes
