"""The ten places: background, ground and foreground."""

from collections.abc import Callable

import numpy as np

from sakuga.sketchbook.display_list import Color, Shape
from sakuga.sketchbook.labels import Place
from sakuga.sketchbook.place_layout import PlaceContext, PlaceLayout
from sakuga.sketchbook.plants import LEAF, SNOW, cactus, fir, fir_row, fringe, reeds, round_row, round_tree, snowy_fir, wood
from sakuga.sketchbook.scenery import (
    FLOOR,
    MARGIN,
    below,
    dune,
    headland,
    height_at,
    land,
    mix,
    moved,
    peak,
    ribbon,
    ridge,
    ripple,
    slant,
    slope,
    turf,
    varied,
    zigzag,
)  # fmt: skip
from sakuga.sketchbook.village_houses import house, steeple
from sakuga.sketchbook.water import glints, strip, water, waves

GRASS: Color = (0.50, 0.74, 0.36)
DEEP_GRASS: Color = (0.30, 0.58, 0.32)
FIR_GREEN: Color = (0.17, 0.44, 0.34)
SAND: Color = (0.96, 0.80, 0.50)
ROCK: Color = (0.50, 0.52, 0.66)


def meadow(rng: np.random.Generator, setting: PlaceContext) -> PlaceLayout:
    """Draw flat grass under far trees."""
    grass = varied(rng, GRASS)
    far = ridge(rng, setting.aspect, 0.58, 0.03, 0.8)
    hedge = ridge(rng, setting.aspect, 0.635, 0.01, 0.7)
    ground = ridge(rng, setting.aspect, 0.655, 0.012, 0.5)
    middle = ridge(rng, setting.aspect, 0.80, 0.02, 0.5)
    back = [
        land(far, (0.42, 0.64, 0.56), (0.12, 0.2), "far"),
        round_row(rng, hedge, 0.07, 0.10, (0.30, 0.54, 0.32), 0.28),
        land(ground, mix(grass, (0.86, 0.86, 0.42), 0.35), (0.34, 0.9)),
        land(middle, grass, (0.55, 0.95)),
    ]
    return PlaceLayout(
        back=back, front=[fringe(rng, setting.aspect, DEEP_GRASS, setting.t, 0.09)], ground=ground, near=(0.34, 0.95), drop=(0.12, 0.22)
    )


def hills(rng: np.random.Generator, setting: PlaceContext) -> PlaceLayout:
    """Draw round green hills."""
    tones: tuple[Color, ...] = ((0.40, 0.66, 0.62), (0.46, 0.72, 0.46), (0.62, 0.80, 0.40), (0.38, 0.66, 0.34))
    bases, heights, waves = (0.47, 0.56, 0.68, 0.86), (0.07, 0.08, 0.06, 0.04), (0.95, 0.75, 0.55, 0.5)
    nears = ((0.12, 0.3), (0.24, 0.5), (0.42, 0.8), (0.66, 1.0))
    lines = [ridge(rng, setting.aspect, base, height, wave) for base, height, wave in zip(bases, heights, waves, strict=True)]
    layers = [land(line, varied(rng, tone), near) for line, tone, near in zip(lines, tones, nears, strict=True)]
    layers[0] = land(lines[0], tones[0], nears[0], "far")
    trees: list[Shape] = []
    for share in rng.uniform(0.0, 1.0, 3).tolist():
        x = setting.aside(share)
        trees += round_tree(x, height_at(lines[1], x) + 0.02, 0.11, LEAF, 0.34, setting.sway(x, 0.004))
    return PlaceLayout(back=[*layers[:2], *trees, layers[2]], front=[layers[3]], ground=lines[2], near=nears[2], drop=(0.03, 0.09))


