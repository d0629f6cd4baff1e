"""People: whole figures and portraits."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sakuga.sketchbook.building_parts import inlay, line, part, pick
from sakuga.sketchbook.display_list import Color, Shape
from sakuga.sketchbook.faces import draw_brows, draw_face, head_outline, in_shade
from sakuga.sketchbook.figures import draw_figure
from sakuga.sketchbook.hair import HAIR, PortraitDetails, back_hair, draw_beard, front_hair, locks
from sakuga.sketchbook.labels import CHARACTER, HELD_OUT_HAIR, DressColor, Portrait
from sakuga.sketchbook.outlines import arc, ellipse, parse_color, polygon, rotation_matrix, smooth, star, symmetric, toned, transformed

__all__ = ["draw_figure", "draw_portrait"]

DRESS: dict[DressColor, Color] = {
    "red": parse_color("d93b3e"),
    "orange": parse_color("f2872e"),
    "yellow": parse_color("f8cf3c"),
    "green": parse_color("459a52"),
    "blue": parse_color("3b6fcb"),
    "purple": parse_color("8751b8"),
    "white": parse_color("f8f6f1"),
    "black": parse_color("37333f"),
}
SKIN = (parse_color("fce1ca"), parse_color("f8d2b0"), parse_color("eebb90"), parse_color("cf9463"), parse_color("a6704a"))
LINEN = parse_color("fbf6ea")
STRAW = parse_color("efcf7c")
HERSELF = PortraitDetails(skin=SKIN[1], style=1, trimming=parse_color("d9434a"), hat=False, glasses=False, bearded=0)
HER_EYES = parse_color("5a3826")
"""The held-out character's appearance beyond her labels."""
NECK = 1.1  # where the head turns, below its middle


def _clothes(portrait: Portrait, sitter: PortraitDetails) -> list[Shape]:
    """Draw neck, shoulders and collar."""
    color = DRESS[portrait.dress]
    white = LINEN if portrait.dress != "white" else parse_color("a9c3e0")
    broad = {"girl": 1.4, "boy": 1.45, "woman": 1.5, "man": 1.8}[portrait.person]
    neck = 0.3 if portrait.person in ("girl", "woman") else 0.4
    torso = symmetric((0.5, 1.34), (broad - 0.2, 1.66), (broad, 2.2), (broad + 0.15, 3.6))
    shade = smooth((0.62, 1.38), (broad - 0.19, 1.66), (broad + 0.01, 2.2), (broad + 0.16, 3.6), (0.85, 3.6), (0.95, 2.2), each=5)
    shapes = [part(torso, color, "cloth"), inlay(shade, toned(color, "shade"), "cloth")]
    throat = [part(polygon((-neck, 0.6), (neck, 0.6), (neck + 0.06, 1.46), (0, 1.62), (-neck - 0.06, 1.46)), in_shade(sitter.skin), "skin")]
    match portrait.person:
        case "girl":
            flap = smooth((0.02, 1.5), (0.36, 1.28), (0.76, 1.42), (0.72, 1.74), (0.34, 1.84), each=3)
            bow = [polygon((0, 1.62), (side * 0.3, 1.48), (side * 0.3, 1.8)) for side in (-1, 1)]
            collar = [
                part(flap, white, "cloth"),
                part(flap * (-1, 1), white, "cloth"),
                *(part(loop, sitter.trimming, "cloth") for loop in bow),
            ]
        case "boy":
            flap = polygon((0.0, 1.62), (0.36, 1.22), (0.74, 1.46), (0.36, 1.86))
            collar = [part(flap, toned(color, "lit"), "cloth"), part(flap * (-1, 1), toned(color, "lit"), "cloth")]
        case "woman":
            throat.append(
                part(smooth((-0.58, 1.3), (0, 1.2), (0.58, 1.3), (0.3, 1.72), (0, 1.98), (-0.3, 1.72), each=3), sitter.skin, "skin")
            )
            collar = [
                line(
                    smooth((-0.4, 1.32), (-0.22, 1.58), (0, 1.68), (0.22, 1.58), (0.4, 1.32), closed=False), sitter.trimming, 0.07, "detail"
                )
            ]
        case "man":
            lapel = polygon((0.0, 2.5), (0.3, 1.24), (0.66, 1.36), (0.72, 1.84))
            shirt = polygon((-0.36, 1.3), (0, 1.56), (0.36, 1.3), (0.3, 1.7), (0, 2.5), (-0.3, 1.7))
            collar = [
                part(shirt, white, "cloth"),
                part(lapel, toned(color, "deep"), "cloth"),
                part(lapel * (-1, 1), toned(color, "shade"), "cloth"),
            ]
    return [*shapes, *throat, *collar]


