"""Prompts encoded by a checkpoint's text encoders: emphasis, chunks of 75 tokens, clip skip."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sakuga.diffusion.emphasis import apply_emphasis, scale_emphasis
from sakuga.models.checkpoint_files import CheckpointInfo
from sakuga.models.prompt_chunks import MARKS, chunk_tokens
from sakuga.models.text_encoders import TextEncoder, emphasis_weights, encode_texts, encode_tokens, split_pooled, token_weights
from sakuga.models.tokenization import Tokens
from sakuga.story.emphasis import Emphasis, read_emphasis
from sakuga.timeline.spec import Weighting


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PromptEncoder:
    """Text encoders, and how they are read."""

    encoders: tuple[TextEncoder, ...]
    info: CheckpointInfo
    dtype: torch.dtype
    clip_skip: int = 1
    """The layer that is taken, counted from the usual one as in A1111; 2 is the layer before."""

    def encode(self, prompt: str) -> Tensor:
        """Encode a prompt of one chunk with its emphasis, (1, rows, channels); what is over the token limit is ignored."""
        emphasis, limit = read_emphasis(prompt), self.info.token_limit
        encoded = encode_texts(self.encoders, [emphasis.text], limit, self.clip_skip).to(self.dtype)
        if emphasis.plain:
            return encoded
        weights = emphasis_weights(self.encoders, emphasis, limit, self.info.sequence_length)
        return apply_emphasis(encoded, self.encode(""), weights.to(encoded))

    def encode_chunks(self, prompt: str, weighting: Weighting) -> Tensor:
        """Encode a prompt of any length in chunks of 75 tokens, (1, chunks x rows, channels); a pooled text is that of the first chunk."""
        emphasis, limit = read_emphasis(prompt), self.info.token_limit
        divided = [chunk_tokens(encoder.tokenize(emphasis.text), emphasis.text, limit - MARKS) for encoder in self.encoders]
        count = max(map(len, divided))
        empty = [encoder.tokenize("") for encoder in self.encoders]
        whole = [[*chunks, *[blank] * (count - len(chunks))] for chunks, blank in zip(divided, empty, strict=True)]
        encoded = [self._encode_chunk([chunks[place] for chunks in whole], emphasis, weighting) for place in range(count)]
        parts = [split_pooled(one, self.info.pooled_channels) for one in encoded]
        return torch.cat([*(tokens for tokens, *_ in parts), *parts[0][1:]], dim=1)

    def _encode_chunk(self, tokens: Sequence[Tokens], emphasis: Emphasis, weighting: Weighting) -> Tensor:
        """Encode one chunk, given for each encoder."""
        limit = self.info.token_limit
        encoded = encode_tokens(self.encoders, [[one] for one in tokens], limit, self.clip_skip).to(self.dtype)
        if emphasis.plain:
            return encoded
        weights = token_weights(self.encoders, emphasis, tokens, limit, self.info.sequence_length).to(encoded)
        match weighting:
            case "comfyui":
                return apply_emphasis(encoded, self.encode(""), weights)
            case "a1111":
                return self._scale_emphasis(encoded, weights)

    def _scale_emphasis(self, encoded: Tensor, weights: Tensor) -> Tensor:
        """Scale each encoder's channels on their own; the pooled text stays."""
        tokens, *pooled = split_pooled(encoded, self.info.pooled_channels)
        widths = [encoder.network.config.hidden_size for encoder in self.encoders]
        shares = torch.split(weights[: tokens.shape[1]].expand(-1, tokens.shape[2]), widths, dim=1)
        scaled = [scale_emphasis(one, share) for one, share in zip(torch.split(tokens, widths, dim=2), shares, strict=True)]
        return torch.cat([torch.cat(scaled, dim=2), *pooled], dim=1)
