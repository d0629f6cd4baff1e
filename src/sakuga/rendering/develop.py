"""From names to pictures."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from sakuga.rendering.store import FrameStore
from sakuga.timeline.spec import Between, Digest, FrameSpec, Way

MakeBetween: TypeAlias = Callable[[np.ndarray, np.ndarray, float, Way], np.ndarray]
"""Makes a picture between two, (height, width, 3) uint8 RGB each; 0.0 is the first, 1.0 the second."""


def crossfade(first: np.ndarray, second: np.ndarray, at: float, way: Way) -> np.ndarray:
    """Mix two pictures of equal size, whatever the way asked for: for callers that make no other in-betweens."""
    return np.round(first * (1 - at) + second * at).astype(np.uint8)


@dataclass(slots=True, kw_only=True, eq=False)
class Pictures:
    """The pictures of named frames: stored ones are read, in-betweens are made; the few used last stay in memory."""

    specs: Mapping[Digest, FrameSpec]
    store: FrameStore
    between: MakeBetween
    alive: int = 6
    _last: OrderedDict[Digest, np.ndarray] = field(default_factory=OrderedDict)

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
                return self.between(self(first), self(second), at, way)
            case _:
                return self.store.read(name)


def develop(specs: Mapping[Digest, FrameSpec], wanted: Iterable[Digest], store: FrameStore, between: MakeBetween) -> Iterator[np.ndarray]:
    """Yield the pictures of the wanted frames in order, (height, width, 3) uint8 RGB; a few of them are alive at a time.

    Raises StoreError where a drawn picture is missing.
    """
    pictures = Pictures(specs=specs, store=store, between=between)
    return (pictures(name) for name in wanted)
