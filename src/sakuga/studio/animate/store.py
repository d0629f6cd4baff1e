"""The store of generated frames, as a user handles it."""

import re
from dataclasses import dataclass
from pathlib import Path

from sakuga import InputError
from sakuga.rendering.store import FrameStore, open_store
from sakuga.studio.core.arguments import checked

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSize:
    """The contents of a store."""

    folder: str
    """Its folder or URL."""
    frames: int
    bytes: int


@checked()
def show_store(folder: Path | None = None) -> StoreSize:
    """Count the frames of a store and their bytes."""
    store = _store(folder)
    return StoreSize(folder=str(store), frames=sum(1 for _ in store.names()), bytes=store.size())


@checked()
def clean_store(max_size: int, folder: Path | None = None) -> int:
    """Delete the oldest frames until at most `max_size` bytes are left.

    Returns how many. All of them can be generated again. Raises InputError.
    """
    if max_size < 0:
        raise InputError(f"a store cannot hold {max_size} bytes: choose 0 or more")
    return len(_store(folder).clean(max_size))


def parse_bytes(text: str) -> int:
    """Read "500MB" or "2 GB"; raises InputError.

    >>> parse_bytes("1.5 kB")
    1500
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B?)", text.strip().upper())
    if not found or found[2] not in UNITS:
        raise InputError(f"size {text!r} cannot be read: write 500MB or 2GB")
    return int(float(found[1]) * UNITS[found[2]])


def _store(folder: Path | None) -> FrameStore:
    store = open_store(folder)
    if store.root.exists() and not store.root.is_dir():
        raise InputError(f"{folder} is a file: name the folder of a store")
    return store
