"""Choose what is held out of a training set."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sakuga.datasets.training_set import Example, SetError
from sakuga.text import counted


def held_out(examples: Sequence[Example], holdout: float, seed: int) -> tuple[Example, ...]:
    """Hold out a share below 1, or so many examples from 1 on: of each composition as many as its share, by chance from the seed.

    Returns the examples in their order. Raises SetError where some are held out already, or where nothing would be left on one side.
    """
    if any(example.held_out for example in examples):
        raise SetError("some pictures are held out already: split the set that this one was made from")
    wanted = round(len(examples) * holdout) if holdout < 1 else round(holdout)
    if holdout <= 0:
        raise SetError(f"a holdout of {holdout:g} holds nothing out: choose 0.1 for a tenth, or a number of pictures")
    if not 1 <= wanted < len(examples):
        raise SetError(f"a holdout of {holdout:g} takes {wanted} of {counted(len(examples), 'picture')}: leave some on both sides")
    rng = np.random.default_rng(seed)
    kinds: dict[str | None, list[int]] = {}
    for place, example in enumerate(examples):
        kinds.setdefault(example.composition, []).append(place)
    groups = [kinds[kind] for kind in sorted(kinds, key=str)]
    counts = shares([len(group) for group in groups], wanted)
    chosen = {int(place) for group, count in zip(groups, counts, strict=True) for place in rng.permutation(group)[:count]}
    return tuple(replace(example, held_out=place in chosen) for place, example in enumerate(examples))


def shares(sizes: Sequence[int], wanted: int) -> list[int]:
    """Divide a number in proportion to the sizes, by the largest remainders (Hamilton's way).

    >>> shares([7, 2, 1], 5)
    [4, 1, 0]
    """
    exact = [wanted * size / sum(sizes) for size in sizes]
    counts = [int(share) for share in exact]
    rest = sorted(range(len(sizes)), key=lambda place: counts[place] - exact[place])[: wanted - sum(counts)]
    return [count + (place in rest) for place, count in enumerate(counts)]
