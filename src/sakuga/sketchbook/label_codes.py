"""Labels as numbers, for classifiers and metrics."""

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from sakuga.sketchbook.caption_reading import Stated
from sakuga.sketchbook.labels import (
    DressColor,
    Expression,
    Extra,
    HairColor,
    HairLength,
    Labels,
    Look,
    Person,
    Place,
    Side,
    Subject,
    Time,
    Weather,
)

EXTRAS: tuple[str, ...] = get_args(Extra)
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "time": get_args(Time),
    "weather": get_args(Weather),
    "place": get_args(Place),
    "subject": get_args(Subject),
    "side": get_args(Side),
    "portrait": ("no", "yes"),
    "person": get_args(Person),
    "hair": get_args(HairColor),
    "hair_length": get_args(HairLength),
    "dress": get_args(DressColor),
    "expression": get_args(Expression),
    "look": get_args(Look),
    **{f"extra.{extra}": ("no", "yes") for extra in EXTRAS},
    "second": get_args(Subject),
    "walker": ("no", "yes"),
}
"""Every attribute with its values; an image's codes are the indices of its values, -1 for none."""

Codes = NDArray[np.int64]


def _encode(values: dict[str, str | None]) -> Codes:
    codes = [
        -1 if (value := values.get(name)) is None else possible.index(value)
        for name, possible in ATTRIBUTES.items()
    ]  # fmt: skip
    return np.array(codes, dtype=np.int64)


def label_codes(labels: Labels, look: Look = "flat") -> Codes:
    """Return an image's codes, (len(ATTRIBUTES),).

    A portrait has no subject; only subjects and people have a side, only portraits an expression.
    """
    person = labels.portrait or labels.walker
    values: dict[str, str | None] = {"time": labels.time, "weather": labels.weather, "place": labels.place, "look": look}
    values |= {f"extra.{extra}": "yes" if extra in labels.extras else "no" for extra in EXTRAS}
    values["portrait"] = "yes" if labels.portrait else "no"
    if not labels.portrait:
        values |= {"subject": labels.subject, "second": labels.second, "walker": "yes" if labels.walker else "no"}
    if person is not None:
        values |= {name: getattr(person, name) for name in ("person", "hair", "hair_length", "dress")}
    if labels.portrait:
        values["expression"] = labels.portrait.expression
    if person is not None or labels.subject != "none":
        values["side"] = labels.side
    return _encode(values)


def stated_codes(stated: Stated) -> Codes:
    """Return the codes that a text states.

    The others are -1; without a close-up it states a landscape.
    """
    names = ("time", "weather", "place", "subject", "side", "person", "hair", "hair_length", "dress", "expression", "look", "second")
    values: dict[str, str | None] = {name: getattr(stated, name) for name in names}
    if stated.walking:
        values["walker"] = "yes"
    values |= {f"extra.{extra}": "yes" for extra in stated.extras}
    return _encode({**values, "portrait": "yes" if stated.close_up else "no"})
