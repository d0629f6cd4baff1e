"""Groups of specks that move alike, found by consensus (after Fischler and Bolles 1981)."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.specks import SpeckImage, Vector

ALIKE = 0.35
"""The greatest difference of logarithmic sizes within one kind of speck."""
ALONG = np.cos(np.radians(18.0))
"""A streak falls along its axis, within 18 degrees."""
DOWN = 0.75
"""Falling is within 41 degrees of straight down."""
MIN_EVIDENCE = 2.0
"""Nats by which a group's hits must beat a random match, beyond the logarithm of the number of paths tried."""
UNEXPLAINED = 0.4
"""Groups of which the flow leaves a smaller share unexplained are left to the flow."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """Specks of one kind that move alike.

    Index pairs into the first and the second image's specks.
    """

    early: NDArray[np.intp]
    late: NDArray[np.intp]
    paths: Vector  # (pairs, 2): one for each pair
    kind: Vector
    """Their common logarithmic size."""

    @property
    def path(self) -> Vector:
        """Return the median path."""
        return np.median(self.paths, axis=0)


@dataclass(slots=True, kw_only=True, eq=False)
class _Field:
    """The specks of one image as arrays."""

    centers: Vector
    spreads: Vector
    colors: Vector
    axes: Vector
    unexplained: Vector
    free: NDArray[np.bool_]
    """Not yet in a group; specks at the edge never are, as their size is unknown."""
    size: tuple[int, int]

    def kind(self, index: int, path: Vector) -> NDArray[np.intp]:
        """Return free specks of a size, still inside after a path."""
        alike = np.abs(self.spreads - self.spreads[index]).max(axis=-1) < ALIKE
        return np.nonzero(alike & self.free & inside_image(self.centers + path, self.size, 2.0))[0]


def _field(own: SpeckImage) -> _Field:
    specks = own.specks
    return _Field(
        centers=np.array([speck.center for speck in specks]),
        spreads=np.array([speck.spread for speck in specks]),
        colors=np.array([speck.color for speck in specks]),
        axes=np.array([speck.axis for speck in specks]),
        unexplained=np.array([speck.unexplained for speck in specks]),
        free=np.array([not speck.at_edge for speck in specks]),
        size=(own.image.shape[1], own.image.shape[0]),
    )


def find_groups(before: SpeckImage, after: SpeckImage) -> Iterator[Group]:
    """Find groups by consensus, the best first.

    Each pair proposes a path that specks of its kind must confirm.
    Taking a group never raises another's score, so each is scored again only when it comes first.
    """
    early, late = _field(before), _field(after)
    paths = late.centers[None] - early.centers[:, None]
    pairs = np.argwhere(_possible(early, late, paths))
    needed = MIN_EVIDENCE + float(np.log(max(1, len(pairs))))
    queue = [(-np.inf, int(row), int(column)) for row, column in pairs]
    heapify(queue)
    while queue:
        _, row, column = heappop(queue)
        scored = _score(early, late, paths, row, column) if early.free[row] and late.free[column] else None
        if scored is None or scored[0] < needed:
            continue
        if queue and -scored[0] > queue[0][0]:
            heappush(queue, (-scored[0], row, column))
            continue
        early.free[scored[1].early] = False
        late.free[scored[1].late] = False
        yield scored[1]


def _possible(early: _Field, late: _Field, paths: Vector) -> NDArray[np.bool_]:
    """Return which pairs may be one speck.

    They are alike in size and color, and fall by more than their width, streaks along their axis.
    """
    far = np.linalg.norm(paths, axis=-1)
    along = np.abs((paths * early.axes[:, None]).sum(axis=-1))
    long = (early.spreads[:, 1] - early.spreads[:, 0] > np.log(3.0))[:, None]
    possible: NDArray[np.bool_] = (
        (early.free[:, None] & late.free)
        & (np.abs(early.spreads[:, None] - late.spreads).max(axis=-1) < ALIKE)
        & (np.linalg.norm(early.colors[:, None] - late.colors, axis=-1) < 120.0)
        & (far > 2.5 * np.exp(early.spreads[:, :1]))
        & (far < 0.8 * min(early.size))
        & (paths[..., 1] > DOWN * far)
        & ((along > ALONG * far) | ~long)
    )
    return possible


def _score(early: _Field, late: _Field, paths: Vector, row: int, column: int) -> tuple[float, Group] | None:
    """Score a pair's path by how many share it.

    None where that is no group.
    The hits are compared with those of randomly placed specks: hits * log(hits / expected) - (hits - expected) nats, the ratio of two
    Poisson likelihoods.
    """
    path = paths[row, column]
    rows, columns = early.kind(row, path), late.kind(column, -path)
    if min(len(rows), len(columns)) < 3:
        return None
    allowed = 0.018 * min(early.size) + 0.03 * float(np.linalg.norm(path))
    misses = np.linalg.norm(paths[rows[:, None], columns] - path, axis=-1)
    hits = misses < allowed
    met, met_late = hits.any(axis=1), hits.any(axis=0)
    count = min(met.sum(), met_late.sum())
    expected = misses.size * np.pi * allowed**2 / (early.size[0] * early.size[1])
    if count < 3 or count <= expected or count < 0.3 * max(len(rows), len(columns)):
        return None
    if np.concatenate([early.unexplained[rows[met]], late.unexplained[columns[met_late]]]).mean() < UNEXPLAINED:
        return None
    score = count * np.log(count / expected) - (count - expected) - 0.3 * misses[hits].mean() / allowed
    chosen = _paired(misses, allowed)
    pairs = rows[chosen[:, 0]], columns[chosen[:, 1]]
    return float(score), Group(early=pairs[0], late=pairs[1], paths=paths[pairs], kind=early.spreads[row])


def inside_image(places: Vector, size: tuple[int, int], margin: float) -> NDArray[np.bool_]:
    """Return which points lie inside an image's margin."""
    return np.asarray(((places > margin) & (places < np.array(size) - 1 - margin)).all(axis=-1))


def _paired(misses: Vector, allowed: float) -> NDArray[np.intp]:
    """Match rows with columns, closest first; returns (pairs, 2)."""
    left = misses.copy()
    pairs = []
    while left.min() < allowed:
        row, column = np.unravel_index(int(left.argmin()), left.shape)
        pairs.append((row, column))
        left[row], left[:, column] = np.inf, np.inf
    return np.array(pairs)
