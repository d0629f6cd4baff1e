"""Balance portraits, figures and landscapes, by repeats or by selection."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import floor, isfinite

import numpy as np

from sakuga.datasets.training_set import MAX_REPEATS, Composition, Example, SetError
from sakuga.text import counted

Ratio = Mapping[Composition, float]
"""Parts of each composition: {"portrait": 2, "landscape": 1}. 0 leaves a composition out."""
MANY_REPEATS = 10
"""Repeats per epoch above which an image is likely to be memorized."""


def epoch_counts(examples: Sequence[Example]) -> dict[Composition, int]:
    """Count training examples per epoch by composition.

    The most common composition comes first; held-out examples and those without a composition are not counted.
    """
    counts = Counter[Composition]()
    for example in examples:
        if example.composition and not example.held_out:
            counts[example.composition] += example.repeats
    return dict(counts.most_common())


def balance_by_repeats(examples: Sequence[Example], ratio: Ratio, seed: int) -> tuple[Example, ...]:
    """Repeat images until the ratio holds.

    Repeats within a composition differ by at most one.
    Uses the fewest repeats that lose no image; compositions that the ratio does not name, and held-out images, are unchanged.
    Where the ratio cannot be met exactly it is met to the nearest image. Raises SetError.
    """
    places, remaining = _places(examples, ratio)
    unit = max(len(found) / ratio[kind] for kind, found in places.items())
    rng = np.random.default_rng(seed)
    times: dict[int, int] = {}
    for kind, found in places.items():
        each, more = divmod(round(unit * ratio[kind]), len(found))
        often = set(rng.permutation(found)[:more].tolist())
        times |= {place: each + (place in often) for place in found}
    if max(times.values()) > MAX_REPEATS:
        raise SetError(f"this ratio needs {max(times.values())} repeats of an image, and {MAX_REPEATS} is the limit: add more such images")
    return tuple(
        replace(example, repeats=times.get(place, example.repeats)) for place, example in enumerate(examples) if place in remaining
    )


def balance_by_selection(examples: Sequence[Example], ratio: Ratio, seed: int) -> tuple[Example, ...]:
    """Drop random images until the ratio holds.

    It holds to the nearest image; the seed decides.
    As many as possible stay, none repeated. Compositions that the ratio does not name, and held-out images, stay. Raises SetError.
    """
    places, remaining = _places(examples, ratio)
    unit = min(len(found) / ratio[kind] for kind, found in places.items())
    rng = np.random.default_rng(seed)
    for kind, found in places.items():
        remaining -= set(rng.permutation(found)[max(1, floor(unit * ratio[kind] + 1e-9)) :].tolist())
    named = {place for found in places.values() for place in found}
    chosen = ((place, example) for place, example in enumerate(examples) if place in remaining)
    return tuple(replace(example, repeats=1) if place in named else example for place, example in chosen)


def _places(examples: Sequence[Example], ratio: Ratio) -> tuple[dict[Composition, list[int]], set[int]]:
    """Return the indices of each composition, and of all that stay."""
    check_ratio(ratio)
    unknown = sum(example.composition is None for example in examples)
    if unknown:
        many = counted(unknown, "image has", "images have")
        raise SetError(f"{many} no composition: write portrait, figure or landscape into their rows as `composition`")
    found: dict[Composition, list[int]] = {kind: [] for kind, part in ratio.items() if part > 0}
    remaining: set[int] = set()
    for place, example in enumerate(examples):
        if example.held_out or not example.composition or ratio.get(example.composition, 1) > 0:
            remaining.add(place)
        if not example.held_out and example.composition in found:
            found[example.composition].append(place)
    if missing := [kind for kind, its in found.items() if not its]:
        raise SetError(f"the set has no {' and no '.join(missing)} to balance: add some, or leave it out of the ratio")
    return found, remaining


def check_ratio(ratio: Ratio) -> None:
    """Check a balance ratio; raises SetError.

    Parts are 0 or more, and one is above 0.
    """
    if any(not isfinite(part) or part < 0 for part in ratio.values()):
        raise SetError(f"a ratio of {_ratio_text(ratio)} has a part below 0: use 0 or more")
    if not any(ratio.values()):
        raise SetError("the ratio is empty: give one, such as --portraits 2 --landscapes 1")


def _ratio_text(ratio: Ratio) -> str:
    return ", ".join(f"{part:g} {kind}s" for kind, part in ratio.items())
