"""Text embeddings of training captions."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sakuga.models.checkpoint import Checkpoint
from sakuga.models.text_encoders import encode_texts

LIMIT = 1 << 30
"""Bytes of embeddings that are kept."""


class CaptionEncoder:
    """Encodes captions one by one, without emphasis syntax.

    So embeddings are batch-invariant. They are cached, up to a gigabyte, unless `trained`, where gradients flow through the text encoder.
    """

    def __init__(self, checkpoint: Checkpoint, *, trained: bool = False, cached: bool = True) -> None:
        self.checkpoint, self.trained, self.cached = checkpoint, trained, cached
        self._cache: dict[str, Tensor] = {}

    def __call__(self, captions: Sequence[str]) -> Tensor:
        """Encode captions, (captions, rows, channels).

        An empty one becomes zeros where the checkpoint expects zeros as unconditional embedding.
        """
        if self.trained:
            return self._encode(captions)
        return torch.cat([self._encode_one(caption) for caption in captions])

    @torch.no_grad()
    def _encode_one(self, caption: str) -> Tensor:
        if caption in self._cache:
            return self._cache[caption]
        encoded = self._encode([caption])
        if self.cached and encoded.nbytes * len(self._cache) < LIMIT:
            self._cache[caption] = encoded
        return encoded

    def _encode(self, captions: Sequence[str]) -> Tensor:
        checkpoint = self.checkpoint
        encoded = encode_texts(checkpoint.text_encoders, captions, checkpoint.info.token_limit).to(checkpoint.dtype)
        if not checkpoint.info.zeros_for_empty_prompt:
            return encoded
        conditional = torch.tensor([bool(caption) for caption in captions], device=encoded.device)
        return torch.where(conditional[:, None, None], encoded, 0.0)


@torch.no_grad()
def encode_padded(checkpoint: Checkpoint, texts: Sequence[str], length: int) -> Tensor:
    """Encode texts as one batch padded to `length` tokens.

    Shape (texts, length, channels).
    """
    tokenizer: Any = checkpoint.tokenizer
    ids = tokenizer(list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt").input_ids
    embedded: Tensor = checkpoint.text_encoder(ids.to(checkpoint.device))[0]
    return embedded
