"""Splitting a training set into training and held-out images."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

import numpy as np

from sakuga.datasets.training_set import Example, SetError
from sakuga.text import counted


def hold_out(examples: Sequence[Example], holdout: float, seed: int) -> tuple[Example, ...]:
    """Hold out random examples in proportion to compositions.

    `holdout` is a share below 1, or a number from 1 on. Returns the examples in their order. Raises SetError where some are held out
    already, or one side would be empty.
    """
    if any(example.held_out for example in examples):
        raise SetError("some images are held out already: split the set that this one was made from")
    if not 0 < holdout < inf:
        raise SetError(f"a holdout of {holdout:g} holds nothing out: use 0.1 for a tenth, or a number of images")
    total = round(len(examples) * holdout) if holdout < 1 else round(holdout)
    if not 1 <= total < len(examples):
        raise SetError(f"a holdout of {holdout:g} takes {total} of {counted(len(examples), 'image')}: leave some on both sides")
    rng = np.random.default_rng(seed)
    kinds: dict[str | None, list[int]] = {}
    for place, example in enumerate(examples):
        kinds.setdefault(example.composition, []).append(place)
    groups = [kinds[kind] for kind in sorted(kinds, key=str)]
    counts = proportional_counts([len(group) for group in groups], total)
    chosen = {int(place) for group, count in zip(groups, counts, strict=True) for place in rng.permutation(group)[:count]}
    return tuple(replace(example, held_out=place in chosen) for place, example in enumerate(examples))


def proportional_counts(sizes: Sequence[int], total: int) -> list[int]:
    """Divide a number in proportion to sizes (largest remainders).

    >>> proportional_counts([7, 2, 1], 5)
    [4, 1, 0]
    """
    exact = [total * size / sum(sizes) for size in sizes]
    counts = [int(share) for share in exact]
    rest = sorted(range(len(sizes)), key=lambda place: counts[place] - exact[place])[: total - sum(counts)]
    return [count + (place in rest) for place, count in enumerate(counts)]