def _headwear(portrait: Portrait, sitter: PortraitDetails) -> list[Shape]:
    """Draw a hat, a ribbon or the held-out character's star."""
    if portrait.hair == HELD_OUT_HAIR:
        return [part(star(0.72, -0.66, 0.36), parse_color("e8303a"), "detail")]
    color = sitter.trimming
    if sitter.hat and portrait.person == "boy":
        dome = np.concatenate([arc(0, -0.56, 1.04, 0.84, 180, 360, 14), ((1.04, -0.5), (-1.04, -0.5))])
        return [
            part(dome, color, "cloth"),
            part(
                smooth((-1.06, -0.6), (0, -0.72), (1.06, -0.6), (1.2, -0.42), (0, -0.5), (-1.2, -0.42), each=3),
                toned(color, "shade"),
                "cloth",
            ),
        ]
    if sitter.hat:
        felt = STRAW if portrait.person != "man" else toned(color, "shade")
        dome = np.concatenate([arc(0, -0.78, 0.82, 0.78, 180, 360, 14), ((0.84, -0.6), (-0.84, -0.6))])
        band = smooth((-0.84, -0.86), (0, -0.78), (0.84, -0.86), (0.86, -0.62), (0, -0.54), (-0.86, -0.62), each=3)
        return [part(ellipse(0, -0.62, 1.62, 0.24, 24), felt, "cloth"), part(dome, felt, "cloth"), inlay(band, color, "cloth")]
    if portrait.person == "girl" and sitter.style % 2 == 0:
        loops = [
            smooth((0.62, -0.9), (0.62 + side * 0.3, -1.2), (0.62 + side * 0.46, -0.92), (0.62 + side * 0.3, -0.7), each=3)
            for side in (-1, 1)
        ]
        return [
            *(part(loop, color, "cloth") for loop in loops),
            part(ellipse(0.62, -0.92, 0.1, 0.12, 10), toned(color, "shade"), "cloth"),
        ]
    return []


def _glasses(turn: float) -> list[Shape]:
    """Draw two round lenses and a bridge."""
    rim = parse_color("4a3440")
    rings = [line(arc(side * 0.4 + turn, 0.1, 0.29, 0.29, 0, 360, 20), rim, 0.045, "detail") for side in (-1, 1)]
    return [*rings, line(polygon((-0.12 + turn, 0.06), (0.12 + turn, 0.06)), rim, 0.045, "detail")]


def _held(shapes: Sequence[Shape], tilt: float, size: float, centre: tuple[float, float], near: tuple[float, float]) -> list[Shape]:
    """Tilt shapes about the neck and place them.

    From head units into the image, by `tilt` degrees.
    """
    matrix = size * rotation_matrix(tilt)
    shift = np.array((centre[0], centre[1] + size * NECK)) - np.array((0.0, NECK)) @ matrix
    outlines = transformed([shape.points for shape in shapes], matrix, shift)
    # A new Shape by its constructor, because dataclasses.replace takes twice the time.
    return [
        Shape(
            points=points,
            color=shape.color,
            material=shape.material,
            near=near,
            alpha=shape.alpha,
            stroke=shape.stroke * size,
            ink=shape.ink,
        )
        for shape, points in zip(shapes, outlines, strict=True)
    ]


def draw_portrait(portrait: Portrait, rng: np.random.Generator, t: float, aspect: float) -> list[Shape]:
    """Draw a person close up, in image units.

    Chance from `rng` (skin, style, small accessories, where the head is) does not depend on `t`.
    """
    size = 0.215 + 0.03 * rng.random()
    centre = (aspect * (0.5 + 0.05 * (2 * rng.random() - 1)), 0.435 + 0.03 * rng.random())
    turn, phase = 0.13 * (2 * rng.random() - 1), 6.283 * rng.random()
    by_chance = PortraitDetails(
        skin=pick(rng, SKIN),
        style=int(rng.integers(4)),
        trimming=pick(
            rng, (parse_color("d9434a"), parse_color("4474c4"), parse_color("f0b63c"), parse_color("5aa06a"), parse_color("9a68b8"))
        ),
        hat=rng.random() < 0.14,
        glasses=rng.random() < 0.1,
        bearded=int(rng.integers(4)),
    )
    iris_by_chance = pick(
        rng, (parse_color("5a3826"), parse_color("3a6f9e"), parse_color("4a7d4c"), parse_color("3a2c30"), parse_color("7a5a94"))
    )
    known = replace(portrait, expression=CHARACTER.expression) == CHARACTER
    sitter, iris = (HERSELF, HER_EYES) if known else (by_chance, iris_by_chance)
    tilt, sway = 4.0 * float(np.sin(1.2 * t + phase)), 0.09 * float(np.sin(2.2 * t + phase))
    blink = abs((0.27 * t + 0.159 * phase) % 1.0 - 0.5) < 0.02
    head = [
        *locks(portrait, sitter, sway),
        *head_outline(portrait.person, sitter.skin),
        *draw_beard(portrait, sitter, turn),
        *draw_face(portrait, sitter.skin, iris, turn, blink),
        *(_glasses(turn) if sitter.glasses else ()),
        *front_hair(portrait, sitter),
        *draw_brows(portrait, HAIR[portrait.hair], turn),
        *_headwear(portrait, sitter),
    ]
    return [
        *_held(back_hair(portrait, sitter, sway), tilt, size, centre, (0.78, 0.78)),
        *_held(_clothes(portrait, sitter), 0.0, size, centre, (0.80, 0.88)),
        *_held(head, tilt, size, centre, (0.92, 0.94)),
    ]
