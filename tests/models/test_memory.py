"""What is freed is used again; after memory ran out it goes back to the system."""

import ctypes
import subprocess
import sys

import pytest

FREED = """
import ctypes, os
from pathlib import Path
from sakuga.models.memory import release_memory

MEGABYTE = 1 << 20

def mapped():
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE") // MEGABYTE

library = ctypes.CDLL(None)
library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
library.free(library.malloc(30 * MEGABYTE))  # raises the threshold, so that smaller buffers come from the heap
release_memory()
before = mapped()
buffers = [library.malloc(2 * MEGABYTE) for _ in range(65)]
print(mapped() - before)
for buffer in buffers[:-1]:  # the last one, at the end of a heap, would keep all others
    library.free(buffer)
print(mapped() - before)
"""
KEPT = """
import ctypes, resource
from sakuga.models.memory import keep_freed_memory

library = ctypes.CDLL(None)
library.malloc.restype, library.free.argtypes, library.memset.argtypes = (
    ctypes.c_void_p, [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t])
keep_freed_memory()
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    buffers = [library.malloc(18 << 20) for _ in range(3)]
    for buffer in buffers:
        library.memset(buffer, 1, 18 << 20)
    for buffer in buffers:
        library.free(buffer)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

glibc = pytest.mark.skipif(not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc")


@glibc
def test_freed_buffers_are_used_again_without_clearing_their_pages() -> None:
    process = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True)
    assert int(process.stdout) < 100


@glibc
def test_large_buffers_leave_the_address_space_when_they_are_freed() -> None:
    process = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    taken, left = map(int, process.stdout.split())
    assert taken >= 128
    assert left < 8
