"""Hair and beards in head units.

The middle of the head is (0, 0), its half height 1, y down.
"""

from dataclasses import dataclass

import numpy as np

from sakuga.sketchbook.building_parts import inlay, part
from sakuga.sketchbook.display_list import Color, Points, Shape
from sakuga.sketchbook.labels import HairColor, Person, Portrait
from sakuga.sketchbook.outlines import arc, ellipse, parse_color, polygon, ribbon, smooth, symmetric, toned

HAIR: dict[HairColor, Color] = {
    "black": parse_color("322c3c"),
    "brown": parse_color("7d4a2c"),
    "blond": parse_color("f2cb62"),
    "red": parse_color("cf4b24"),
    "white": parse_color("eeeef4"),
    "blue": parse_color("4a7cd6"),
    "green": parse_color("45a557"),
}


_CROWN = ((-1.04, -0.3), (-0.82, -0.92), (0.0, -1.24), (0.82, -0.92), (1.04, -0.3))
_SWEPT_FRINGE = ((0.76, -0.3), (0.42, -0.36), (0.12, -0.5), (-0.16, -0.36), (-0.46, -0.5), (-0.76, -0.34))
_CURTAINS = ((0.66, -0.22), (0.3, -0.5), (0.0, -0.84), (-0.3, -0.5), (-0.66, -0.22))
_SIDE_PARTING = ((0.78, -0.1), (0.4, -0.34), (-0.1, -0.5), (-0.42, -0.82), (-0.66, -0.4), (-0.84, 0.1))
_COMBED_BACK = ((0.84, 0.2), (0.62, -0.36), (0.2, -0.66), (-0.2, -0.66), (-0.62, -0.36), (-0.84, 0.2))
_SIDE_SWEEP = ((0.8, 0.1), (0.74, -0.42), (0.3, -0.52), (-0.3, -0.72), (-0.7, -0.48), (-0.8, 0.1))
_HIGH_BROW = ((0.8, 0.1), (0.7, -0.56), (0.2, -0.74), (-0.2, -0.74), (-0.7, -0.56), (-0.8, 0.1))
_TUFTS = (
    *((-1.0, 0.1), (-1.12, -0.46), (-0.98, -0.56), (-1.02, -0.98), (-0.7, -0.98), (-0.5, -1.3), (-0.16, -1.14), (0.2, -1.36)),
    *((0.42, -1.1), (0.82, -1.12), (0.86, -0.76), (1.14, -0.5), (1.0, 0.1), (0.82, 0.0)),
    *((0.74, -0.5), (0.5, -0.34), (0.3, -0.6), (0.04, -0.36), (-0.2, -0.6), (-0.46, -0.36), (-0.7, -0.52), (-0.82, 0.0)),
)
CAPS: dict[Person, tuple[Points, ...]] = {
    "girl": (
        smooth(*_CROWN, (1.0, 0.3), (0.84, 0.2), *_SWEPT_FRINGE, (-0.84, 0.2), (-1.0, 0.3), each=5),
        smooth(*_CROWN, (1.0, 0.35), (0.86, 0.2), *_CURTAINS, (-0.86, 0.2), (-1.0, 0.35), each=5),
    ),
    "boy": (polygon(*_TUFTS),),
    "woman": (
        smooth(*_CROWN, (0.98, 0.4), (0.86, 0.3), *_SIDE_PARTING, (-0.98, 0.4), each=5),
        smooth(*_CROWN, (0.98, 0.4), *_COMBED_BACK, (-0.98, 0.4), each=5),
    ),
    "man": (
        smooth(*_CROWN, (0.92, 0.12), *_SIDE_SWEEP, (-0.92, 0.12), each=5),
        smooth(*_CROWN, (0.92, 0.12), *_HIGH_BROW, (-0.92, 0.12), each=5),
    ),
}
"""The hair above the brow, for each person in one or two fashions: crown, then hairline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitDetails:
    """Random details of a portrait beyond its labels."""

    skin: Color
    style: int
    trimming: Color
    hat: bool
    glasses: bool
    bearded: int


def _swayed(points: Points, sway: float) -> Points:
    """Swing hair sideways, more further down."""
    swung = points.copy()
    hang = np.maximum(points[:, 1] + 0.2, 0.0)
    swung[:, 0] += sway * hang * np.sqrt(hang)
    return swung


def back_hair(portrait: Portrait, sitter: PortraitDetails, sway: float) -> list[Shape]:
    """Draw the hair behind the head.

    Down the back if long, to the chin or nape if short.
    """
    color = toned(HAIR[portrait.hair], "shade")
    female = portrait.person in ("girl", "woman")
    wave = 0.12 if sitter.style % 2 else 0.0
    side: tuple[tuple[float, float], ...]
    match portrait.hair_length, female:
        case "long", True:
            side = ((0.98, -0.4), (1.14, 0.3), (1.12 + wave, 0.9), (1.3 - wave, 1.5), (1.22 + wave, 1.95), (0.84, 2.45), (0.3, 2.45))
        case "long", False:
            side = ((0.98, -0.4), (1.14, 0.3), (1.12 + wave, 0.9), (1.16 - wave, 1.35), (0.84, 1.7), (0.3, 1.72))
        case _, True:
            side = ((1.0, -0.4), (1.14, 0.2), (1.16, 0.65), (0.98, 0.98), (0.6, 0.95), (0.3, 0.9))
        case _:
            side = ((0.9, -0.7), (1.0, -0.3), (0.97, 0.1), (0.9, 0.4), (0.7, 0.6), (0.3, 0.7))
    outline = symmetric((0.3, -1.06), *side)
    return [part(_swayed(outline, sway), color, "hair")]


def front_hair(portrait: Portrait, sitter: PortraitDetails) -> list[Shape]:
    """Draw the hair above the brow."""
    color = HAIR[portrait.hair]
    caps = CAPS["man" if portrait.person == "boy" and sitter.hat else portrait.person]
    cap = caps[sitter.style % len(caps)]
    sheen = ribbon(arc(0, -0.2, 0.76, 0.74, 200, 280, 8), (0.0, 0.13, 0.13, 0.0))
    return [part(cap, color, "hair"), inlay(sheen, toned(color, "lit"), "hair", 0.85)]


def locks(portrait: Portrait, sitter: PortraitDetails, sway: float) -> list[Shape]:
    """Draw loose locks or braids over the shoulders.

    Of girls and women with long hair.
    """
    if portrait.hair_length == "short" or portrait.person in ("boy", "man"):
        return []
    color = HAIR[portrait.hair]
    shapes = []
    for side in (-1, 1):
        if portrait.person == "girl" and sitter.style == 3:
            beads = [ellipse(side * (1.02 + 0.03 * k), 0.75 + 0.33 * k, 0.23, 0.23, 14) for k in range(4)]
            shapes += [part(_swayed(bead, sway), color, "hair") for bead in beads]
            shapes.append(part(_swayed(ellipse(side * 1.14, 2.0, 0.2, 0.13, 12), sway), sitter.trimming, "cloth"))
            continue
        spine = smooth(
            (side * 0.9, -0.1), (side * 1.06, 0.6), (side * (1.0 + 0.08 * (sitter.style % 2)), 1.3), (side * 0.92, 2.1), closed=False
        )
        shapes.append(part(_swayed(ribbon(spine, (0.16, 0.36, 0.44, 0.34, 0.04)), sway), color, "hair"))
    return shapes


def draw_beard(portrait: Portrait, sitter: PortraitDetails, turn: float) -> list[Shape]:
    """Draw the beard or moustache of some men.

    The mouth is painted over it, so that the expression stays visible.
    """
    if portrait.person != "man" or sitter.bearded > 1:
        return []
    color = HAIR[portrait.hair]
    half = smooth((0.0, 0.42), (0.2, 0.36), (0.5, 0.54), (0.24, 0.52), (0.0, 0.5), each=3)
    moustache = [inlay(half * (side, 1.0) + np.array((turn, 0.0)), color, "hair") for side in (-1.0, 1.0)]
    if sitter.bearded == 1:
        return moustache
    jaw = ((0.86, 0.1), (0.84, 0.58), (0.52, 1.04), (0, 1.24), (-0.52, 1.04), (-0.84, 0.58), (-0.86, 0.1))
    lip = ((-0.7, 0.46), (-0.5, 0.66), (-0.36, 0.48), (0, 0.42), (0.36, 0.48), (0.5, 0.66), (0.7, 0.46))
    beard = smooth(*jaw, *((x + turn, y) for x, y in lip), each=3)
    return [part(beard, color, "hair"), inlay(ellipse(turn, 0.62, 0.33, 0.22, 16), sitter.skin, "skin")]
