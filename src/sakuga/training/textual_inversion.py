"""Textual Inversion (Gal et al. 2023)."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional

from sakuga.files import write_atomic, write_text
from sakuga.models.adapters import Adapter, LearnedWord, write_embeddings
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.embeddings import EncoderName
from sakuga.models.families import family_of
from sakuga.models.style_files import EMBEDDING_FILE, STYLE_FILE
from sakuga.models.style_metadata import StyleMetadata, format_metadata
from sakuga.models.text_encoders import TextEncoder
from sakuga.models.tokenization import tokenize
from sakuga.training.caption_embeddings import CaptionEncoder
from sakuga.training.method_settings import TextualInversion
from sakuga.training.plan import TrainingPlanError

SPREAD = 0.1
"""Deviation between vectors that start from the same token, as a share of the table's deviation."""
ROWS: dict[EncoderName, str] = {"text_encoder": "rows", "text_encoder_2": "rows_2"}
"""Names of the trained rows in checkpoints, by text encoder."""


class ExtendedEmbedding(nn.Module):
    """A token embedding with trainable rows behind its end."""

    def __init__(self, table: nn.Embedding, rows: nn.Parameter) -> None:
        super().__init__()
        self._kept = [table]  # In a list, so that its weights are none of this module's.
        self.rows = rows

    @property
    def weight(self) -> Tensor:
        """Return the original table."""
        return self._kept[0].weight

    def forward(self, ids: Tensor) -> Tensor:
        """Look up token embeddings."""
        end = self._kept[0].num_embeddings
        frozen = self._kept[0](ids.clamp(max=end - 1))
        trained = functional.embedding((ids - end).clamp(min=0), self.rows).to(frozen.dtype)
        return torch.where((ids >= end)[..., None], trained, frozen)


class EmbeddingMethod:
    """A word's embedding in every text encoder.

    Captions without the word get it appended.
    """

    def __init__(self, checkpoint: Checkpoint, method: TextualInversion, word: str, *, seed: int) -> None:
        self.checkpoint, self.word = checkpoint, word
        self._before = [(encoder.network.get_input_embeddings(), encoder.added_tokens) for encoder in checkpoint.text_encoders]
        self.embeddings: dict[EncoderName, ExtendedEmbedding] = {}
        for encoder, (table, words) in zip(checkpoint.text_encoders, self._before, strict=True):
            initial = initial_vectors(encoder, method.initial or word.strip("<>"), method.vectors, seed)
            extended = self.embeddings[encoder.name] = ExtendedEmbedding(table, nn.Parameter(initial))
            encoder.network.set_input_embeddings(extended)
            encoder.added_tokens = {**words, word: tuple(range(table.num_embeddings, table.num_embeddings + method.vectors))}
        self.networks = nn.ParameterDict({ROWS[network]: extended.rows for network, extended in self.embeddings.items()})
        self.encode: Callable[[Sequence[str]], Tensor] = CaptionEncoder(checkpoint, trained=True)

    def encode_captions(self, captions: Sequence[str]) -> Tensor:
        """Encode captions with the word in them, (n, rows, channels).

        An empty one stays empty.
        """
        return self.encode([self.add_word(caption) for caption in captions])

    def add_word(self, caption: str) -> str:
        """Append the word to a caption that lacks it."""
        return caption if self.contains_word(caption) or not caption else f"{caption}, {self.word}"

    def contains_word(self, caption: str) -> bool:
        """Return whether a caption contains the word."""
        encoder = self.checkpoint.text_encoders[0]
        return encoder.added_tokens[self.word][0] in encoder.tokenize(caption).ids

    def base_weights(self) -> AbstractContextManager[None]:
        """Run the block as it is.

        Captions without the word are not affected.
        """
        return nullcontext()

    def rate_shares(self) -> Mapping[str, float]:
        """Return no shares: all have one learning rate."""
        return {}

    def training_step(self, number: int) -> AbstractContextManager[None]:
        """Run the block as it is."""
        return nullcontext()

    def close(self) -> None:
        """Restore the text encoders."""
        for encoder, (table, words) in zip(self.checkpoint.text_encoders, self._before, strict=True):
            encoder.network.set_input_embeddings(table)
            encoder.added_tokens = words

    def adapter(self, name: str) -> Adapter:
        """Return the trained embedding as an adapter."""
        vectors: dict[str, Tensor] = {network: extended.rows.detach().clone() for network, extended in self.embeddings.items()}
        word = LearnedWord(trigger=self.word, vectors=vectors)
        return Adapter(name=name, learned_words=(word,), declared_family=family_of(self.checkpoint.info).name)

    def write(self, folder: Path, name: str, trigger: str, metadata: Mapping[str, str] = MappingProxyType({})) -> None:
        """Write `learned_embeds.safetensors`, and `style.toml` with the word as trigger."""
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / EMBEDDING_FILE, partial(write_embeddings, self.adapter(name)))
        write_text(folder / STYLE_FILE, format_metadata(StyleMetadata(trigger=self.word)))


def is_known_word(checkpoint: Checkpoint, word: str) -> bool:
    """Return whether each part of a word is one token."""
    encode = [tokenize(checkpoint.tokenizer, part, {}).ids for part in word.split()]
    return word.replace(" ", "").isalnum() and all(len(ids) == 3 for ids in encode)


def initial_vectors(encoder: TextEncoder, initial: str, vectors: int, seed: int) -> Tensor:
    """Return the initial rows of an embedding.

    Shape (vectors, channels): the embeddings of the initial words' tokens. One vector starts as the mean of all; more vectors than tokens
    repeat them with an offset. Raises TrainingPlanError without words.
    """
    ids = encoder.tokenize(initial).ids[1:-1]
    if not ids:
        raise TrainingPlanError("there are no initializer words: give --initial, general words for what the images show")
    table: Tensor = encoder.network.get_input_embeddings().weight.detach().float()
    found = table[torch.tensor(ids, device=table.device)]
    if vectors == 1:
        return found.mean(dim=0, keepdim=True)
    rows = found[torch.arange(vectors) % len(ids)]
    offsets = torch.randn(rows.shape, generator=torch.Generator().manual_seed(seed % 2**63)).to(rows)
    repeated = (torch.arange(vectors) >= len(ids))[:, None].to(rows.device)
    return rows + torch.where(repeated, offsets * table.std() * SPREAD, 0.0)
