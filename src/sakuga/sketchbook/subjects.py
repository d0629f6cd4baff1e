"""Draw any subject of the world, by its name."""

from collections.abc import Callable

import numpy as np

from sakuga.sketchbook import dragons, dwellings, landmarks, living, vessels
from sakuga.sketchbook.labels import Subject
from sakuga.sketchbook.shapes import Shape

_DRAW: dict[Subject, Callable[[np.random.Generator, float, bool], list[Shape]]] = {
    "cottage": dwellings.cottage,
    "cabin": dwellings.cabin,
    "houses": dwellings.houses,
    "castle": landmarks.castle,
    "tower": landmarks.tower,
    "lighthouse": landmarks.lighthouse,
    "windmill": landmarks.windmill,
    "bridge": landmarks.bridge,
    "tree": living.tree,
    "boat": vessels.boat,
    "dragon": dragons.dragon,
    "balloon": vessels.balloon,
    "whale": living.whale,
}


def draw_subject(subject: Subject, rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw a subject as it is `t` seconds into its scene.

    Its foot is at (0, 0), y up is negative, and it is about one unit high and centred in x (a bridge is two wide). Its colours are
    those of daylight; at night its windows shine. All chance is drawn from `rng` before `t` matters, so the same state with another
    `t` gives the same object, moved. The subject "none" has no drawing: asking for it raises a KeyError.
    """
    return _DRAW[subject](rng, t, night)
