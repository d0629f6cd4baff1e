"""Text encoders: prompts to prompt embeddings.

Stable Diffusion XL has two, concatenated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from sakuga.models.embeddings import EncoderName
from sakuga.models.tokenization import Tokens, tokenize
from sakuga.story.emphasis import Emphasis


@dataclass(slots=True, kw_only=True, eq=False)
class TextEncoder:
    """A text encoder with its tokenizer and loaded learned words."""

    name: EncoderName
    """Its component, as adapters name it."""
    tokenizer: Any
    network: Any
    added_tokens: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Learned words with their token numbers; `applied_adapters` sets it."""

    def tokenize(self, text: str) -> Tokens:
        """Tokenize a text, learned words included."""
        return tokenize(self.tokenizer, text, self.added_tokens)

    def encode(self, texts: Sequence[Tokens], limit: int, **options: bool) -> Any:
        """Run the network on texts, each truncated or padded to `limit` tokens."""
        resized = [text.resized(limit, self.tokenizer.pad_token_id) for text in texts]
        ids = torch.tensor([text.ids for text in resized], device=self.network.device)
        masked = getattr(self.network.config, "use_attention_mask", False)
        attended = [[place < len(text.ids) for place in range(limit)] for text in texts]
        mask = torch.tensor(attended, dtype=torch.long, device=self.network.device) if masked else None
        return self.network(ids, attention_mask=mask, **options)


def encode_texts(encoders: Sequence[TextEncoder], texts: Sequence[str], limit: int, clip_skip: int = 1) -> Tensor:
    """Encode texts without emphasis.

    Returns (texts, rows, channels), one row for each of `limit` tokens. A single encoder gives its last layer, or with `clip_skip` 2 the
    one before, behind the final norm. Two give their penultimate layers, or with `clip_skip` 2 those before, concatenated, and the
    second's projected pooled text as one more row (Podell et al. 2023, section 2.1).
    """
    return encode_tokens(encoders, [[encoder.tokenize(text) for text in texts] for encoder in encoders], limit, clip_skip)


def encode_tokens(encoders: Sequence[TextEncoder], tokenized: Sequence[Sequence[Tokens]], limit: int, clip_skip: int = 1) -> Tensor:
    """Encode texts by their tokens, given for each encoder; as `encode_texts`."""
    if len(encoders) == 1:
        if clip_skip == 1:
            return torch.as_tensor(encoders[0].encode(tokenized[0], limit)[0])
        state = _hidden_state(encoders[0].encode(tokenized[0], limit, output_hidden_states=True), clip_skip)
        return torch.as_tensor(_final_norm(encoders[0].network)(state))
    embeds = []
    for encoder, tokens in zip(encoders, tokenized, strict=True):
        output = encoder.encode(tokens, limit, output_hidden_states=True)
        embeds.append(_hidden_state(output, clip_skip + 1))
    return append_pooled(torch.cat(embeds, dim=-1), _pooled(encoders[-1], tokens, output, limit))


def _hidden_state(output: Any, place: int) -> Tensor:
    """Return a layer's output, counted from the last as 1."""
    return torch.as_tensor(output.hidden_states[-place])


def _final_norm(network: Any) -> Any:
    return getattr(network, "text_model", network).final_layer_norm


def _pooled(encoder: TextEncoder, tokens: Sequence[Tokens], output: Any, limit: int) -> Tensor:
    """Project the last hidden state at each text's end mark.

    transformers takes the greatest token number for the end mark in old configs, but learned words have greater ones.
    """
    ends = [min(len(text.ids), limit) - 1 for text in tokens]
    at_end = output.last_hidden_state[torch.arange(len(ends)), torch.tensor(ends)]
    return torch.as_tensor(encoder.network.text_projection(at_end))


def append_pooled(embeds: Tensor, pooled: Tensor) -> Tensor:
    """Append pooled texts to their embeddings.

    The pooled text, (texts, channels), becomes one zero-padded row behind (texts, tokens, channels).
    """
    row = torch.nn.functional.pad(pooled, (0, embeds.shape[-1] - pooled.shape[-1]))
    return torch.cat([embeds, row[:, None].to(embeds.dtype)], dim=1)


def split_pooled(prompt_embeds: Tensor, pooled_channels: int) -> tuple[Tensor, ...]:
    """Split prompt embeddings into token rows and pooled row.

    Only a model with `pooled_channels` has the latter.
    """
    return (prompt_embeds[:, :-1], prompt_embeds[:, -1:]) if pooled_channels else (prompt_embeds,)


def emphasis_weights(encoders: Sequence[TextEncoder], emphasis: Emphasis, limit: int, rows: int) -> Tensor:
    """Return the weight of each row in each channel.

    The shape is (rows, channels), or (rows, 1) for one encoder; the pooled row weighs 1.
    """
    return token_weights(encoders, emphasis, [encoder.tokenize(emphasis.text) for encoder in encoders], limit, rows)


def token_weights(encoders: Sequence[TextEncoder], emphasis: Emphasis, tokenized: Sequence[Tokens], limit: int, rows: int) -> Tensor:
    """Return the weight of each row by a text's tokens, given for each encoder; as `emphasis_weights`."""
    columns = []
    for encoder, tokens in zip(encoders, tokenized, strict=True):
        offsets = tokens.resized(limit, encoder.tokenizer.pad_token_id).offsets
        column = torch.tensor([emphasis.weight(start, stop) for start, stop in offsets] + [1.0] * (rows - limit))[:, None]
        columns.append(column if len(encoders) == 1 else column.expand(-1, encoder.network.config.hidden_size))
    return torch.cat(columns, dim=1)