def valley(rng: np.random.Generator, setting: PlaceContext) -> PlaceLayout:
    """Draw two steep sides and a winding river."""
    aspect = setting.aspect
    meet = aspect * 0.5 + (0.10 if setting.focus < aspect / 2 else -0.10) * aspect
    ground = ridge(rng, aspect, 0.62, 0.012, 0.6)
    end = setting.focus if setting.bridged else min(aspect - 0.1, max(0.1, meet + (0.30 if setting.focus < meet else -0.30) * aspect))
    bend = (0.16 if setting.focus < meet else -0.16) * (0.3 if setting.bridged else 1.0)
    river, bank = (ribbon((meet, 0.615), (end, FLOOR), widths, bend) for widths in ((0.03, 0.50), (0.045, 0.57)))
    back = [
        *peak(rng, meet + 0.04, 0.34, 0.66, 0.34, (0.52, 0.58, 0.74), 0.10, setting.light_x),
        slope(meet, 0.62, -MARGIN, 0.16, (0.36, 0.60, 0.52), 0.22),
        slope(meet, 0.62, aspect + MARGIN, 0.20, (0.40, 0.64, 0.50), 0.22),
        slope(meet - 0.12, 0.66, -MARGIN, 0.34, (0.34, 0.60, 0.34), 0.34),
        slope(meet + 0.12, 0.66, aspect + MARGIN, 0.36, (0.42, 0.66, 0.34), 0.34),
        land(ground, varied(rng, GRASS), (0.34, 0.95)),
        land(ridge(rng, aspect, 0.82, 0.03, 0.5), varied(rng, (0.40, 0.66, 0.34)), (0.58, 0.98)),
        *wood(rng, setting, meet),
        Shape(points=bank, color=(0.80, 0.80, 0.50), material="ground", near=(0.34, 0.95), ink=False),
        Shape(points=river, color=mix(setting.hour.water[0], setting.hour.water[1], 0.45), material="water", near=(0.34, 0.95)),
        *glints(rng, setting, (meet + end) / 2, 0.12, (0.74, 0.96), 5),
    ]
    return PlaceLayout(back=back, front=[], ground=ground, near=(0.34, 0.95), drop=(0.16, 0.24), waterline=0.88)


def mountains(rng: np.random.Generator, setting: PlaceContext) -> PlaceLayout:
    """Draw snow-capped peaks above firs."""
    aspect = setting.aspect
    far = zigzag(rng, aspect, 0.50, 0.24, 5)
    back = [land(far, (0.60, 0.66, 0.82), (0.08, 0.1), "far")]
    xs = np.arange(-0.1, aspect + 0.3, 0.42) + rng.uniform(-0.08, 0.08)
    tops = np.where(np.arange(len(xs)) % 2 == rng.integers(2), 0.16, 0.28) + rng.uniform(-0.03, 0.03, len(xs))
    # The sun and the moon stand over a lower peak.
    tops = np.where(np.abs(xs - setting.light_x) < 0.24, np.maximum(tops, 0.28), tops)
    for index in np.argsort(tops).tolist():
        back += peak(rng, float(xs[index]), float(tops[index]), 0.68, 0.36, ROCK, 0.20, setting.light_x)
    wood = ridge(rng, aspect, 0.66, 0.02, 0.8)
    ground = ridge(rng, aspect, 0.70, 0.025, 0.6)
    back += [
        fir_row(rng, wood, 0.10, 0.07, FIR_GREEN, 0.36),
        land(ground, varied(rng, (0.50, 0.66, 0.42)), (0.42, 0.95)),
    ]
    front = [land(ridge(rng, aspect, 0.94, 0.02, 0.7), (0.36, 0.54, 0.36), (0.8, 1.0))]
    return PlaceLayout(back=back, front=front, ground=ground, near=(0.42, 0.95), drop=(0.10, 0.17))


def sea(rng: np.random.Generator, setting: PlaceContext) -> PlaceLayout:
    """Draw open water with a headland or beach.

    The headland is where something stands.
    """
    aspect, (far, near) = setting.aspect, setting.hour.water
    horizon = 0.52
    back = [water(aspect, horizon, 0.64, far, (0.10, 0.35))]
    for index, share in enumerate((0.35, 0.7, 1.0)):
        line = waves(aspect, (0.60, 0.72, 0.86)[index], 0.008 + 0.004 * index, setting.t * (0.9 + 0.3 * index) + index)
        back.append(land(line, mix(far, near, share), ((0.24, 0.42, 0.6)[index], 0.95), "water"))
    back += glints(rng, setting, aspect / 2, aspect * 0.55, (0.55, 0.95), 14)
    if setting.light_x < aspect and setting.light_x > 0:
        back += glints(rng, setting, setting.light_x, 0.05, (0.53, 0.74), 6, setting.hour.light)
    ground = headland(setting.focus, setting.room + 0.06, aspect, 0.70 if setting.landed else 0.95)
    shore: list[Shape] = []
    if setting.landed:
        shore = [
            Shape(points=below(moved(ground, 0.0, 0.05)), color=(0.52, 0.47, 0.46), material="ground", near=(0.5, 0.9)),
            Shape(points=turf(ground), color=varied(rng, GRASS), material="ground", near=(0.5, 0.7)),
        ]
    beach = [land(slant(aspect, rng.uniform(0.88, 0.93), 0.04), SAND, (0.8, 1.0))] if not setting.landed and rng.random() < 0.4 else []
    return PlaceLayout(back=back + shore, front=beach, ground=ground, near=(0.5, 0.8), drop=(0.02, 0.03), waterline=0.76)


