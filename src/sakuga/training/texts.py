"""Captions as the UNet is told them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from sakuga.models.checkpoint import Checkpoint
from sakuga.models.tokens import tokens_of


class Texts:
    """Encodes captions plainly, brackets being brackets; each is encoded alone and kept, unless the text encoder is learning.

    A caption's embedding so never depends on its company, nor on whether it is kept.
    """

    def __init__(self, checkpoint: Checkpoint, *, learning: bool = False, kept: bool = True) -> None:
        self.checkpoint, self.learning, self.kept = checkpoint, learning, kept
        self._known: dict[str, Tensor] = {}

    def __call__(self, captions: Sequence[str]) -> Tensor:
        """Return (captions, token limit, channels); gradients flow where the text encoder learns."""
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
        limit, padding = checkpoint.facts.token_limit, checkpoint.tokenizer.pad_token_id
        read = [tokens_of(checkpoint.tokenizer, caption, checkpoint.words) for caption in captions]
        ids = torch.tensor([tokens.fitted(limit, padding).ids for tokens in read], device=checkpoint.device)
        masked = getattr(checkpoint.text_encoder.config, "use_attention_mask", False)
        seen = [[place < len(tokens.ids) for place in range(limit)] for tokens in read]
        mask = torch.tensor(seen, dtype=torch.long, device=checkpoint.device) if masked else None
        encoded: Tensor = checkpoint.text_encoder(ids, attention_mask=mask)[0]
        return encoded.to(checkpoint.dtype)
