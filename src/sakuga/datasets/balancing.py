"""Bring portraits, figures and landscapes of a training set into a ratio: by repeats, which lose nothing, or by leaving some out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import floor, isfinite

import numpy as np

from sakuga.datasets.training_set import MOST_REPEATS, Composition, Example, SetError
from sakuga.text import counted

Ratio = Mapping[Composition, float]
"""How many of one composition for how many of another: {"portrait": 2, "landscape": 1}. 0 leaves a composition out."""
OFTEN = 10
"""A picture that is seen more often in one epoch is soon known by heart."""


def weights(examples: Sequence[Example]) -> dict[Composition, int]:
    """Count how often each composition is seen in one epoch, the commonest first; what nobody looked at is left out."""
    counts = Counter[Composition]()
    for example in examples:
        if example.composition and not example.held_out:
            counts[example.composition] += example.repeats
    return dict(counts.most_common())


def repeated(examples: Sequence[Example], ratio: Ratio, seed: int) -> tuple[Example, ...]:
    """Let pictures be seen again until the ratio holds exactly, each as often as any other of its composition, give or take one.

    The least repeats that lose no picture are taken; compositions that the ratio does not name, and what is held out, stay as they are.
    Where the ratio cannot be met in whole pictures it is met to the nearest one. Raises SetError.
    """
    places, kept = _places(examples, ratio)
    unit = max(len(found) / ratio[kind] for kind, found in places.items())
    rng = np.random.default_rng(seed)
    times: dict[int, int] = {}
    for kind, found in places.items():
        each, more = divmod(round(unit * ratio[kind]), len(found))
        often = set(rng.permutation(found)[:more].tolist())
        times |= {place: each + (place in often) for place in found}
    if max(times.values()) > MOST_REPEATS:
        raise SetError(f"the ratio wants pictures repeated {max(times.values())} times, and {MOST_REPEATS} is the most: bring more of them")
    return tuple(replace(example, repeats=times.get(place, example.repeats)) for place, example in enumerate(examples) if place in kept)


def selected(examples: Sequence[Example], ratio: Ratio, seed: int) -> tuple[Example, ...]:
    """Leave pictures out, by chance from the seed, until the ratio holds to the nearest picture; as many as possible stay.

    No picture that stays is repeated. Compositions that the ratio does not name, and what is held out, stay. Raises SetError.
    """
    places, kept = _places(examples, ratio)
    unit = min(len(found) / ratio[kind] for kind, found in places.items())
    rng = np.random.default_rng(seed)
    for kind, found in places.items():
        kept -= set(rng.permutation(found)[max(1, floor(unit * ratio[kind] + 1e-9)) :].tolist())
    named = {place for found in places.values() for place in found}
    return tuple(
        replace(example, repeats=1) if place in named else example for place, example in enumerate(examples) if place in kept
    )  # fmt: skip


def _places(examples: Sequence[Example], ratio: Ratio) -> tuple[dict[Composition, list[int]], set[int]]:
    """Find where the examples of each composition that is to be balanced stand, and which stay: all but those whose part is 0."""
    check_ratio(ratio)
    unknown = sum(example.composition is None for example in examples)
    if unknown:
        many = counted(unknown, "picture has", "pictures have")
        raise SetError(f"{many} no composition: write portrait, figure or landscape in their rows, as `composition`")
    found: dict[Composition, list[int]] = {kind: [] for kind, part in ratio.items() if part > 0}
    kept: set[int] = set()
    for place, example in enumerate(examples):
        if example.held_out or not example.composition or ratio.get(example.composition, 1) > 0:
            kept.add(place)
        if not example.held_out and example.composition in found:
            found[example.composition].append(place)
    if missing := [kind for kind, its in found.items() if not its]:
        raise SetError(f"the set has no {' and no '.join(missing)} to balance by: bring some, or leave it out of the ratio")
    return found, kept


def check_ratio(ratio: Ratio) -> None:
    """Refuse a ratio that nothing can be brought into; raises SetError."""
    if any(not isfinite(part) or part < 0 for part in ratio.values()):
        raise SetError(f"a ratio of {_said(ratio)} has a part below 0: write how many of each")
    if not any(ratio.values()):
        raise SetError("no composition is asked for: say a ratio, such as --portraits 2 --landscapes 1")


def _said(ratio: Ratio) -> str:
    return ", ".join(f"{part:g} {kind}s" for kind, part in ratio.items())
