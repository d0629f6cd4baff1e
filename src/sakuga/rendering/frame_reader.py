"""From names to pictures."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from sakuga.timeline.spec import Between, Digest, FrameSpec, Way

Inbetweener: TypeAlias = Callable[[np.ndarray, np.ndarray, Way], Callable[[float], np.ndarray]]
"""Looks at two pictures, (height, width, 3) uint8 RGB, and returns what makes any picture between: 0.0 is the first, 1.0 the second."""


def crossfade(first: np.ndarray, second: np.ndarray, way: Way) -> Callable[[float], np.ndarray]:
    """Mix two pictures of equal size, whatever the way asked for: for callers that make no other in-betweens."""
    return lambda at: np.round(first * (1 - at) + second * at).astype(np.uint8)


@dataclass(slots=True, kw_only=True, eq=False)
class Pictures:
    """The pictures of named frames: kept ones are read, in-betweens are made; the few used last stay in memory."""

    specs: Mapping[Digest, FrameSpec]
    read: Callable[[Digest], np.ndarray]
    inbetweener: Inbetweener
    alive: int = 6
    _last: OrderedDict[Digest, np.ndarray] = field(default_factory=OrderedDict)
    _pair: tuple[Digest, Digest, Way] | None = None
    _between: Callable[[float], np.ndarray] | None = None

    def __call__(self, name: Digest) -> np.ndarray:
        """Show one frame; raises StoreError where a drawn picture is missing."""
        if name not in self._last:
            self._last[name] = self._made(name)
            while len(self._last) > self.alive:
                self._last.popitem(last=False)
        self._last.move_to_end(name)
        return self._last[name]

    def _made(self, name: Digest) -> np.ndarray:
        match self.specs.get(name):
            case Between(first=first, second=second, at=at, way=way):
                return self._looked_at(first, second, way)(at)
            case _:
                return self.read(name)

    def _looked_at(self, first: Digest, second: Digest, way: Way) -> Callable[[float], np.ndarray]:
        """Look at two pictures once for all in-betweens that follow each other."""
        if self._between is None or self._pair != (first, second, way):
            self._between = self.inbetweener(self(first), self(second), way)
            self._pair = (first, second, way)
        return self._between


def develop(
    specs: Mapping[Digest, FrameSpec], wanted: Iterable[Digest], read: Callable[[Digest], np.ndarray], inbetweener: Inbetweener
) -> Iterator[np.ndarray]:
    """Yield the pictures of the wanted frames in order, (height, width, 3) uint8 RGB; a few of them are alive at a time.

    `read` gives the pictures that are not in-betweens, such as `FrameStore.read`; all of one size.
    """
    pictures = Pictures(specs=specs, read=read, inbetweener=inbetweener)
    return (pictures(name) for name in wanted)
