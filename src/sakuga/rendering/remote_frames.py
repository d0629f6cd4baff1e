"""Frames behind a URL, such as `s3://bucket/frames`, by fsspec."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from time import monotonic
from typing import Any
from urllib.parse import unquote

from sakuga import InputError, SakugaError
from sakuga.timeline.spec import Digest

URL = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)", re.IGNORECASE)
"""A path library makes one slash of two; one letter is a drive of Windows."""
EXTRAS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
"""The package that fsspec needs for a URL."""
LISTED = 10.0
"""Seconds for which the listing of a folder is believed."""


class RemoteError(SakugaError):
    """Frames behind a URL cannot be read or written; the sentence says why."""


def store_url(place: str | PurePath) -> str | None:
    """Return the URL of a store, also where it went through a path; None for a folder.

    >>> store_url(PurePath("s3://bucket/film/"))
    's3://bucket/film'
    """
    found = URL.fullmatch(PurePath(place).as_posix() if isinstance(place, PurePath) else place)
    if not found or found[1].lower() == "file":
        return None
    return f"{found[1].lower()}://{found[2].rstrip('/')}"


def store_folder(place: str | PurePath) -> Path:
    """Return the folder of a store, of a `file:` URL its path.

    >>> store_folder("file:///mnt/my%20frames").as_posix()
    '/mnt/my frames'
    """
    found = URL.fullmatch(PurePath(place).as_posix() if isinstance(place, PurePath) else place)
    return Path("/" + unquote(found[2])) if found and found[1].lower() == "file" else Path(place)


@dataclass(slots=True, eq=False)
class _Listing:
    """The names in one folder, and when they were read."""

    names: set[Digest]
    time: float


@dataclass(eq=False)
class RemoteFrames:
    """Frames as objects `URL/ab/abcdef....png`, each written whole."""

    url: str
    _listings: dict[str, _Listing] = field(default_factory=dict)

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """Return fsspec's file system and the folder in it; raises InputError."""
        scheme = self.url.partition(":")[0]
        try:
            from fsspec.core import url_to_fs

            system, folder = url_to_fs(self.url, use_listings_cache=False)
        except ImportError:
            package = EXTRAS.get(scheme, f"fsspec's package for {scheme}://")
            raise InputError(f"the store {self.url} needs {package}: pip install 'sakuga[remote]' or {package}") from None
        except Exception as error:  # each service raises its own kinds
            raise InputError(
                f"the store {self.url} cannot be opened ({error}): name a folder, s3://BUCKET/PATH or gs://BUCKET/PATH"
            ) from None
        return system, folder.rstrip("/")

    def check(self) -> None:
        """Write and delete a small object; raises InputError where that is impossible."""
        try:
            self.write("writable", b"sakuga")
            self.discard("writable")
        except RemoteError as error:
            raise InputError(f"the store {self.url} cannot be used: {error}") from error

    def has(self, name: Digest) -> bool:
        """Return whether a frame is stored, by a listing that is a few seconds old at most."""
        listing = self._listings.get(name[:2])
        if listing and name in listing.names:
            return True
        if listing is None or monotonic() - listing.time > LISTED:
            listing = self._listings[name[:2]] = _Listing(set(self._list(name[:2])), monotonic())
        return name in listing.names

    def exists(self, name: Digest) -> bool:
        """Return whether a frame is stored at this moment."""
        system, _ = self._opened
        return bool(self._try("read", system.exists, self._place(name)))

    def read(self, name: Digest) -> bytes:
        """Return the file of a frame; raises FileNotFoundError where it is missing, RemoteError."""
        system, _ = self._opened
        content: bytes = self._try("read", system.cat_file, self._place(name))
        return content

    def write(self, name: Digest, content: bytes) -> None:
        """Store the file of a frame, whole or not at all; raises RemoteError."""
        system, _ = self._opened
        self._try("written to", system.pipe_file, self._place(name), content)
        if listing := self._listings.get(name[:2]):
            listing.names.add(name)

    def discard(self, name: Digest) -> None:
        """Delete the file of a frame; raises RemoteError."""
        system, _ = self._opened
        with suppress(FileNotFoundError):
            self._try("read", system.rm_file, self._place(name))

    def names(self) -> Iterator[Digest]:
        """Yield the names of all frames."""
        return (name for name, _ in self.sizes())

    def sizes(self) -> Iterator[tuple[Digest, int]]:
        """Yield the names and bytes of all frames."""
        system, folder = self._opened
        found: dict[str, dict[str, Any]] = self._try("read", system.find, folder, detail=True)
        for path, details in found.items():
            if path.endswith(".png"):
                yield _name(path), int(details.get("size") or 0)

    def _list(self, part: str) -> Iterator[Digest]:
        system, folder = self._opened
        try:
            return map(_name, self._try("read", system.ls, f"{folder}/{part}", detail=False))
        except FileNotFoundError:
            return iter(())

    def _place(self, name: Digest) -> str:
        return f"{self._opened[1]}/{name[:2]}/{name}.png"

    def _try(self, what: str, call: Any, *arguments: Any, **options: Any) -> Any:
        """Call fsspec; every failure but a missing file becomes a RemoteError."""
        try:
            return call(*arguments, **options)
        except FileNotFoundError as error:
            if what == "read":
                raise
            raise RemoteError(f"{self.url} cannot be {what}: there is no such bucket or folder ({error})") from error
        except Exception as error:  # each service raises its own kinds
            reason = " ".join(str(error).split()) or type(error).__name__
            raise RemoteError(f"{self.url} cannot be {what} ({reason}): check the address, the credentials and the network") from error


def _name(path: str) -> Digest:
    return path.rsplit("/", 1)[-1].removesuffix(".png")
