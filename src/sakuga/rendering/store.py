"""The store: pictures under the digest of the spec that decides them, as lossless PNG files that appear whole or not at all."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from sakuga import SakugaError
from sakuga.timeline.spec import Digest, Drawn, FrameSpec, Given, digest, from_json, to_json

UNREADABLE = (OSError, SyntaxError, ValueError, EOFError)
"""What Pillow raises on a file that is cut off or damaged."""


class StoreError(SakugaError):
    """The store cannot do what is asked; the sentence says why and what to do."""


def given_spec(picture: np.ndarray) -> Given:
    """Name a picture from outside by the digest of its pixels."""
    pixels = np.ascontiguousarray(picture, dtype=np.uint8)
    return Given(picture=hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest())


@dataclass(frozen=True, slots=True, eq=False)
class FrameStore:
    """Pictures in `root`, one file each: `ab/abcdef....png`, with the spec's canonical JSON and the attempts in its text.

    Processes can share one; writing the same frame twice is harmless.
    """

    root: Path
    _sound: dict[Digest, tuple[int, int]] = field(default_factory=dict)
    """Files found whole, with their size and time of change: they need not be read again."""

    def path(self, name: Digest) -> Path:
        """Tell where a frame lies, or would lie."""
        return self.root / name[:2] / f"{name}.png"

    def has(self, name: Digest) -> bool:
        """Tell whether a frame is here and whole; a damaged file counts as missing."""
        try:
            state = self.path(name).stat()
            mark = (state.st_size, state.st_mtime_ns)
            if self._sound.get(name) != mark:
                _check(self.path(name))
                self._sound[name] = mark
        except UNREADABLE:
            return False
        return True

    def read(self, name: Digest) -> np.ndarray:
        """Read a picture: (height, width, 3) uint8 RGB. Raises StoreError where it is missing or damaged."""
        try:
            with Image.open(self.path(name)) as image:
                return np.array(image.convert("RGB"))
        except UNREADABLE as error:
            raise StoreError(f"frame {name[:12]} is not in the store {self.root}: render it first") from error

    def spec(self, name: Digest) -> FrameSpec:
        """Read the spec that a stored frame was drawn by."""
        return from_json(self._text(name, "sakuga:spec"))

    def attempts(self, name: Digest) -> int:
        """Tell how often a stored frame was drawn until it was sound."""
        return int(self._text(name, "sakuga:attempts"))

    def _text(self, name: Digest, key: str) -> str:
        try:
            with Image.open(self.path(name)) as image:
                return str(image.info[key])
        except (*UNREADABLE, KeyError) as error:
            raise StoreError(f"frame {name[:12]} is not in the store {self.root}, or was not written by sakuga") from error

    def write(self, spec: FrameSpec, picture: np.ndarray, attempts: int = 1) -> Digest:
        """Keep a picture under its spec's digest; returns the name. The bytes of the file depend on nothing else."""
        name = digest(spec)
        text = PngImagePlugin.PngInfo()
        text.add_itxt("sakuga:spec", to_json(spec))
        text.add_text("sakuga:attempts", str(attempts))
        encoded = BytesIO()
        Image.fromarray(picture).save(encoded, "PNG", pnginfo=text, compress_level=3)
        try:
            _write_whole(self.path(name), encoded.getvalue())
        except OSError as error:
            raise StoreError(f"frame {name[:12]} cannot be kept in {self.root}: {error.strerror}") from error
        return name

    def given(self, picture: np.ndarray) -> Given:
        """Keep a picture from outside, named by the digest of its pixels."""
        spec = given_spec(picture)
        self.write(spec, np.ascontiguousarray(picture, dtype=np.uint8))
        return spec

    def names(self) -> Iterator[Digest]:
        """List the frames that are here, in no order."""
        return (path.stem for path in self.root.glob("??/*.png"))

    def size(self) -> int:
        """Count the bytes of all frames."""
        return sum(path.stat().st_size for path in self.root.glob("??/*.png"))

    def clean(self, max_size: int) -> list[Digest]:
        """Delete frames, oldest first, until at most `max_size` bytes are left; returns what was deleted.

        Pictures from outside stay, as nothing could draw them again.
        """
        states = {path: path.stat() for path in self.root.glob("??/*.png")}
        left = sum(state.st_size for state in states.values())
        deleted: list[Digest] = []
        for path in sorted(states, key=lambda path: (states[path].st_mtime_ns, path)):
            if left <= max_size:
                break
            if self._drawn(path.stem):
                path.unlink(missing_ok=True)
                left -= states[path].st_size
                deleted.append(path.stem)
        return deleted

    def _drawn(self, name: Digest) -> bool:
        try:
            return isinstance(self.spec(name), Drawn)
        except StoreError:
            return True


def _check(path: Path) -> None:
    """Raise one of UNREADABLE unless every chunk of a PNG file is there and sound."""
    with Image.open(path) as image:
        image.verify()


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside, flush to the disk, rename: at any moment the file is whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
