"""Latents of a training, in memory up to a limit and beyond it in files."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from sakuga.files import write_atomic
from sakuga.models.saving import save_file

LIMIT = 512 * 2**20
"""Bytes that are kept in memory."""


class LatentCache:
    """Tensors by key.

    With a file, those beyond `LIMIT` go into numbered files beside it, from which they are read one at a time; without one all stay in
    memory.
    """

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self._clear()

    def _clear(self) -> None:
        self._tensors: dict[str, Tensor] = {}
        self._bytes, self._parts = 0, 0
        self._places: dict[str, int] = {}
        self._opened: dict[int, Any] = {}

    def put(self, key: str, tensor: Tensor) -> None:
        """Keep a tensor."""
        self._tensors[key] = tensor.contiguous()
        self._bytes += tensor.numel() * tensor.element_size()
        if self.file and self._bytes > LIMIT:
            self._parts += 1
            write_atomic(self._part(self._parts), partial(save_file, self._tensors))
            self._places |= dict.fromkeys(self._tensors, self._parts)
            self._tensors, self._bytes = {}, 0

    def get(self, key: str) -> Tensor | None:
        """Return a tensor; None where there is none of this key."""
        if key in self._tensors:
            return self._tensors[key]
        part = self._places.get(key)
        if part is None:
            return None
        if part not in self._opened:
            self._opened[part] = safe_open(self._part(part), framework="pt")
        tensor: Tensor = self._opened[part].get_tensor(key)
        return tensor

    def save(self, metadata: Mapping[str, str]) -> None:
        """Write what is in memory, with metadata, so that `load` finds all."""
        if self.file:
            write_atomic(self.file, partial(save_file, self._tensors, metadata={**metadata, "parts": str(self._parts)}))

    def load(self, key: str) -> Mapping[str, str] | None:
        """Load what was saved with this `key` in its metadata; returns the metadata.

        None where nothing was, or a file is damaged or missing.
        """
        if not self.file or not self.file.is_file():
            return None
        try:
            with safe_open(self.file, framework="pt") as file:
                metadata: dict[str, str] = file.metadata() or {}
                if metadata.get("key") != key:
                    return None
                self._tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            self._parts = int(metadata["parts"])
            for part in range(1, self._parts + 1):
                with safe_open(self._part(part), framework="pt") as file:
                    self._places |= dict.fromkeys(file.keys(), part)
        except (OSError, SafetensorError, KeyError, ValueError):
            self._clear()
            return None
        return metadata

    def _part(self, number: int) -> Path:
        assert self.file
        return self.file.with_suffix(f".{number:04d}.safetensors")
