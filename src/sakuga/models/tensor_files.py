"""Safetensors files from outside; loads no torch until tensors are read."""

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import safe_open

from sakuga.files import UnreadableError, open_file

if TYPE_CHECKING:
    from torch import Tensor

MAX_HEADER = 16 << 20
"""Bytes of a header. Checkpoints have some 300 kB, LoRAs with metadata of their training a few MB; 100 MB take gigabytes to read."""


def check_header(file: Path) -> None:
    """Refuse a pipe, a device, and a header that is far too long; raises OSError."""
    with open_file(file) as stream:
        length = int.from_bytes(stream.read(8), "little")
        if MAX_HEADER < length <= file.stat().st_size:
            raise UnreadableError(errno.EFBIG, f"its header has more than {MAX_HEADER >> 20} MB", str(file))


def open_tensors(file: Path, framework: str = "pt") -> Any:
    """Open a safetensors file as `safe_open` does; raises OSError, SafetensorError."""
    check_header(file)
    return safe_open(file, framework=framework)


def load_tensors(file: Path) -> "dict[str, Tensor]":
    """Read all tensors of a safetensors file; raises OSError, SafetensorError."""
    from safetensors.torch import load_file

    check_header(file)
    tensors: dict[str, Tensor] = load_file(file)
    return tensors
