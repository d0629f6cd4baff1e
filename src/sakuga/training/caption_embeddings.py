"""Captions as the UNet is told them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from sakuga.models.checkpoint import Checkpoint
from sakuga.models.text_encoders import read_texts


class Texts:
    """Encodes captions plainly, brackets being brackets; each is encoded alone and kept, unless the text encoder is learning.

    A caption's embedding so never depends on its company, nor on whether it is kept.
    """

    def __init__(self, checkpoint: Checkpoint, *, learning: bool = False, kept: bool = True) -> None:
        self.checkpoint, self.learning, self.kept = checkpoint, learning, kept
        self._known: dict[str, Tensor] = {}

    def __call__(self, captions: Sequence[str]) -> Tensor:
        """Return (captions, rows, channels); gradients flow where the text encoder learns.

        No words are told as a drawing is led away from them.
        """
        if self.learning:
            return self._encoded(captions)
        return torch.cat([self._one(caption) for caption in captions])

    @torch.no_grad()
    def _one(self, caption: str) -> Tensor:
        if caption in self._known:
            return self._known[caption]
        encoded = self._encoded([caption])
        if self.kept:
            self._known[caption] = encoded
        return encoded

    def _encoded(self, captions: Sequence[str]) -> Tensor:
        checkpoint = self.checkpoint
        encoded = read_texts(checkpoint.readers, captions, checkpoint.facts.token_limit).to(checkpoint.dtype)
        if not checkpoint.facts.silent:
            return encoded
        heard = torch.tensor([bool(caption) for caption in captions], device=encoded.device)
        return torch.where(heard[:, None, None], encoded, 0.0)
