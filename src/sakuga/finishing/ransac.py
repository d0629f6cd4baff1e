"""Groups of specks that share a way from one picture to the next, found by consensus (after Fischler and Bolles 1981)."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.specks import Seen, Vector

ALIKE = 0.35
"""Specks whose logarithmic sizes differ by less may be of one kind."""
ALONG = np.cos(np.radians(18.0))
"""A streak falls along itself, within 18 degrees."""
DOWN = 0.75
"""The share of a fall that leads down: within 41 degrees of it."""
SURELY = 2.0
"""How much more likely (in nats, beyond the count of ways tried) a group's hits must be than chance."""
UNEXPLAINED = 0.4
"""A group of which a flow explains more than the rest of this is left to the flow."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """Specks of one kind that share a way: pairs of the first picture's and the second's, by index."""

    early: NDArray[np.intp]
    late: NDArray[np.intp]
    ways: Vector  # (pairs, 2): each pair's own
    kind: Vector
    """The logarithmic size that they share."""

    @property
    def way(self) -> Vector:
        """The way of most."""
        return np.median(self.ways, axis=0)


@dataclass(slots=True, kw_only=True, eq=False)
class _Field:
    """The specks of one picture, as columns of numbers."""

    centres: Vector
    spreads: Vector
    colours: Vector
    axes: Vector
    unexplained: Vector
    free: NDArray[np.bool_]
    """Not yet in a group; one that is cut off never is, as its size is not known."""
    size: tuple[int, int]

    def kind(self, index: int, way: Vector) -> NDArray[np.intp]:
        """List the free specks as large as one of them that would still be in the picture at the end of its way."""
        alike = np.abs(self.spreads - self.spreads[index]).max(axis=-1) < ALIKE
        return np.nonzero(alike & self.free & inside(self.centres + way, self.size, 2.0))[0]


def _field(own: Seen) -> _Field:
    specks = own.specks
    return _Field(
        centres=np.array([speck.centre for speck in specks]),
        spreads=np.array([speck.spread for speck in specks]),
        colours=np.array([speck.colour for speck in specks]),
        axes=np.array([speck.axis for speck in specks]),
        unexplained=np.array([speck.unexplained for speck in specks]),
        free=np.array([not speck.cut for speck in specks]),
        size=(own.picture.shape[1], own.picture.shape[0]),
    )


def groups(before: Seen, after: Seen) -> Iterator[Group]:
    """Find groups by consensus, the surest first: each pair proposes a way, on which all of its kind must be met again.

    Taking a group makes the others no surer, so each is rated again only when it comes first.
    """
    early, late = _field(before), _field(after)
    ways = late.centres[None] - early.centres[:, None]
    pairs = np.argwhere(_possible(early, late, ways))
    needed = SURELY + float(np.log(max(1, len(pairs))))
    queue = [(-np.inf, int(row), int(column)) for row, column in pairs]
    heapify(queue)
    while queue:
        _, row, column = heappop(queue)
        rated = _rated(early, late, ways, row, column) if early.free[row] and late.free[column] else None
        if rated is None or rated[0] < needed:
            continue
        if queue and -rated[0] > queue[0][0]:
            heappush(queue, (-rated[0], row, column))
            continue
        early.free[rated[1].early] = False
        late.free[rated[1].late] = False
        yield rated[1]


def _possible(early: _Field, late: _Field, ways: Vector) -> NDArray[np.bool_]:
    """Say which pairs might be one speck: of like size and colour, fallen by more than its breadth, a streak along itself."""
    far = np.linalg.norm(ways, axis=-1)
    along = np.abs((ways * early.axes[:, None]).sum(axis=-1))
    long = (early.spreads[:, 1] - early.spreads[:, 0] > np.log(3.0))[:, None]
    possible: NDArray[np.bool_] = (
        (early.free[:, None] & late.free)
        & (np.abs(early.spreads[:, None] - late.spreads).max(axis=-1) < ALIKE)
        & (np.linalg.norm(early.colours[:, None] - late.colours, axis=-1) < 120.0)
        & (far > 2.5 * np.exp(early.spreads[:, :1]))
        & (far < 0.8 * min(early.size))
        & (ways[..., 1] > DOWN * far)
        & ((along > ALONG * far) | ~long)
    )
    return possible


def _rated(early: _Field, late: _Field, ways: Vector, row: int, column: int) -> tuple[float, Group] | None:
    """Rate the way of one pair by how many of its kind take it too; None where that is no group.

    Its hits are held against those of specks strewn by chance: hits * log(hits / expected) - (hits - expected) nats, the ratio of two
    Poisson likelihoods.
    """
    way = ways[row, column]
    rows, columns = early.kind(row, way), late.kind(column, -way)
    if min(len(rows), len(columns)) < 3:
        return None
    allowed = 0.018 * min(early.size) + 0.03 * float(np.linalg.norm(way))
    misses = np.linalg.norm(ways[rows[:, None], columns] - way, axis=-1)
    hits = misses < allowed
    met, met_late = hits.any(axis=1), hits.any(axis=0)
    count = min(met.sum(), met_late.sum())
    expected = misses.size * np.pi * allowed**2 / (early.size[0] * early.size[1])
    if count < 3 or count <= expected or count < 0.3 * max(len(rows), len(columns)):
        return None
    if np.concatenate([early.unexplained[rows[met]], late.unexplained[columns[met_late]]]).mean() < UNEXPLAINED:
        return None
    sure = count * np.log(count / expected) - (count - expected) - 0.3 * misses[hits].mean() / allowed
    chosen = _paired(misses, allowed)
    pairs = rows[chosen[:, 0]], columns[chosen[:, 1]]
    return float(sure), Group(early=pairs[0], late=pairs[1], ways=ways[pairs], kind=early.spreads[row])


def inside(places: Vector, size: tuple[int, int], margin: float) -> NDArray[np.bool_]:
    """Say which places are in a picture, and not at its edge."""
    return np.asarray(((places > margin) & (places < np.array(size) - 1 - margin)).all(axis=-1))


def _paired(misses: Vector, allowed: float) -> NDArray[np.intp]:
    """Pair rows with columns, the closest first, each once: (pairs, 2)."""
    left = misses.copy()
    pairs = []
    while left.min() < allowed:
        row, column = np.unravel_index(int(left.argmin()), left.shape)
        pairs.append((row, column))
        left[row], left[:, column] = np.inf, np.inf
    return np.array(pairs)
