"""Vessels: boats and hot-air balloons."""

import numpy as np

from sakuga.sketchbook.building_parts import TIMBER, flag, glowing, inlay, line, moved, part, pick
from sakuga.sketchbook.display_list import Points, Shape
from sakuga.sketchbook.outlines import arc, box, ellipse, parse_color, polygon, rotated, smooth, toned

HULLS = (parse_color("a4603c"), parse_color("c44a42"), parse_color("3d6d9a"), parse_color("f4ead8"), parse_color("3f8a80"))
SAILS = (parse_color("fffaf0"), parse_color("f7e3bd"), parse_color("e86a52"), parse_color("f4b950"), parse_color("f6f0ff"))
GORES = (
    (parse_color("e2504a"), parse_color("fff0d6")),
    (parse_color("f2a63c"), parse_color("fff3d8")),
    (parse_color("4583c4"), parse_color("ffe08a")),
    (parse_color("8a5cae"), parse_color("f6c9da")),
    (parse_color("3fa08c"), parse_color("ffe9b8")),
)


def _sailing(rng: np.random.Generator, t: float, phase: float) -> list[Shape]:
    """Draw a small yacht."""
    hull, main, jib, cloth = pick(rng, HULLS), pick(rng, SAILS), pick(rng, SAILS), pick(rng, HULLS)
    full = 0.03 * float(np.sin(1.3 * t + 6.283 * phase))
    return [
        line(polygon((0, -0.16), (0, -0.98)), TIMBER, 0.03),
        part(smooth((0.03, -0.94), (0.26 + full, -0.62), (0.46, -0.27), (0.24, -0.25), (0.03, -0.27), (0.07, -0.6), each=3), main, "cloth"),
        inlay(smooth((0.03, -0.5), (0.24, -0.38), (0.46, -0.27), (0.24, -0.25), (0.03, -0.27), each=3), toned(main, "shade"), "cloth"),
        part(smooth((-0.03, -0.86), (-0.16 - full, -0.54), (-0.42, -0.27), (-0.22, -0.25), (-0.04, -0.28), each=3), jib, "cloth"),
        part(polygon((-0.56, -0.24), (0.54, -0.22), (0.4, 0.02), (-0.38, 0.02)), hull),
        inlay(polygon((-0.5, -0.14), (0.48, -0.12), (0.4, 0.02), (-0.38, 0.02)), toned(hull, "shade")),
        *flag(0.0, -1.04, 0.15, t, phase, cloth),
    ]


def _rowing(rng: np.random.Generator, t: float, phase: float) -> list[Shape]:
    """Draw a rowing boat with a rower."""
    hull, coat = pick(rng, HULLS), pick(rng, (parse_color("d8504a"), parse_color("3f6fa8"), parse_color("e8b04a"), parse_color("5a8f5c")))
    pull = 14.0 * float(np.sin(2.2 * t + 6.283 * phase))
    oar = rotated(
        polygon((0.02, -0.4), (0.5, -0.02), (0.62, 0.0), (0.64, 0.07), (0.54, 0.09), (0.47, 0.02), (0.0, -0.37)), 0.5 * pull, (0.0, -0.4)
    )
    sitter = [
        part(smooth((-0.2, -0.22), (-0.15, -0.52), (0.0, -0.6), (0.13, -0.5), (0.16, -0.22), each=3), coat, "cloth"),
        part(ellipse(0.0, -0.7, 0.12, 0.13, 14), parse_color("f0c4a0"), "skin"),
        part(np.concatenate([arc(0.0, -0.77, 0.14, 0.15, 180, 360, 9), ((0.25, -0.75), (-0.25, -0.75))]), parse_color("ecc765"), "cloth"),
    ]
    leaned = moved(sitter, 0.0, 0.0, -0.7 * pull, (0.0, -0.2))
    return [
        *leaned,
        part(
            smooth(
                (-0.72, -0.36),
                (-0.34, -0.25),
                (0, -0.22),
                (0.34, -0.25),
                (0.72, -0.38),
                (0.55, -0.06),
                (0.34, 0.03),
                (-0.34, 0.03),
                (-0.55, -0.06),
                each=3,
            ),
            hull,
        ),
        inlay(polygon((-0.64, -0.18), (-0.25, -0.12), (0.25, -0.12), (0.64, -0.19), (0.47, 0.0), (-0.47, 0.0)), toned(hull, "shade")),
        part(oar, TIMBER),
    ]


def boat(rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw a rocking boat and its reflection."""
    sailing, phase = rng.random() < 0.68, rng.random()
    shapes = _sailing(rng, t, phase) if sailing else _rowing(rng, t, phase)
    rock = 6.0 * float(np.sin(1.8 * t + 6.283 * phase))
    heave = 0.035 * float(np.sin(2.3 * t + 6.283 * phase))
    half = 0.5 if sailing else 0.62
    dark = parse_color("24405e")
    bands = [(0.95, 0.02, 0.07), (0.75, 0.085, 0.12), (0.5, 0.14, 0.17)]
    ripple = 0.04 * float(np.sin(2.7 * t + phase))
    reflection = [
        inlay(box(-half * wide + (-1) ** k * ripple, y0, half * wide + (-1) ** k * ripple, y1), dark, "water", 0.3)
        for k, (wide, y0, y1) in enumerate(bands)
    ]
    lantern = [glowing(ellipse(0.44, -0.27, 0.05, 0.06, 10), parse_color("ffd878"))] if night else []
    return [*reflection, *moved((*shapes, *lantern), 0.0, heave, rock)]


def balloon(rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw a floating hot-air balloon.

    Its burner glows at night.
    """
    (first, second), phase = pick(rng, GORES), 6.283 * rng.random()
    belt = rng.random() < 0.4
    x, y = 0.08 * float(np.sin(0.8 * t + phase)), 0.08 * float(np.sin(1.1 * t + phase))

    def gore(width: float) -> Points:
        return smooth(
            (0, -1.0),
            (0.3 * width, -0.93),
            (0.42 * width, -0.68),
            (0.3 * width, -0.43),
            (0.1 * width, -0.25),
            (-0.1 * width, -0.25),
            (-0.3 * width, -0.43),
            (-0.42 * width, -0.68),
            (-0.3 * width, -0.93),
        )

    whole = gore(1.0)
    right = whole[:, 0] > 0
    shade = np.concatenate([whole[right], gore(0.55)[right][::-1]])
    shapes = [
        line(polygon((-0.07, -0.26), (-0.07, -0.12)), TIMBER, 0.018),
        line(polygon((0.07, -0.26), (0.07, -0.12)), TIMBER, 0.018),
        part(whole, first, "cloth"),
        inlay(gore(0.68), second, "cloth"),
        inlay(gore(0.3), first, "cloth"),
        *([inlay(box(-0.41, -0.66, 0.41, -0.57), toned(first, "deep"), "cloth")] if belt else ()),
        inlay(shade, parse_color("3f3068"), "cloth", 0.24),
        part(polygon((-0.11, -0.14), (0.11, -0.14), (0.085, 0.0), (-0.085, 0.0)), parse_color("b07c48")),
        inlay(box(-0.12, -0.15, 0.12, -0.11), toned(TIMBER, "deep")),
        *(
            [
                glowing(ellipse(0.0, -0.25, 0.06, 0.07, 12), parse_color("ffcf6a")),
                glowing(ellipse(0.0, -0.42, 0.26, 0.22), parse_color("ffb85a"), 0.3, 0.05),
            ]
            if night
            else ()
        ),
    ]
    return moved(shapes, x, y)
