"""Draw any subject by name."""

from collections.abc import Callable

import numpy as np

from sakuga.sketchbook import dragons, dwellings, landmarks, tree_and_whale, vessels
from sakuga.sketchbook.display_list import Shape
from sakuga.sketchbook.labels import Subject

_DRAW: dict[Subject, Callable[[np.random.Generator, float, bool], list[Shape]]] = {
    "cottage": dwellings.cottage,
    "cabin": dwellings.cabin,
    "houses": dwellings.houses,
    "castle": landmarks.castle,
    "tower": landmarks.tower,
    "lighthouse": landmarks.lighthouse,
    "windmill": landmarks.windmill,
    "bridge": landmarks.bridge,
    "tree": tree_and_whale.tree,
    "boat": vessels.boat,
    "dragon": dragons.dragon,
    "balloon": vessels.balloon,
    "whale": tree_and_whale.whale,
}


def draw_subject(subject: Subject, rng: np.random.Generator, t: float, night: bool) -> list[Shape]:
    """Draw a subject `t` seconds into its scene.

    Its foot is at (0, 0), y up is negative, and it is about one unit high and centred in x (a bridge is two wide). Its colors are
    those of daylight; at night its windows shine. All randomness is drawn from `rng` before `t` matters, so the same state with another
    `t` gives the same object, moved. Raises KeyError for the subject "none".
    """
    return _DRAW[subject](rng, t, night)
