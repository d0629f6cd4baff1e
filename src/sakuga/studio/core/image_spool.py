"""Images kept on disk while a clip is finished and written."""

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from typing import Self, overload

import numpy as np

from sakuga.finishing.image import Image
from sakuga.rendering.store import StoreError
from sakuga.timeline.lazy import LazySequence

IN_MEMORY = 16 << 20
"""Bytes up to which images stay in memory, as those of short clips do."""
UNPACKED = 1 << 30
"""Bytes up to which images are stored as they are; later ones are compressed to about a third, and take ten times as long to read."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """Where an image lies in the file."""

    start: int
    length: int
    shape: tuple[int, ...]
    type: str
    packed: bool


class ImageSpool:
    """A nameless temporary file of images, uint8 or uint16, gone when it is closed.

    However many images it holds, a few are in memory. The file lies in `folder` or the nearest one around it that exists.
    """

    def __init__(self, folder: Path) -> None:
        folder = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
        self.folder = folder if os.access(folder, os.W_OK) else Path(gettempdir())
        self._file = SpooledTemporaryFile[bytes](max_size=IN_MEMORY, dir=str(self.folder))
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Delete the images."""
        self._file.close()

    def keep(self, images: Iterable[Image]) -> "KeptImages":
        """Store images and return them as a sequence; raises StoreError."""
        kept = KeptImages(self)
        for image in images:
            kept.append(image)
        return kept

    def write(self, image: Image) -> _Stored:
        """Append one image to the file; raises StoreError."""
        packed = self._end >= UNPACKED
        content = _packed(image) if packed else image.tobytes()
        stored = _Stored(start=self._end, length=len(content), shape=image.shape, type=image.dtype.str, packed=packed)
        try:
            self._file.seek(self._end)
            self._file.write(content)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            message = f"the clip's frames cannot be kept in {self.folder} while it is written ({reason}): make room there"
            raise StoreError(message) from error
        self._end += len(content)
        return stored

    def read(self, stored: _Stored) -> Image:
        """Read one image."""
        self._file.seek(stored.start)
        content = self._file.read(stored.length)
        if stored.packed:
            return _unpacked(content, stored)
        return np.frombuffer(content, stored.type).reshape(stored.shape)


@dataclass(slots=True, eq=False)
class KeptImages(Sequence[Image]):
    """Images of a spool; equal neighbors are stored once."""

    spool: ImageSpool
    _stored: list[_Stored] = field(default_factory=list)
    _last: tuple[_Stored, Image] | None = None

    def append(self, image: Image) -> None:
        """Store one more image; raises StoreError."""
        if self._stored and np.array_equal(self[-1], image):
            self._stored.append(self._stored[-1])
            return
        self._stored.append(self.spool.write(image))
        self._last = (self._stored[-1], image)

    def __len__(self) -> int:
        return len(self._stored)

    def __iter__(self) -> Iterator[Image]:
        return map(self._read, self._stored)

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Image]: ...
    def __getitem__(self, index: int | slice) -> Image | Sequence[Image]:
        if isinstance(index, slice):
            return LazySequence(self.__getitem__, range(len(self))[index])
        return self._read(self._stored[index])

    def _read(self, stored: _Stored) -> Image:
        if self._last is None or self._last[0] is not stored:
            self._last = (stored, self.spool.read(stored))
        return self._last[1]


def _packed(image: Image) -> bytes:
    """Compress differences to the left neighbor, as PNG's "Sub" filter does."""
    differences = image.copy()
    differences[:, 1:] -= image[:, :-1]
    return zlib.compress(differences.tobytes(), 1)


def _unpacked(content: bytes, stored: _Stored) -> Image:
    differences = np.frombuffer(zlib.decompress(content), stored.type).reshape(stored.shape)
    image: Image = np.cumsum(differences, axis=1, dtype=stored.type)
    return image
