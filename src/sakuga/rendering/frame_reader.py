"""Read frames by name: stored images are read, in-betweens and camera moves are made."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from sakuga.finishing.image import Image
from sakuga.rendering.warp import warp_image
from sakuga.timeline.spec import CameraFrame, Digest, FrameSpec, InBetween, InBetweenMethod, Warp

Interpolate: TypeAlias = Callable[[Image, Image, InBetweenMethod], Callable[[float], Image]]
"""Takes two images of one size and returns a function from 0.0 (the first) to 1.0 (the second) to the images between."""

Move: TypeAlias = Callable[[Image, Warp], Image]
"""Shows an image as a moved camera sees it."""


class InBetweenCache(Protocol):
    """A cache of in-betweens, by the pixels of their images."""

    def get(self, first: Image, second: Image, spec: InBetween) -> Image | None:
        """Return a stored in-between, or None."""
        ...

    def put(self, first: Image, second: Image, spec: InBetween, image: Image) -> None:
        """Store an in-between."""
        ...


@dataclass(slots=True, kw_only=True, eq=False)
class FrameReader:
    """Returns frames by name; the last few stay in memory."""

    specs: Mapping[Digest, FrameSpec]
    read: Callable[[Digest], Image]
    """Reads a frame that is not derived from others, such as `FrameStore.read`; all have one size."""
    interpolate: Interpolate
    move: Move = warp_image
    """Moves the camera; the default knows no depth, which parallax needs."""
    cache: InBetweenCache | None = None
    capacity: int = 6
    """Images in memory."""
    _images: OrderedDict[Digest, Image] = field(default_factory=OrderedDict)
    _pair: tuple[Digest, Digest, InBetweenMethod] | None = None
    _interpolation: Callable[[float], Image] | None = None

    def __call__(self, name: Digest) -> Image:
        """Return one frame; raises StoreError if a generated frame is missing."""
        if name not in self._images:
            self._images[name] = self._load(name)
            while len(self._images) > self.capacity:
                self._images.popitem(last=False)
        self._images.move_to_end(name)
        return self._images[name]

    def _load(self, name: Digest) -> Image:
        match self.specs.get(name):
            case InBetween() as spec:
                return self._in_between(spec)
            case CameraFrame(frame=frame, warp=warp):
                return self.move(self(frame), warp)
            case _:
                return self.read(name)

    def _in_between(self, spec: InBetween) -> Image:
        first, second = self(spec.first), self(spec.second)
        if self.cache and (stored := self.cache.get(first, second, spec)) is not None:
            return stored
        if self._interpolation is None or self._pair != (spec.first, spec.second, spec.method):  # motion is measured once a pair
            self._interpolation = self.interpolate(first, second, spec.method)
            self._pair = (spec.first, spec.second, spec.method)
        image = self._interpolation(spec.at)
        if self.cache:
            self.cache.put(first, second, spec, image)
        return image


def read_frames(
    specs: Mapping[Digest, FrameSpec],
    wanted: Iterable[Digest],
    read: Callable[[Digest], Image],
    interpolate: Interpolate,
    cache: InBetweenCache | None = None,
    move: Move = warp_image,
) -> Iterator[Image]:
    """Yield the wanted frames in order, holding few in memory.

    They are (height, width, 3) uint8 RGB.
    """
    frames = FrameReader(specs=specs, read=read, interpolate=interpolate, move=move, cache=cache)
    return (frames(name) for name in wanted)