def lake(rng: np.random.Generator, setting: PlaceContext) -> PlaceLayout:
    """Draw still water between two shores."""
    aspect, (far, near) = setting.aspect, setting.hour.water
    mountain, wood = ridge(rng, aspect, 0.44, 0.07, 0.9), ridge(rng, aspect, 0.545, 0.01, 0.8)
    bank = ridge(rng, aspect, 0.84 if setting.landed else 0.92, 0.02, 0.5)
    row = round_row if rng.random() < 0.5 else fir_row
    mirror = mix(mix(far, near, 0.4), (0.12, 0.30, 0.26), 0.35)
    back = [
        land(mountain, (0.44, 0.62, 0.64), (0.12, 0.2), "far"),
        row(rng, wood, 0.12, 0.09, (0.24, 0.52, 0.34), 0.30),
        water(aspect, 0.56, 1.0, mix(far, near, 0.35), (0.32, 0.8)),
        water(aspect, 0.56, 0.63, mirror, (0.32, 0.45)),
        land(waves(aspect, 0.71, 0.007, 0.7 * setting.t), mix(far, near, 0.70), (0.5, 0.8), "water"),
        *glints(rng, setting, aspect / 2, aspect * 0.5, (0.62, 0.86), 9),
        Shape(points=strip(aspect, 0.552, 0.568), color=(0.66, 0.78, 0.42), material="ground", near=(0.32, 0.32)),
    ]
    shore = [land(bank, varied(rng, GRASS), (0.66, 0.95))]
    rushes = reeds(rng, setting, bank)
    if setting.landed:
        return PlaceLayout(back=back + shore, front=rushes, ground=bank, near=(0.66, 0.95), drop=(0.01, 0.06), waterline=0.72)
    return PlaceLayout(back=back, front=shore + rushes, ground=bank, near=(0.66, 0.95), drop=(0.01, 0.03), waterline=0.76)


def forest(rng: np.random.Generator, setting: PlaceContext) -> PlaceLayout:
    """Draw a clearing between rows of trees."""
    aspect, conifers = setting.aspect, bool(rng.random() < 0.5)
    row, tree = (fir_row, fir) if conifers else (round_row, round_tree)
    deep = FIR_GREEN if conifers else (0.22, 0.52, 0.26)
    light: Color = (0.34, 0.62, 0.50) if conifers else (0.50, 0.74, 0.42)
    ground = ridge(rng, aspect, 0.72, 0.012, 0.5)
    heights, widths = ((0.46, 0.36, 0.24), (0.15, 0.13, 0.11)) if conifers else ((0.36, 0.30, 0.20), (0.20, 0.17, 0.15))
    back = [
        row(rng, moved(ground, 0.0, -lift), height, width, mix(light, deep, share), near)
        for lift, height, width, share, near in zip((0.10, 0.04, -0.01), heights, widths, (0.0, 0.5, 0.95), (0.16, 0.28, 0.38), strict=True)
    ]
    back.append(land(ground, varied(rng, (0.46, 0.66, 0.34)), (0.42, 0.95)))
    back.append(land(ridge(rng, aspect, 0.87, 0.02, 0.5), varied(rng, (0.36, 0.57, 0.30)), (0.6, 0.98)))
    front: list[Shape] = []
    for x in (rng.uniform(-0.02, 0.06), aspect - rng.uniform(-0.02, 0.06)):
        if abs(x - setting.focus) > setting.room + 0.20:
            size = rng.uniform(0.68, 0.8)
            front += tree(x, 0.93, size, mix(deep, light, 0.25), 0.8, setting.sway(x, 0.012))
    for share in rng.uniform(0.0, 1.0, 2).tolist():
        x = setting.aside(share)
        back += tree(x, 0.79, rng.uniform(0.36, 0.46), mix(deep, light, 0.45), 0.52, setting.sway(x, 0.008))
    return PlaceLayout(back=back, front=front, ground=ground, near=(0.42, 0.95), drop=(0.10, 0.17))


def desert(rng: np.random.Generator, setting: PlaceContext) -> PlaceLayout:
    """Draw golden dunes, shaded on one side."""
    aspect, sand = setting.aspect, varied(rng, SAND, 0.03)
    shade = mix(sand, (0.72, 0.38, 0.24), 0.55)
    far = ridge(rng, aspect, 0.56, 0.025, 0.8)
    back = [land(far, (0.90, 0.66, 0.46), (0.12, 0.3), "far")]
    for x, top, base, half, near in (
        (aspect * rng.uniform(0.05, 0.35), 0.44, 0.72, 0.60, (0.2, 0.5)),
        (aspect * rng.uniform(0.65, 0.95), 0.50, 0.78, 0.62, (0.28, 0.55)),
    ):
        back += dune(x, top + rng.uniform(-0.02, 0.03), base, half, mix(sand, (1.0, 0.90, 0.66), 0.25), shade, near, setting.light_x)
    ground = ridge(rng, aspect, 0.69, 0.025, 0.5)
    back.append(land(ground, sand, (0.42, 0.95)))
    back += [ripple(aspect, y, shade, near) for y, near in ((0.79, 0.58), (0.88, 0.75))]
    x = setting.aside(rng.random())
    back += cactus(x, height_at(ground, x) + 0.05, rng.uniform(0.16, 0.22), 0.46)
    return PlaceLayout(back=back, front=[], ground=ground, near=(0.42, 0.95), drop=(0.10, 0.18))


