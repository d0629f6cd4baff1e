"""Memory that was freed: kept for the next buffers, or given back to the system once it has run out."""

import ctypes
import gc
from contextlib import suppress
from functools import cache

import torch

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""The numbers of these options of glibc's `mallopt` (malloc.h)."""
KEPT = 64 << 20
"""Free bytes at the end of the heap that stay there for the next buffers."""
MAPPED = 32 << 20
"""Bytes from which a buffer is mapped by itself, and goes back to the system when it is freed; the most that glibc takes."""
LARGE = 1 << 20
"""The same after memory ran out."""


@cache
def keep_freed_memory() -> None:
    """Reuse the memory of images and activations, once for a process.

    By default glibc gives much of it back and clears each page again: a third of a million in a film of 6 s. Other C libraries are left
    as they are.
    """
    _tell_glibc("mallopt", M_MMAP_THRESHOLD, MAPPED)
    _tell_glibc("mallopt", M_TRIM_THRESHOLD, KEPT)


def release_memory() -> None:
    """Give back what a failed batch has taken.

    Below its threshold for mapped buffers, glibc keeps freed ones in its heap, scattered. It is set to 1 MB, for good: a little slower,
    as pages are cleared for each buffer. Other C libraries are left as they are.
    """
    gc.collect()
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()
    keep_freed_memory()  # not later, when it would undo this
    _tell_glibc("mallopt", M_MMAP_THRESHOLD, LARGE)
    _tell_glibc("mallopt", M_TRIM_THRESHOLD, LARGE)
    _tell_glibc("malloc_trim", 0)


def _tell_glibc(function: str, *values: int) -> None:
    with suppress(AttributeError, OSError, TypeError):
        getattr(ctypes.CDLL(None), function)(*values)
