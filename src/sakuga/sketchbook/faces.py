"""Faces in head units.

The middle of the head is (0, 0), its half height 1, y down.
"""

from dataclasses import dataclass

import numpy as np

from sakuga.sketchbook.building_parts import inlay, line, part
from sakuga.sketchbook.display_list import Color, Shape
from sakuga.sketchbook.labels import Expression, Person, Portrait
from sakuga.sketchbook.outlines import arc, ellipse, mix_colors, parse_color, polygon, smooth, symmetric

DARK = parse_color("3c2630")
LIPS = parse_color("b8323f")
LIP_LINE = parse_color("6d1d2e")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mood:
    """Eyes and brows of an expression."""

    eye: float
    """Height of the eye as a share of the calm one."""
    brow: float
    """How far the brows are raised."""
    slant: float
    """How far their inner ends are raised above the outer ones."""
    blush: float


MOODS: dict[Expression, _Mood] = {
    "smiling": _Mood(eye=0.94, brow=0.05, slant=-0.02, blush=0.5),
    "sad": _Mood(eye=0.8, brow=0.03, slant=0.16, blush=0.2),
    "surprised": _Mood(eye=1.28, brow=0.2, slant=0.0, blush=0.3),
    "calm": _Mood(eye=0.9, brow=0.0, slant=0.0, blush=0.3),
}


def in_shade(skin: Color) -> Color:
    """Return the warm shade of a skin color."""
    return mix_colors(skin, parse_color("96404a"), 0.3)


def head_outline(person: Person, skin: Color) -> list[Shape]:
    """Draw ears and head, shaded on the right."""
    wide, jaw, chin = {"girl": (0.92, 0.62, 0.98), "boy": (0.92, 0.66, 0.98), "woman": (0.86, 0.56, 1.04), "man": (0.86, 0.68, 1.06)}[
        person
    ]
    side = ((0.74, -0.78), (wide, -0.1), (0.92 * wide, 0.4), (jaw, 0.8), (0.26, chin))
    outline = symmetric((0.25, -1.02), *side)
    shade = smooth((0.74, -0.5), (wide, -0.1), (0.92 * wide, 0.4), (jaw, 0.8), (0.26, chin), (0.58, 0.55), (0.74, 0.1), each=5)
    ears = [part(ellipse(x * wide, 0.14, 0.14, 0.2, 12), in_shade(skin) if x > 0 else skin, "skin") for x in (-1, 1)]
    return [*ears, part(outline, skin, "skin"), inlay(shade, in_shade(skin), "skin", 0.55)]


def _eye(x: float, mood: _Mood, iris: Color, gaze: float, down: float) -> list[Shape]:
    """Draw one large eye at (x, 0.1)."""
    height = 0.225 * mood.eye
    lid = arc(x, 0.1, 0.2, height + 0.01, 195, 345, 9)
    return [
        inlay(ellipse(x, 0.1, 0.185, height, 16), parse_color("fffdf8"), "detail"),
        inlay(ellipse(x + gaze, 0.12 + down, 0.125, min(0.175, 0.9 * height), 14), iris, "detail"),
        inlay(ellipse(x + gaze, 0.12 + down, 0.07, min(0.11, 0.6 * height), 12), DARK, "detail"),
        inlay(ellipse(x + gaze - 0.045, 0.05 + down, 0.048, 0.052, 8), parse_color("ffffff"), "detail"),
        line(lid, DARK, 0.075, "detail"),
    ]


def _mouth(expression: Expression, turn: float) -> list[Shape]:
    """Draw the mouth of an expression."""
    match expression:
        case "smiling":
            grin = np.concatenate(
                [arc(turn, 0.5, 0.36, 0.32, 0, 180, 12), smooth((turn - 0.36, 0.5), (turn, 0.56), (turn + 0.36, 0.5), closed=False)[1:-1]]
            )
            teeth = np.concatenate([((turn - 0.28, 0.55), (turn, 0.575), (turn + 0.28, 0.55)), ((turn + 0.22, 0.63), (turn - 0.22, 0.63))])
            tongue = np.concatenate([arc(turn, 0.76, 0.19, 0.075, 180, 360, 8), arc(turn, 0.73, 0.19, 0.085, 0, 180, 8)])
            return [
                inlay(grin, LIPS, "detail"),
                inlay(teeth, parse_color("ffffff"), "detail"),
                inlay(tongue, parse_color("ee8585"), "detail"),
            ]
        case "sad":
            return [line(arc(turn, 0.78, 0.27, 0.19, 200, 340, 10), LIP_LINE, 0.08, "detail")]
        case "surprised":
            return [inlay(ellipse(turn, 0.66, 0.15, 0.2, 16), LIPS, "detail"), inlay(ellipse(turn, 0.69, 0.09, 0.12, 12), DARK, "detail")]
        case "calm":
            return [line(arc(turn, 0.52, 0.17, 0.1, 25, 155, 8), LIP_LINE, 0.07, "detail")]


def draw_brows(portrait: Portrait, hair: Color, turn: float) -> list[Shape]:
    """Draw the brows, in front of the fringe."""
    mood = MOODS[portrait.expression]
    level, thick = -0.29 - mood.brow, 0.1 if portrait.person in ("boy", "man") else 0.08
    brows = []
    for side in (-1, 1):
        x = side * 0.4 + turn
        inner, outer = (x - side * 0.17, level + 0.02 - mood.slant), (x + side * 0.2, level + 0.04 + mood.slant)
        brows.append(
            line(smooth(inner, (x + side * 0.02, level - 0.05), outer, each=3, closed=False), mix_colors(DARK, hair, 0.3), thick, "detail")
        )
    return brows


def draw_face(portrait: Portrait, skin: Color, iris: Color, turn: float, blink: bool) -> list[Shape]:
    """Draw cheeks, eyes, nose and mouth.

    `turn` (about -0.15 to 0.15) moves them sideways as the head turns.
    """
    mood = MOODS[portrait.expression]
    blush = mix_colors(skin, parse_color("f0505a"), mood.blush)
    shapes = [inlay(ellipse(side * 0.56 + turn, 0.46, 0.17, 0.11, 14), blush, "skin", 0.85) for side in (-1, 1)]
    for x in (turn - 0.4, turn + 0.4):
        if blink:
            shapes.append(line(arc(x, 0.06, 0.2, 0.1, 15, 165, 8), DARK, 0.075, "detail"))
        else:
            shapes += _eye(x, mood, iris, 0.3 * turn, 0.05 if portrait.expression == "sad" else 0.0)
    nose = smooth((turn * 1.5 + 0.01, 0.27), (turn * 1.5 + 0.06, 0.37), (turn * 1.5 - 0.04, 0.39), each=3, closed=False)
    shapes.append(line(nose, in_shade(skin), 0.05, "detail"))
    if portrait.expression == "sad":
        tear = polygon((0.52 + turn, 0.34), (0.6 + turn, 0.54), (0.52 + turn, 0.62), (0.44 + turn, 0.54))
        shapes.append(inlay(tear, parse_color("8fd0f2"), "detail"))
    return [*shapes, *_mouth(portrait.expression, turn)]