def snowfield(rng: np.random.Generator, setting: PlaceContext) -> PlaceLayout:
    """Draw white drifts and a few firs."""
    aspect = setting.aspect
    far, second = ridge(rng, aspect, 0.52, 0.05, 0.9), ridge(rng, aspect, 0.60, 0.035, 0.6)
    ground, close = ridge(rng, aspect, 0.69, 0.02, 0.5), ridge(rng, aspect, 0.88, 0.025, 0.5)
    back = [
        land(far, (0.72, 0.82, 0.94), (0.14, 0.3), "far"),
        land(second, (0.84, 0.90, 0.98), (0.28, 0.5)),
    ]
    for share in sorted(rng.uniform(0.0, 1.0, 4).tolist()):
        x, size = setting.aside(share), rng.uniform(0.13, 0.22)
        y = height_at(ground, x) + 0.015
        back += snowy_fir(x, y, size, 0.4, setting.sway(x, 0.003))
    back += [
        land(ground, SNOW, (0.42, 0.95)),
        land(close, (0.82, 0.89, 0.98), (0.7, 1.0)),
        land(moved(close, 0.0, 0.035), SNOW, (0.7, 1.0)),
    ]
    return PlaceLayout(back=back, front=[], ground=ground, near=(0.42, 0.95), drop=(0.09, 0.17))


def village(rng: np.random.Generator, setting: PlaceContext) -> PlaceLayout:
    """Draw bright houses and a church."""
    aspect = setting.aspect
    hill, street = ridge(rng, aspect, 0.50, 0.04, 0.7), ridge(rng, aspect, 0.655, 0.01, 0.7)
    back = [land(hill, (0.46, 0.68, 0.50), (0.14, 0.4), "far")]
    walls: tuple[Color, ...] = ((0.98, 0.92, 0.80), (0.96, 0.82, 0.66), (0.90, 0.90, 0.94), (0.98, 0.86, 0.58))
    roofs: tuple[Color, ...] = ((0.80, 0.34, 0.26), (0.70, 0.28, 0.30), (0.88, 0.48, 0.28), (0.36, 0.44, 0.62))
    xs = np.arange(0.0, aspect + 0.1, 0.205) + rng.uniform(-0.04, 0.04)
    for index, x in enumerate(xs.tolist()):
        size = 0.175 + 0.05 * rng.random()
        y = height_at(street, x) + 0.015
        back += house(x, y, size, walls[rng.integers(4)], roofs[rng.integers(4)], 0.36, setting.lit)
        if index == len(xs) // 2:
            back[-4:-4] = steeple(x + 0.10, y, 0.40, 0.34)
    ground = moved(street, 0.0, 0.012)
    back += [
        land(ground, varied(rng, GRASS), (0.40, 0.95)),
        land(ridge(rng, aspect, 0.84, 0.02, 0.5), varied(rng, (0.42, 0.68, 0.34)), (0.62, 0.98)),
    ]
    front: list[Shape] = []
    x = setting.aside(rng.random())
    back += round_tree(x, 0.74, 0.2, LEAF, 0.46, setting.sway(x, 0.006))
    return PlaceLayout(back=back, front=front, ground=ground, near=(0.40, 0.95), drop=(0.12, 0.2))


PLACES: dict[Place, Callable[[np.random.Generator, PlaceContext], PlaceLayout]] = {
    "meadow": meadow, "hills": hills, "valley": valley, "mountains": mountains, "sea": sea, "lake": lake, "forest": forest,
    "desert": desert, "snowfield": snowfield, "village": village,
}  # fmt: skip
SKYLINE: dict[Place, float] = {
    "meadow": 0.54, "hills": 0.38, "valley": 0.28, "mountains": 0.16, "sea": 0.52, "lake": 0.36, "forest": 0.24, "desert": 0.42,
    "snowfield": 0.46, "village": 0.42,
}  # fmt: skip
"""Above this height nothing of a place hides the sky."""
HORIZON: dict[Place, float] = {
    "meadow": 0.60, "hills": 0.52, "valley": 0.56, "mountains": 0.50, "sea": 0.52, "lake": 0.48, "forest": 0.60, "desert": 0.56,
    "snowfield": 0.54, "village": 0.54,
}  # fmt: skip
"""Where the sky's gradient ends."""
