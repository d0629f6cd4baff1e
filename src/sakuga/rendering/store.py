"""The frame store: PNG files named by spec digest."""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image as PILImage
from PIL import PngImagePlugin

from sakuga import SakugaError
from sakuga.files import write_bytes
from sakuga.finishing.image import Image, is_unrounded
from sakuga.paths import home
from sakuga.rendering.remote_frames import RemoteFrames, store_folder, store_url
from sakuga.rendering.store_files import StoredFile, delete_oldest, stored_files
from sakuga.rendering.store_lock import exclusive_store
from sakuga.timeline.spec import Digest, FrameSpec, Given, InBetween, digest, from_json, to_json

UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, PILImage.DecompressionBombError)
"""What Pillow raises on a file that is truncated, damaged or far too large."""
DERIVED = "derived"
"""The folder of images computed from others."""
REMOTE, URL_FILE = "remote", "store.url"
"""The folder of what was read from remote stores, and the file in it that names the URL."""
VARIABLE = "SAKUGA_STORE"
"""The environment variable with the store, a folder or a URL, where none is named."""
NAMED_IMAGES = 4
"""Images whose names an `InBetweenStore` remembers."""


class StoreError(SakugaError):
    """A frame cannot be read or written; the sentence says why."""


def given_spec(image: Image) -> Given:
    """Return the spec of a supplied image, named by its pixels."""
    pixels = np.ascontiguousarray(image, dtype=np.uint8)
    return Given(image=hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest())


@dataclass(frozen=True, slots=True, eq=False)
class FrameStore:
    """Generated and supplied images in `root`, one file each.

    `ab/abcdef....png` holds the spec's canonical JSON, the number of attempts and the machine's class as text chunks. Processes may share
    a store; writing the same frame twice is harmless. Where the store is remote, `root` holds what was read or written here.
    """

    root: Path
    remote: RemoteFrames | None = None
    _intact: dict[Digest, tuple[int, int]] = field(default_factory=dict)
    """Size and modification time of files that were checked already."""

    def path(self, name: Digest) -> Path:
        """Return the path of a frame, whether it exists or not."""
        return self.root / name[:2] / f"{name}.png"

    def has(self, name: Digest) -> bool:
        """Return whether a frame is stored and intact; of a remote store whether it is there, by a listing of the last seconds."""
        return self.remote.has(name) if self.remote else self._is_intact(name)

    def has_now(self, name: Digest) -> bool:
        """Return whether a frame is stored at this moment, whoever wrote it."""
        return self.remote.exists(name) if self.remote else self._is_intact(name)

    def _is_intact(self, name: Digest) -> bool:
        try:
            state = self.path(name).stat()
            mark = (state.st_size, state.st_mtime_ns)
            if self._intact.get(name) != mark:
                _check(self.path(name))
                self._intact[name] = mark
        except UNREADABLE:
            return False
        return True

    def read(self, name: Digest) -> Image:
        """Read an image, (height, width, 3) uint8 RGB.

        Raises StoreError if it is missing or damaged.
        """
        try:
            return _read(self._fetched(name))
        except UNREADABLE as error:
            raise StoreError(f"frame {name[:12]} is not in the store {self}: render it first") from error

    def _fetched(self, name: Digest) -> Path:
        """Return the file of a frame, which is brought here if it is remote."""
        path = self.path(name)
        if self.remote and not self._is_intact(name):
            _write(path, self.remote.read(name), name)
        return path

    def __str__(self) -> str:
        return self.remote.url if self.remote else str(self.root)

    def spec(self, name: Digest) -> FrameSpec:
        """Read the spec of a stored frame."""
        return from_json(self._text(name, "sakuga:spec"))

    def attempts(self, name: Digest) -> int:
        """Return how often a stored frame had to be generated."""
        return int(self._text(name, "sakuga:attempts"))

    def machine(self, name: Digest) -> str:
        """Read the class of the machine that generated a frame; "" where none is known."""
        try:
            return self._text(name, "sakuga:machine")
        except StoreError:
            return ""

    def _text(self, name: Digest, key: str) -> str:
        try:
            with PILImage.open(self._fetched(name)) as image:
                return str(image.info[key])
        except (*UNREADABLE, KeyError) as error:
            raise StoreError(f"frame {name[:12]} is not in the store {self}, or was not written by sakuga") from error

    def write(self, spec: FrameSpec, image: Image, attempts: int = 1, machine: str = "") -> Digest:
        """Write an image under its spec's digest; return that name.

        `machine` is the class of the machine that generated it. Equal frames give equal bytes. Raises StoreError.
        """
        name = digest(spec)
        text = PngImagePlugin.PngInfo()
        text.add_itxt("sakuga:spec", to_json(spec))
        text.add_text("sakuga:attempts", str(attempts))
        if machine:
            text.add_itxt("sakuga:machine", machine)
        content = _png(image, 3, text)
        if self.remote:
            self.remote.write(name, content)
        _write(self.path(name), content, name)
        return name

    def discard(self, name: Digest) -> None:
        """Delete a frame if it is stored."""
        self.path(name).unlink(missing_ok=True)
        if self.remote:
            self.remote.discard(name)

    def write_given(self, image: Image) -> Given:
        """Write a supplied image and return its spec."""
        spec = given_spec(image)
        self.write(spec, np.ascontiguousarray(image, dtype=np.uint8))
        return spec

    @property
    def derived(self) -> "DerivedStore":
        """The images computed from others."""
        return DerivedStore(self.root / DERIVED)

    def names(self) -> Iterator[Digest]:
        """Yield the names of all frames, without derived images."""
        if self.remote:
            return self.remote.names()
        return (path.stem for path in self.root.glob("??/*.png"))

    def size(self) -> int:
        """Return the bytes of all frames and derived images; of a remote store those of its frames."""
        if self.remote:
            return sum(size for _, size in self.remote.sizes())
        return sum(file.size for file in self._files())

    def clean(self, max_size: int) -> list[Digest]:
        """Delete frames down to `max_size` bytes; return their names.

        Derived images go first, then generated frames, each oldest first. Supplied images stay, as they cannot be generated again.
        Raises StoreInUse while a render shares the store, StoreError for a remote one, which other machines may use.
        """
        if self.remote:
            raise StoreError(
                f"{self} is shared by machines and not cleaned from here: let a lifecycle rule of the storage delete old frames"
            )
        with exclusive_store(self.root):
            return [file.name for file in delete_oldest(self._files(), max_size)]

    def _files(self) -> Iterator[StoredFile]:
        """Yield the files of all frames and derived images."""
        yield from stored_files(self.derived.folder, generated=False)
        yield from stored_files(self.root, generated=True)


