"""A network beside the checkpoint: a folder in diffusers' layout, or a single safetensors file.

Loads no torch.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sakuga.models.checkpoint_files import file_digest, weight_files
from sakuga.timeline.spec import Digest


@dataclass(frozen=True)
class NetworkFiles:
    """The files of one network; a folder has config.json beside its weights."""

    name: str
    path: Path

    @property
    def is_single_file(self) -> bool:
        return not self.path.is_dir()

    @cached_property
    def digest(self) -> Digest:
        """Return the sha256 over config and weights."""
        if self.is_single_file:
            return file_digest(self.path)
        paths = sorted([self.path / "config.json", *weight_files(self.path, self.name)])
        return hashlib.sha256("".join(f"{path.name} {file_digest(path)}\n" for path in paths).encode()).hexdigest()
