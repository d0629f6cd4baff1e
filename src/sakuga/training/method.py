"""The protocol of trainable parameters: LoRA, embedding, both, full UNet."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from sakuga.models.checkpoint import Checkpoint


class TrainingMethod(Protocol):
    """A checkpoint plus trainable parameters.

    Before step 1 its output equals the base model's.
    """

    checkpoint: Checkpoint

    @property
    def networks(self) -> nn.Module:
        """Return the module that holds the trainable parameters."""

    def encode_captions(self, captions: Sequence[str]) -> Tensor:
        """Encode captions, (n, rows, channels)."""

    def base_weights(self) -> AbstractContextManager[None]:
        """Run the block with the base model's weights."""

    def rate_shares(self) -> Mapping[str, float]:
        """Return shares of the learning rate by parameter name, where they are not 1."""

    def training_step(self, number: int) -> AbstractContextManager[None]:
        """Run the block as a training step: what is random about the parameters depends on its number alone."""

    def close(self) -> None:
        """Restore the checkpoint."""

    def write(self, folder: Path, name: str, trigger: str, metadata: Mapping[str, str] = ...) -> None:
        """Write the result as a style or a model; metadata goes into files for other programs."""
