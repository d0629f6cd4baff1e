"""Text encoders: how prompts become what a UNet is told. Stable Diffusion XL has two, whose words stand side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from sakuga.models.embeddings import Network
from sakuga.models.tokenization import Tokens, tokens_of
from sakuga.story.emphasis import Emphasis


@dataclass(slots=True, kw_only=True, eq=False)
class Reader:
    """A tokenizer with its text encoder, and the words that the encoder learnt later."""

    network: Network
    """What adapters call the encoder."""
    tokenizer: Any
    encoder: Any
    words: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Words that are worn, with their token numbers; `wearing` puts them here."""

    def tokens(self, text: str) -> Tokens:
        """Split a text."""
        return tokens_of(self.tokenizer, text, self.words)

    def read(self, texts: Sequence[Tokens], limit: int, **asked: bool) -> Any:
        """Ask the encoder about texts that are each cut or filled up to `limit` tokens."""
        fitted = [text.fitted(limit, self.tokenizer.pad_token_id) for text in texts]
        ids = torch.tensor([text.ids for text in fitted], device=self.encoder.device)
        masked = getattr(self.encoder.config, "use_attention_mask", False)
        seen = [[place < len(text.ids) for place in range(limit)] for text in texts]
        mask = torch.tensor(seen, dtype=torch.long, device=self.encoder.device) if masked else None
        return self.encoder(ids, attention_mask=mask, **asked)


def read_texts(readers: Sequence[Reader], texts: Sequence[str], limit: int) -> Tensor:
    """Read texts plainly, brackets being brackets: (texts, rows, channels), a row for each of `limit` tokens.

    One encoder tells its last layer. Two tell their last but one, side by side, and the second its projected pooled text in one more row
    (Podell et al. 2023, section 2.1).
    """
    if len(readers) == 1:
        return torch.as_tensor(readers[0].read([readers[0].tokens(text) for text in texts], limit)[0])
    words = []
    for reader in readers:
        tokens = [reader.tokens(text) for text in texts]
        read = reader.read(tokens, limit, output_hidden_states=True)
        words.append(read.hidden_states[-2])
    return packed(torch.cat(words, dim=-1), _pooled(readers[-1], tokens, read, limit))


def _pooled(reader: Reader, tokens: Sequence[Tokens], read: Any, limit: int) -> Tensor:
    """Project what is read at each text's end mark.

    transformers takes the greatest token number for the end mark in old configs, and learnt words have greater ones.
    """
    ends = [min(len(text.ids), limit) - 1 for text in tokens]
    at_end = read.last_hidden_state[torch.arange(len(ends)), torch.tensor(ends)]
    return torch.as_tensor(reader.encoder.text_projection(at_end))


def packed(words: Tensor, pooled: Tensor) -> Tensor:
    """Put pooled texts, (texts, channels), behind their words, (texts, tokens, channels), as one more row that zeros fill up."""
    row = torch.nn.functional.pad(pooled, (0, words.shape[-1] - pooled.shape[-1]))
    return torch.cat([words, row[:, None].to(words.dtype)], dim=1)


def parts(told: Tensor, pooled: int) -> tuple[Tensor, ...]:
    """Return the rows of the words alone, and those of the pooled text, where `pooled` channels of such were packed."""
    return (told[:, :-1], told[:, -1:]) if pooled else (told,)


def weights(readers: Sequence[Reader], said: Emphasis, limit: int, rows: int) -> Tensor:
    """Return how much each row counts in each channel, (rows, channels), or (rows, 1) for one encoder; a pooled text is never weighed."""
    columns = []
    for reader in readers:
        places = reader.tokens(said.text).fitted(limit, reader.tokenizer.pad_token_id).places
        column = torch.tensor([said.weight(start, stop) for start, stop in places] + [1.0] * (rows - limit))[:, None]
        columns.append(column if len(readers) == 1 else column.expand(-1, reader.encoder.config.hidden_size))
    return torch.cat(columns, dim=1)