def open_store(place: str | Path | None = None) -> FrameStore:
    """Open the store in a folder or behind a URL; $SAKUGA_STORE or the data folder's without either.

    What is read from a remote store is kept in a folder of the data folder, which names the URL and so stands for it. Raises InputError.
    """
    place = place or os.environ.get(VARIABLE) or home() / "frames"
    url = store_url(place)
    if url is None:
        root = store_folder(place)
        return FrameStore(root, RemoteFrames((root / URL_FILE).read_text().strip()) if (root / URL_FILE).is_file() else None)
    root = home() / "frames" / REMOTE / hashlib.sha256(url.encode()).hexdigest()[:16]
    if not (root / URL_FILE).is_file():
        write_bytes(root / URL_FILE, f"{url}\n".encode())
    return FrameStore(root, RemoteFrames(url))


@dataclass(frozen=True, slots=True, eq=False)
class DerivedStore:
    """Images computed from others: in-betweens and enlarged frames.

    They can be computed again at any time.
    """

    folder: Path

    def path(self, key: Digest) -> Path:
        """Return the path of an image, whether it exists or not."""
        return self.folder / key[:2] / f"{key}.png"

    def get(self, key: Digest) -> Image | None:
        """Read an image, or return None; a damaged file counts as missing."""
        try:
            return _read(self.path(key))
        except UNREADABLE:
            return None

    def put(self, key: Digest, image: Image) -> None:
        """Write an image; raises StoreError."""
        _write(self.path(key), _png(image, 1), key)


@dataclass(frozen=True, slots=True, eq=False)
class InBetweenStore:
    """In-betweens, named by two images, place and method."""

    derived: DerivedStore
    networks: str = ""
    """Names what makes in-betweens in latent space."""
    _named: deque[tuple[Image, Digest]] = field(default_factory=lambda: deque(maxlen=NAMED_IMAGES))
    """The images that were named last: the same two come for every in-between of a pair."""

    def key(self, first: Image, second: Image, spec: InBetween) -> Digest:
        """Return the digest of the spec with pixels in place of names."""
        name = digest(replace(spec, first=self._name(first), second=self._name(second)))
        return hashlib.sha256(f"{name} {self.networks}".encode()).hexdigest() if spec.method == "latent" else name

    def _name(self, image: Image) -> Digest:
        known = next((name for one, name in self._named if one is image), None)
        if known is None:
            known = digest(given_spec(image))
            self._named.append((image, known))
        return known

    def get(self, first: Image, second: Image, spec: InBetween) -> Image | None:
        """Read an in-between, or return None."""
        return None if is_unrounded(first) else self.derived.get(self.key(first, second, spec))

    def put(self, first: Image, second: Image, spec: InBetween, image: Image) -> None:
        """Write an in-between, unless it is unrounded; raises StoreError."""
        if not is_unrounded(image):
            self.derived.put(self.key(first, second, spec), image)


def cached_upscale(upscale2x: Callable[[Image], Image], upscaler: Digest, derived: DerivedStore) -> Callable[[Image], Image]:
    """Return the upscaler with a cache of its results; unrounded images are not kept."""

    def upscale(image: Image) -> Image:
        if is_unrounded(image):
            return upscale2x(image)
        key = hashlib.sha256(f"upscale2x {upscaler} {digest(given_spec(image))}".encode()).hexdigest()
        if (stored := derived.get(key)) is not None:
            return stored
        upscaled = upscale2x(image)
        derived.put(key, upscaled)
        return upscaled

    return upscale


def _write(path: Path, content: bytes, name: Digest) -> None:
    try:
        write_bytes(path, content)
    except OSError as error:
        raise StoreError(f"image {name[:12]} cannot be written to {path.parent} ({error.strerror}): choose another --store") from error


def _png(image: Image, compression: int, text: PngImagePlugin.PngInfo | None = None) -> bytes:
    encoded = BytesIO()
    PILImage.fromarray(image).save(encoded, "PNG", pnginfo=text, compress_level=compression)
    return encoded.getvalue()


def _read(path: Path) -> Image:
    with PILImage.open(path) as image:
        return np.array(image.convert("RGB"))


def _check(path: Path) -> None:
    """Raise one of UNREADABLE unless a PNG file is intact."""
    with PILImage.open(path) as image:
        image.verify()
