"""In which order examples are learnt from: batches of one shape each, decided by a seed alone."""

from collections.abc import Hashable, Iterator, Sequence

import numpy as np


def batches(shapes: Sequence[Hashable], batch: int, seed: int) -> Iterator[tuple[int, ...]]:
    """Yield batches of the numbers of examples, without end; those of one batch have one shape.

    Each round through all examples is in a new order. What does not fill a batch waits for more of its shape, so every batch is full
    and every example comes up equally often.

    >>> stream = batches(["wide", "tall", "wide"], 2, seed=0)
    >>> all(0 in found and 2 in found or found == (1, 1) for found in (next(stream) for _ in range(20)))
    True
    """
    rounds = 0
    waiting: dict[Hashable, list[int]] = {shape: [] for shape in shapes}
    while True:
        for index in np.random.default_rng((seed, rounds)).permutation(len(shapes)).tolist():
            queue = waiting[shapes[index]]
            queue.append(index)
            if len(queue) == batch:
                yield tuple(queue)
                queue.clear()
        rounds += 1
