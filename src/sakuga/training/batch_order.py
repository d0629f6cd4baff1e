"""The order of training batches."""

from collections.abc import Hashable, Iterator, Sequence

import numpy as np


def batches(shapes: Sequence[Hashable], batch: int, seed: int) -> Iterator[tuple[int, ...]]:
    """Yield batches of example indices without end.

    All of a batch have one shape. Each epoch is in a new order. Examples that do not fill a batch wait for more of their shape, so every
    batch is full and every example comes up equally often.

    >>> stream = batches(["wide", "tall", "wide"], 2, seed=0)
    >>> all(0 in found and 2 in found or found == (1, 1) for found in (next(stream) for _ in range(20)))
    True
    """
    epoch = 0
    waiting: dict[Hashable, list[int]] = {shape: [] for shape in shapes}
    while True:
        for index in np.random.default_rng((seed, epoch)).permutation(len(shapes)).tolist():
            queue = waiting[shapes[index]]
            queue.append(index)
            if len(queue) == batch:
                yield tuple(queue)
                queue.clear()
        epoch += 1
