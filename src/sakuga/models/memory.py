"""Memory after it ran out: given back to the system, so that a smaller batch fits."""

import ctypes
import gc

import torch

M_MMAP_THRESHOLD = -3
"""The number of this option of glibc's `mallopt` (malloc.h)."""
LARGE = 1 << 20
"""Bytes from which a buffer is mapped by itself, and goes back to the system when it is freed."""


def release_memory() -> None:
    """Give back what a failed batch has taken.

    glibc raises its threshold for mapped buffers to those that were freed, up to 32 MB, so later ones stay in its heap, scattered. It is
    set to 1 MB, for good: a little slower, as pages are cleared for each buffer. Other C libraries are left as they are.
    """
    gc.collect()
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()
    try:
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, LARGE)
        library.malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        pass
