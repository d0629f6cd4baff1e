"""Caption fidelity by the label classifier."""

from collections.abc import Sequence

from sakuga.evaluation.metric import counted_share, to_numbers
from sakuga.sketchbook.label_codes import ATTRIBUTES, Codes

SCENE_ATTRIBUTES = ("time", "weather", "place", "subject", "portrait", "side")
"""The scored attributes of a caption."""
PORTRAIT_ATTRIBUTES = ("person", "hair", "hair_length", "dress", "expression")
"""The attributes of close-ups, about one image in five."""


def fidelity_figures(
    prefix: str, codes: Codes, stated: Codes, attributes: Sequence[str] = SCENE_ATTRIBUTES, ceiling: Codes | None = None
) -> dict[str, float]:
    """Return fidelity metrics under `prefix`.

    Those of the codes in `ceiling` are under "ceiling.".
    """
    figures: dict[str, float] = {}
    for name, (share, count) in fidelity(codes, stated, attributes).items():
        figures |= to_numbers(counted_share(f"{prefix}.{name}", share, count))
    if ceiling is not None:
        figures |= {f"ceiling.{prefix}.{name}": share for name, (share, _) in fidelity(ceiling, stated, attributes).items()}
    return figures


def fidelity(codes: Codes, stated: Codes, attributes: Sequence[str] = SCENE_ATTRIBUTES) -> dict[str, tuple[float, int]]:
    """Return the fidelity and its n by attribute.

    The share of images that show what their caption states, and the number of captions that state it.

    `codes` and `stated` are (n, attributes), -1 where nothing is stated; an attribute that no caption states is left out.
    """
    names = list(ATTRIBUTES)
    found: dict[str, tuple[float, int]] = {}
    for name in attributes:
        wanted, shown = stated[:, names.index(name)], codes[:, names.index(name)]
        known = wanted >= 0
        if known.any():
            found[name] = (float((wanted == shown)[known].mean()), int(known.sum()))
    return found
