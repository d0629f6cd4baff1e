"""Landmarks: castle, tower, lighthouse, windmill, bridge."""

from itertools import pairwise

import numpy as np

from sakuga.sketchbook.building_parts import TIMBER, battlements, cone, crown, door, flag, glowing, inlay, line, pane, part, pick, turret
from sakuga.sketchbook.display_list import Color, Points, Shape
from sakuga.sketchbook.outlines import arc, box, doorway, ellipse, parse_color, polygon, puffs, rotated, smooth, toned

CASTLE_STONE = (parse_color("e2d6c6"), parse_color("e8cdbd"), parse_color("c6cedd"), parse_color("ead6a6"), parse_color("f2ece0"))
CASTLE_ROOFS = (parse_color("4a69ad"), parse_color("c14d45"), parse_color("7a559f"), parse_color("33868a"), parse_color("d9793f"))
PENNANTS = (parse_color("e5484a"), parse_color("ffc83f"), parse_color("f07a3a"))
OLD_STONE = (parse_color("b3aaa2"), parse_color("c4b59d"), parse_color("a5adb8"))
GATE = parse_color("6a4a38")
LAMP = parse_color("ffe9a0")


def castle(rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw a castle with towers, gate and flags."""
    stone, roof, cloth = pick(rng, CASTLE_STONE), pick(rng, CASTLE_ROOFS), pick(rng, PENNANTS)
    left, right = 0.5 + 0.1 * rng.random(2)
    keep, high = 0.06 * (2 * rng.random() - 1), 0.64 + 0.05 * rng.random()
    capped, phase = rng.random() < 0.65, rng.random(2)
    top = cone(keep, 0.25, -high, -0.98, roof) if capped else crown(keep, 0.23, -high - 0.1, 0.05, 4, stone)
    back = toned(stone, "shade")
    return [
        *flag(keep, -1.1 if capped else -high - 0.26, 0.17, t, phase[0], cloth),
        *turret(keep, 0.19, 0, -high, stone),
        *top,
        pane(doorway(keep - 0.06, -high + 0.05, keep + 0.06, -high + 0.21), night),
        *turret(-0.27, 0.075, 0, -0.6, back),
        *cone(-0.27, 0.105, -0.6, -0.83, toned(roof, "shade")),
        part(box(-0.5, -0.31, 0.5, 0), stone),
        inlay(box(-0.5, -0.31, 0.5, -0.22), back),
        battlements(-0.36, 0.36, -0.4, 0.05, 5, stone),
        *flag(-0.47, -left - 0.36, 0.14, t, phase[1], cloth),
        *turret(-0.47, 0.14, 0, -left, stone),
        *cone(-0.47, 0.19, -left, -left - 0.3, roof),
        *turret(0.47, 0.14, 0, -right, stone),
        *cone(0.47, 0.19, -right, -right - 0.3, roof),
        pane(doorway(-0.52, -0.43, -0.42, -0.27), night),
        pane(doorway(0.42, -0.43, 0.52, -0.27), night),
        part(doorway(-0.13, -0.27, 0.13, 0), GATE),
        inlay(doorway(-0.08, -0.2, 0.08, 0), toned(GATE, "deep")),
    ]


def _ruin(stone: Color, moss: Color) -> list[Shape]:
    """Draw the broken top of a tower."""
    return [
        part(
            polygon((-0.2, -0.6), (-0.21, -0.98), (-0.1, -0.97), (-0.08, -0.86), (0.02, -0.9), (0.05, -0.74), (0.14, -0.78), (0.2, -0.6)),
            stone,
        ),
        inlay(polygon((0.05, -0.6), (0.05, -0.74), (0.14, -0.78), (0.2, -0.6)), toned(stone, "shade")),
        part(box(0.3, -0.12, 0.46, 0), toned(stone, "shade")),
        part(puffs(-0.16, -0.12, 0.14, 0.16, 5), moss, "foliage"),
        part(puffs(0.14, -0.66, 0.1, 0.07, 4), moss, "foliage"),
    ]


def tower(rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw a tall tower: roofed, with battlements, or ruined."""
    kind, stone = pick(rng, ("pointed", "pointed", "battlements", "ruin")), pick(rng, OLD_STONE)
    roof, cloth, phase = pick(rng, CASTLE_ROOFS), pick(rng, PENNANTS), rng.random()
    body = polygon((-0.24, 0), (-0.2, -0.7), (0.2, -0.7), (0.24, 0))
    shade = polygon((0.08, 0), (0.05, -0.7), (0.2, -0.7), (0.24, 0))
    shapes = [part(body, stone), inlay(shade, toned(stone, "shade"))]
    shapes += [inlay(box(x - 0.06, y, x + 0.06, y + 0.05), toned(stone, "shade")) for x, y in ((-0.12, -0.55), (-0.1, -0.2), (0.0, -0.36))]
    if kind == "pointed":
        shapes += [*flag(0, -1.12, 0.18, t, phase, cloth), *turret(0, 0.25, -0.54, -0.7, stone), *cone(0, 0.31, -0.69, -1.02, roof)]
    elif kind == "battlements":
        shapes += [*flag(0, -1.02, 0.2, t, phase, cloth), *crown(0.0, 0.28, -0.86, 0.09, 4, stone)]
    else:
        shapes += _ruin(stone, parse_color("7d9c55"))
    window = -0.62 if kind == "pointed" else -0.56
    return [*shapes, pane(doorway(-0.07, window - 0.04, 0.05, window + 0.15), night), *door(0, 0.09, 0.24, 0, GATE)]


def _beam(t: float, phase: float) -> list[Shape]:
    """Draw two opposite rays of a rotating lamp."""
    reach = 1.5 * np.cos(0.9 * t + 6.283 * phase)
    spread = 0.1 + 0.12 * abs(reach)
    rays = (polygon((0, -0.83), (side * reach, -0.83 - spread), (side * reach, -0.83 + 0.6 * spread), (0, -0.79)) for side in (1, -1))
    return [glowing(ray, LAMP, alpha, 0.02) for ray, alpha in zip(rays, (0.42, 0.26), strict=True)]


def lighthouse(rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw a striped lighthouse; at night its beam rotates."""
    stripes, phase = int(rng.integers(2, 4)), rng.random()
    red, rock = pick(rng, (parse_color("d8433c"), parse_color("c93a4a"), parse_color("e0553a"))), pick(rng, OLD_STONE)
    white, annexe = parse_color("fbf6ec"), rng.random() < 0.5

    def width(y: float) -> float:
        return 0.19 + 0.11 * y

    edges = np.linspace(-0.08, -0.72, 2 * stripes + 1)
    bands = [polygon((-width(a), a), (width(a), a), (width(b), b), (-width(b), b)) for a, b in pairwise(edges)]
    hut = [part(box(0.1, -0.25, 0.42, -0.05), white), part(polygon((0.06, -0.24), (0.16, -0.38), (0.38, -0.38), (0.47, -0.24)), red)]
    tall = polygon((-width(0), 0), (-width(-0.72), -0.72), (width(-0.72), -0.72), (width(0), 0))
    shade = polygon((0.07, 0), (0.04, -0.72), (width(-0.72), -0.72), (width(0), 0))
    lantern = glowing(box(-0.085, -0.88, 0.085, -0.74), LAMP) if night else pane(box(-0.085, -0.88, 0.085, -0.74), False)
    return [
        *(_beam(t, phase) if night else ()),
        *([*hut, pane(box(0.24, -0.2, 0.35, -0.1), night)] if annexe else ()),
        part(tall, white),
        *(inlay(band, red) for band in bands[1::2]),
        Shape(points=shade, color=parse_color("3f3560"), material="building", alpha=0.28, ink=False),
        part(smooth((-0.5, 0), (-0.36, -0.1), (-0.1, -0.08), (0.12, -0.1), (0.4, -0.08), (0.52, 0), each=3), rock, "ground"),
        lantern,
        part(box(-0.17, -0.765, 0.17, -0.715), toned(red, "deep")),
        part(np.concatenate([arc(0, -0.87, 0.12, 0.11, 180, 360, 9), ((0, -0.86),)]), red),
        part(ellipse(0, -0.99, 0.03, 0.03, 10), red),
        *([glowing(ellipse(0, -0.81, 0.24, 0.24), LAMP, 0.3, 0.05)] if night else ()),
    ]


def windmill(rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw a windmill with four turning sails."""
    wall = pick(rng, (parse_color("f7ead2"), parse_color("efe3d6"), parse_color("d9b98a"), parse_color("e9cbb6")))
    cap, cloth = pick(rng, CASTLE_ROOFS), pick(rng, (parse_color("fff8ea"), parse_color("f6e2b4"), parse_color("f0c9b0")))
    start, speed = 90.0 * rng.random(), 50.0 + 40.0 * rng.random()
    hub = (0.0, -0.64)
    shapes = [
        part(polygon((-0.29, 0), (-0.17, -0.62), (0.17, -0.62), (0.29, 0)), wall),
        inlay(polygon((0.1, 0), (0.05, -0.62), (0.17, -0.62), (0.29, 0)), toned(wall, "shade")),
        part(np.concatenate([arc(0, -0.6, 0.22, 0.24, 180, 360, 11), ((0.0, -0.56),)]), cap),
        inlay(polygon((-0.28, -0.16), (0.28, -0.16), (0.3, -0.1), (-0.3, -0.1)), toned(wall, "deep"), alpha=0.5),
        *door(0, 0.09, 0.26, 0, GATE),
        pane(doorway(-0.07, -0.44, 0.05, -0.29), night),
    ]
    arm, sail = box(-0.016, -0.42, 0.016, 0), box(0.0, -0.42, 0.125, -0.1)
    for quarter in range(4):
        angle = start + speed * t + 90.0 * quarter
        shapes.append(part(rotated(sail, angle) + hub, cloth, "cloth"))
        shapes.append(inlay(rotated(box(0.055, -0.42, 0.075, -0.1), angle) + hub, toned(cloth, "shade"), "cloth"))
        shapes.append(inlay(rotated(arm, angle) + hub, TIMBER))
    return [*shapes, part(ellipse(*hub, 0.05, 0.05, 12), toned(TIMBER, "deep"))]


def _deck(rise: float, lift: float) -> Points:
    """Return the humped top of a bridge.

    From x = -1 to 1, ends `lift` up and middle `rise` higher.
    """
    xs = np.linspace(-1.0, 1.0, 13)
    return np.stack([xs, -lift - rise * np.cos(xs * np.pi / 2) ** 1.4], axis=1)


def _band(edge: Points, depth: float) -> Points:
    """Return the band within `depth` under an edge."""
    return np.concatenate([edge, edge[::-1] + np.array((0.0, depth))])


def _stone_bridge(rng: np.random.Generator) -> list[Shape]:
    """Draw a humped bridge with one to three arches."""
    stone, count = pick(rng, (*OLD_STONE, parse_color("d2b690"))), int(rng.integers(1, 4))
    top = _deck(0.3, 0.62)
    centres = np.linspace(-1, 1, 2 * count + 1)[1::2]
    half = 0.78 / count

    def cut(shift: float, squeeze: float) -> Points:
        rises = [0.62 + 0.2 * np.cos(x * np.pi / 2) - 0.12 for x in centres[::-1]]
        arches = [arc(x + shift, 0, half * squeeze, rise * squeeze, 360, 180, 12) for x, rise in zip(centres[::-1], rises, strict=True)]
        return np.concatenate([top, ((1.0, 0.0),), *arches, ((-1.0, 0.0),)])

    band = _band(top, 0.1)
    shapes = [part(cut(-0.07, 0.94), toned(stone, "deep")), part(cut(0.0, 1.0), stone)]
    piers = [(centres[k] + centres[k + 1]) / 2 for k in range(count - 1)]
    shapes += [part(polygon((x - 0.1, 0), (x - 0.06, -0.34), (x + 0.06, -0.34), (x + 0.1, 0)), toned(stone, "shade")) for x in piers]
    return [*shapes, part(band, toned(stone, "lit"))]


def _wooden_bridge(rng: np.random.Generator) -> list[Shape]:
    """Draw a curved wooden footbridge with a railing."""
    wood = pick(rng, (parse_color("a8703f"), parse_color("8a5a3c"), parse_color("cc4a3a")))
    deck, rail = _deck(0.34, 0.3), _deck(0.34, 0.58)
    dark = toned(wood, "deep")
    places = (-0.9, -0.45, 0.0, 0.45, 0.9)
    levels = [float(np.interp(x, deck[:, 0], deck[:, 1])) for x in places]
    legs = [part(box(x - 0.05, y, x + 0.05, 0), dark) for x, y in zip(places, levels, strict=True) if x]
    posts = [part(box(x - 0.04, y - 0.34, x + 0.04, y), wood) for x, y in zip(places, levels, strict=True)]
    braces = [line(polygon((-0.9, -0.02), (-0.45, levels[1])), dark, 0.04), line(polygon((0.9, -0.02), (0.45, levels[3])), dark, 0.04)]
    plank = _band(deck, 0.13)
    return [
        *braces,
        *legs,
        part(plank, toned(wood, "shade")),
        *posts,
        part(_band(rail, 0.07), toned(wood, "lit")),
    ]


def bridge(rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw a stone or wooden bridge, twice as wide as high."""
    return _stone_bridge(rng) if rng.random() < 0.6 else _wooden_bridge(rng)
