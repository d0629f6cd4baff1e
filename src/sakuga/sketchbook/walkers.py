"""People seen whole, walking through a landscape."""

import numpy as np

from sakuga.sketchbook.building_parts import inlay, line, part, pick
from sakuga.sketchbook.display_list import Color, Shape
from sakuga.sketchbook.hair import HAIR
from sakuga.sketchbook.labels import Portrait
from sakuga.sketchbook.outlines import arc, ellipse, parse_color, polygon, ribbon, smooth, toned
from sakuga.sketchbook.people import DRESS, SKIN

TROUSERS = (parse_color("3d4a6b"), parse_color("5b4636"), parse_color("4b4b55"), parse_color("6b6a4a"))
SHOES = (parse_color("6b3d2c"), parse_color("3a3340"), parse_color("a33f3a"))
EYE = parse_color("3c2630")
STRIDE = 0.15
"""How far a foot swings before and behind the hip, in heights."""


def step_phase(distance: float) -> float:
    """Return the phase of the legs after a distance in heights, so that standing feet do not slide."""
    return distance / (4 * STRIDE) * 2 * np.pi


def draw_walker(person: Portrait, rng: np.random.Generator, phase: float, t: float) -> list[Shape]:
    """Draw a person who walks to the right.

    The feet are at (0, 0), the height is one unit; `phase` is that of the legs, in radians.
    """
    young, skirted = person.person in ("girl", "boy"), person.person in ("girl", "woman")
    skin, trousers, shoes = pick(rng, SKIN), pick(rng, TROUSERS), pick(rng, SHOES)
    cloth, hair = DRESS[person.dress], HAIR[person.hair]
    head, hip = (0.165, -0.36) if young else (0.135, -0.43)
    middle = -1.0 + 1.12 * head
    shoulder = middle + 0.92 * head
    swing, breeze = float(np.sin(phase)), 0.02 * float(np.sin(2.2 * t))
    leg = toned(skin, "shade") if skirted else trousers
    return [
        *_arm(-swing, shoulder, toned(cloth, "deep"), toned(skin, "shade")),
        *_leg(phase + np.pi, hip, toned(leg, "shade"), toned(shoes, "shade")),
        *_leg(phase, hip, leg, shoes),
        *_fall(person, hair, head, middle, breeze - 0.02 * abs(swing)),
        *(_dress(cloth, shoulder, hip, swing, breeze) if skirted else _coat(cloth, shoulder, hip)),
        *_arm(swing, shoulder, toned(cloth, "shade"), skin),
        *_head(hair, skin, head, middle),
    ]


def _leg(phase: float, hip: float, color: Color, shoe: Color) -> list[Shape]:
    foot, lift = STRIDE * float(np.sin(phase)), 0.07 * max(0.0, float(np.cos(phase)))
    knee = (0.55 * foot + 0.05 + 0.5 * lift, 0.52 * hip - 0.3 * lift)
    spine = smooth((0.0, hip), knee, (foot, -0.05 - lift), closed=False)
    return [
        part(ribbon(spine, (0.12, 0.09, 0.075)), color, "cloth"),
        part(ellipse(foot + 0.03, -0.03 - lift, 0.075, 0.036, 10), shoe, "cloth"),
    ]


def _arm(swing: float, shoulder: float, sleeve: Color, skin: Color) -> list[Shape]:
    hand = (0.02 - 0.15 * swing, shoulder + 0.27)
    spine = smooth((0.0, shoulder + 0.05), (-0.05 * swing - 0.02, shoulder + 0.17), hand, closed=False)
    return [part(ribbon(spine, (0.085, 0.08, 0.065)), sleeve, "cloth"), inlay(ellipse(*hand, 0.036, 0.036, 9), skin, "skin")]


def _dress(cloth: Color, shoulder: float, hip: float, swing: float, breeze: float) -> list[Shape]:
    hem, wide = 0.42 * hip, 0.18 + 0.03 * abs(swing)
    back, front = -wide + breeze, wide + breeze
    outline = smooth((0.0, shoulder - 0.03), (0.1, shoulder + 0.05), (0.1, hip - 0.05), (front, hem), (0.0, hem + 0.02), (back, hem),
                     (-0.1, hip - 0.05), (-0.1, shoulder + 0.05), each=3)  # fmt: skip
    shade = polygon((-0.09, shoulder + 0.06), (-0.02, shoulder + 0.06), (0.2 * back, hem), (back, hem), (-0.1, hip - 0.05))
    belt = line(polygon((-0.1, hip - 0.06), (0.1, hip - 0.06)), toned(cloth, "deep"), 0.03, "cloth")
    return [part(outline, cloth, "cloth"), inlay(shade, toned(cloth, "shade"), "cloth"), belt]


def _coat(cloth: Color, shoulder: float, hip: float) -> list[Shape]:
    hem = hip + 0.08
    outline = smooth((0.0, shoulder - 0.03), (0.115, shoulder + 0.05), (0.12, hem), (0.0, hem + 0.01), (-0.12, hem),
                     (-0.115, shoulder + 0.05), each=3)  # fmt: skip
    shade = polygon((-0.1, shoulder + 0.06), (-0.02, shoulder + 0.04), (-0.03, hem), (-0.12, hem))
    return [part(outline, cloth, "cloth"), inlay(shade, toned(cloth, "shade"), "cloth")]


def _fall(person: Portrait, hair: Color, head: float, middle: float, sway: float) -> list[Shape]:
    """Draw the hair behind the back."""
    if person.hair_length == "short":
        return []
    low = middle + (3.1 if person.person in ("girl", "woman") else 1.9) * head
    back, nape = -1.15 * head + sway, (0.1 * head, middle + 0.6 * head)
    fall = smooth((0.02, middle - head), (-head, middle - 0.4 * head), (back, middle + head), (-0.9 * head + 2 * sway, low),
                  (-0.2 * head + 2 * sway, low - 0.03), nape, each=3)  # fmt: skip
    return [part(fall, toned(hair, "shade"), "hair")]


def _head(hair: Color, skin: Color, head: float, middle: float) -> list[Shape]:
    face = ellipse(0.02, middle, 0.93 * head, head, 16)
    cap = np.concatenate([
        arc(0.0, middle - 0.06 * head, 1.04 * head, 1.05 * head, 130, 318, 14),
        ((0.55 * head, middle - 0.42 * head), (0.05 * head, middle - 0.3 * head), (-0.22 * head, middle + 0.3 * head)),
    ])  # fmt: skip
    eye = ellipse(0.5 * head, middle + 0.08 * head, 0.11 * head, 0.17 * head, 10)
    mouth = line(arc(0.6 * head, middle + 0.38 * head, 0.22 * head, 0.2 * head, 20, 130, 6), EYE, 0.014, "detail")
    cheek = inlay(ellipse(0.3 * head, middle + 0.42 * head, 0.17 * head, 0.12 * head, 10), parse_color("f0907c"), "skin", 0.6)
    return [part(face, skin, "skin"), cheek, inlay(eye, EYE, "detail"), mouth, part(cap, hair, "hair")]
