"""Whole figures, small in a landscape."""

import numpy as np

from sakuga.sketchbook.building_parts import inlay, line, part, pick
from sakuga.sketchbook.display_list import Color, Shape
from sakuga.sketchbook.outlines import arc, box, ellipse, parse_color, polygon, ribbon, smooth, toned

HAIR = (parse_color("322c3c"), parse_color("7d4a2c"), parse_color("f0c65c"), parse_color("cf4b24"), parse_color("e9e8ee"))
CLOTHES = (
    parse_color("d93b3e"),
    parse_color("f2872e"),
    parse_color("f8cf3c"),
    parse_color("459a52"),
    parse_color("3b6fcb"),
    parse_color("8751b8"),
    parse_color("f4efe6"),
)
SKIN = (parse_color("fce1ca"), parse_color("f4c8a2"), parse_color("cf9463"), parse_color("a6704a"))
LEATHER = parse_color("4f3a38")


def _legs(stride: float, color: Color) -> list[Shape]:
    """Draw two legs with shoes, `stride` apart."""
    shapes = []
    for side in (-1, 1):
        foot = side * (0.06 + stride)
        shapes.append(part(ribbon(np.array(((side * 0.055, -0.38), (foot, -0.03))), (0.1, 0.085)), color, "cloth"))
        shapes.append(part(ellipse(foot + 0.02, -0.025, 0.065, 0.035, 10), LEATHER, "cloth"))
    return shapes


def _umbrella(color: Color) -> list[Shape]:
    """Draw an open umbrella above the head."""
    rim = [arc(x, -0.84, 0.11, 0.05, 0, -180, 5) for x in (0.36, 0.14, -0.08)]
    dome = np.concatenate([arc(0.14, -0.84, 0.33, 0.3, 180, 360, 12), *rim])
    return [
        line(polygon((0.14, -1.16), (0.14, -0.42)), LEATHER, 0.025, "detail"),
        part(dome, color, "cloth"),
        inlay(polygon((0.14, -1.14), (0.03, -0.86), (0.25, -0.86)), toned(color, "lit"), "cloth"),
    ]


def draw_figure(rng: np.random.Generator, t: float) -> list[Shape]:
    """Draw a standing or walking person.

    The feet are at (0, 0), the height is one unit, y up is negative; the same state of `rng` gives the same person at any `t`.
    """
    dressed, walking, long_hair = rng.random(3) < (0.5, 0.5, 0.5)
    hair, cloth, skin, other = pick(rng, HAIR), pick(rng, CLOTHES), pick(rng, SKIN), pick(rng, CLOTHES)
    topping, phase = rng.random(), 6.283 * rng.random()
    swing = float(np.sin(5.0 * t + phase)) if walking else 0.15 * float(np.sin(1.5 * t + phase))
    breeze = 0.03 * float(np.sin(2.2 * t + phase))
    hem = 0.24 if dressed else 0.17
    foot = -0.17 if dressed else -0.26
    coat = smooth(
        (-hem + breeze, foot),
        (-0.14, -0.44),
        (-0.12, -0.66),
        (0, -0.72),
        (0.12, -0.66),
        (0.14, -0.44),
        (hem + breeze, foot),
        (breeze, foot + 0.03),
        each=3,
    )
    shade = smooth((0.04, -0.68), (0.12, -0.66), (0.14, -0.44), (hem + breeze, foot), (0.3 * hem + breeze, foot + 0.02), each=3)
    arms = [
        ribbon(np.array(((side * 0.11, -0.63), (side * 0.2, -0.5), (side * (0.2 + 0.06 * side * swing), -0.36))), (0.085, 0.08, 0.07))
        for side in (-1, 1)
    ]
    raised = ribbon(np.array(((0.11, -0.63), (0.2, -0.52), (0.15, -0.6))), (0.085, 0.08, 0.07))
    sheltered = topping < 0.22
    shapes = [
        *(_umbrella(other) if sheltered else ()),
        part(arms[0], toned(cloth, "shade"), "cloth"),
        *_legs(0.07 * swing if walking else 0.0, toned(other, "deep") if not dressed else toned(skin, "shade")),
    ]
    if long_hair:
        fall = smooth(
            (-0.12, -0.9),
            (0, -1.0),
            (0.12, -0.9),
            (0.15 + breeze, -0.66),
            (0.12 + 2 * breeze, -0.5),
            (-0.12 + 2 * breeze, -0.5),
            (-0.15 + breeze, -0.66),
            each=3,
        )
        shapes.append(part(fall, toned(hair, "shade"), "hair"))
    shapes += [
        part(coat, cloth, "cloth"),
        inlay(shade, toned(cloth, "shade"), "cloth"),
        part(raised if sheltered else arms[1], toned(cloth, "shade"), "cloth"),
        part(ellipse(0, -0.84, 0.125, 0.135, 14), skin, "skin"),
        part(np.concatenate([arc(0, -0.86, 0.14, 0.14, 170, 370, 12), ((0.08, -0.87), (-0.06, -0.91))]), hair, "hair"),
        inlay(ellipse(-0.04, -0.82, 0.018, 0.026, 8), parse_color("3c2630"), "detail"),
        inlay(ellipse(0.06, -0.82, 0.018, 0.026, 8), parse_color("3c2630"), "detail"),
    ]
    if topping > 0.7:
        felt = parse_color("efcf7c") if topping > 0.85 else toned(other, "shade")
        dome = np.concatenate([arc(0, -0.93, 0.125, 0.12, 180, 360, 9), ((0.0, -0.9),)])
        shapes += [
            part(dome, felt, "cloth"),
            part(ellipse(0, -0.92, 0.22, 0.04, 14), felt, "cloth"),
            inlay(box(-0.125, -0.97, 0.125, -0.935), cloth, "cloth"),
        ]
    return shapes
