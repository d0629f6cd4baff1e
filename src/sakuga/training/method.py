"""What learns: LoRA, Textual Inversion and DreamBooth are each one of these, and the loop knows no more of them."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from torch import Tensor, nn

from sakuga.models.checkpoint import Checkpoint


class Learner(Protocol):
    """A checkpoint that answers as it has learnt so far: untrained, as it always did."""

    checkpoint: Checkpoint

    @property
    def networks(self) -> nn.Module:
        """The weights that are learnt."""

    def told(self, captions: Sequence[str]) -> Tensor:
        """Encode captions, (n, rows, channels)."""

    def unchanged(self) -> AbstractContextManager[None]:
        """Let it answer as before it had learnt anything, for as long as the block lasts."""

    def close(self) -> None:
        """Leave the checkpoint as it was."""

    def write(self, folder: Path, name: str, trigger: str) -> None:
        """Write what was learnt into a folder, as a style or a model."""
