"""DreamBooth training of the whole UNet (Ruiz et al. 2023)."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import Tensor

from sakuga.models.checkpoint import Checkpoint
from sakuga.models.checkpoint_writing import write_checkpoint
from sakuga.training.caption_embeddings import CaptionEncoder


class FullUNetMethod:
    """All weights of the UNet.

    `keep_base` keeps a copy of the base model's.
    """

    def __init__(self, checkpoint: Checkpoint, *, cache_captions: bool = True, keep_base: bool = False) -> None:
        self.checkpoint = checkpoint
        self._base: Any = copy.deepcopy(checkpoint.unet) if keep_base else None
        self.networks: Any = checkpoint.unet.requires_grad_(True)
        self._encoder = CaptionEncoder(checkpoint, cached=cache_captions)

    def encode_captions(self, captions: Sequence[str]) -> Tensor:
        """Encode captions, (n, rows, channels)."""
        return self._encoder(captions)

    @contextmanager
    def base_weights(self) -> Iterator[None]:
        """Run the block with the base model's UNet."""
        self.checkpoint.unet = self._base
        try:
            yield
        finally:
            self.checkpoint.unet = self.networks

    def rate_shares(self) -> Mapping[str, float]:
        """Return no shares: all have one learning rate."""
        return {}

    def training_step(self, number: int) -> AbstractContextManager[None]:
        """Run the block as it is."""
        return nullcontext()

    def close(self) -> None:
        """Freeze the UNet; it keeps its trained weights."""
        self.networks.requires_grad_(False)

    def write(self, folder: Path, name: str, trigger: str, metadata: Mapping[str, str] = MappingProxyType({})) -> None:
        """Write a checkpoint with this UNet in half precision.

        The rest is copied from the base.
        """
        write_checkpoint(self.checkpoint.files, {"unet": self.networks}, folder)
