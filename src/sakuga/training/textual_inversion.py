"""Learn what one word means (Textual Inversion, Gal et al. 2023): a few rows of the text encoder's table, and nothing else."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from sakuga.files import write_whole
from sakuga.models.adapters import Adapter, Word, write_words
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.embeddings import Network
from sakuga.models.families import family_of_source
from sakuga.models.style_metadata import About, about_text
from sakuga.models.styles import ABOUT, WORDS
from sakuga.models.text_encoders import Reader
from sakuga.models.tokenization import tokens_of
from sakuga.training.caption_embeddings import Texts
from sakuga.training.plan import PlanError, TextualInversion

SPREAD = 0.1
"""How far vectors that begin with the same token are apart, as a share of the table's spread."""
ROWS: dict[Network, str] = {"text_encoder": "rows", "text_encoder_2": "rows_2"}
"""What checkpoints call the rows of each text encoder."""


class Longer(nn.Module):
    """A table of embeddings with rows behind its end that learn."""

    def __init__(self, table: nn.Embedding, rows: nn.Parameter) -> None:
        super().__init__()
        self._kept = [table]  # In a list, so that its weights are none of this module's.
        self.rows = rows

    @property
    def weight(self) -> Tensor:
        """The table as it was."""
        return self._kept[0].weight

    def forward(self, ids: Tensor) -> Tensor:
        """Look tokens up."""
        end = self._kept[0].num_embeddings
        known = self._kept[0](ids.clamp(max=end - 1))
        learnt = functional.embedding((ids - end).clamp(min=0), self.rows).to(known.dtype)
        return torch.where((ids >= end)[..., None], learnt, known)


class WordLearner:
    """A word in learning, in every text encoder; the checkpoint reads it from here on. Captions that do not say it, say it at their end."""

    def __init__(self, checkpoint: Checkpoint, method: TextualInversion, word: str, *, seed: int) -> None:
        self.checkpoint, self.word = checkpoint, word
        self._before = [(reader.encoder.get_input_embeddings(), reader.words) for reader in checkpoint.readers]
        self.longer: dict[Network, Longer] = {}
        for reader, (table, words) in zip(checkpoint.readers, self._before, strict=True):
            begun = first_rows(reader, method.initial or word.strip("<>"), method.vectors, seed)
            longer = self.longer[reader.network] = Longer(table, nn.Parameter(begun))
            reader.encoder.set_input_embeddings(longer)
            reader.words = {**words, word: tuple(range(table.num_embeddings, table.num_embeddings + method.vectors))}
        self.networks = nn.ParameterDict({ROWS[network]: longer.rows for network, longer in self.longer.items()})
        self.read: Callable[[Sequence[str]], Tensor] = Texts(checkpoint, learning=True)

    def told(self, captions: Sequence[str]) -> Tensor:
        """Encode captions with the word in them; "" stays as it is."""
        return self.read([self.said(caption) for caption in captions])

    def said(self, caption: str) -> str:
        """Say the word in a caption that does not."""
        return caption if self.says(caption) or not caption else f"{caption}, {self.word}"

    def says(self, caption: str) -> bool:
        """Tell whether a caption says the word."""
        reader = self.checkpoint.readers[0]
        return reader.words[self.word][0] in reader.tokens(caption).ids

    def unchanged(self) -> AbstractContextManager[None]:
        """Change nothing: what does not say the word is told as ever."""
        return nullcontext()

    def close(self) -> None:
        """Leave the checkpoint as it was."""
        for reader, (table, words) in zip(self.checkpoint.readers, self._before, strict=True):
            reader.encoder.set_input_embeddings(table)
            reader.words = words

    def adapter(self, name: str) -> Adapter:
        """Return what was learnt, to be worn."""
        vectors: dict[str, Tensor] = {network: longer.rows.detach().clone() for network, longer in self.longer.items()}
        return Adapter(
            name=name, words=(Word(trigger=self.word, vectors=vectors),), said_for=family_of_source(self.checkpoint.source)
        )  # fmt: skip

    def write(self, folder: Path, name: str, trigger: str) -> None:
        """Write `learned_embeds.safetensors`, and that prompts call the word by itself."""
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / WORDS, partial(write_words, self.adapter(name)))
        (folder / ABOUT).write_text(about_text(About(trigger=self.word)), encoding="utf-8")


def known_already(checkpoint: Checkpoint, word: str) -> bool:
    """Tell whether a model reads a word as words of its own, each one token."""
    read = [tokens_of(checkpoint.tokenizer, part, {}).ids for part in word.split()]
    return word.replace(" ", "").isalnum() and all(len(ids) == 3 for ids in read)


def first_rows(reader: Reader, initial: str, vectors: int, seed: int) -> Tensor:
    """Return the rows to begin with, (vectors, channels): those of the initial words' tokens, again from the first where more are asked.

    One vector begins as the mean of all. Raises PlanError where there are no words.
    """
    ids = reader.tokens(initial).ids[1:-1]
    if not ids:
        raise PlanError("there is no word to begin from: give --initial, which says in general what the pictures show")
    table: Tensor = reader.encoder.get_input_embeddings().weight.detach().float()
    found = table[torch.tensor(ids, device=table.device)]
    if vectors == 1:
        return found.mean(dim=0, keepdim=True)
    rows = found[torch.arange(vectors) % len(ids)]
    chance = torch.randn(rows.shape, generator=torch.Generator().manual_seed(seed % 2**63)).to(rows)
    again = (torch.arange(vectors) >= len(ids))[:, None].to(rows.device)
    return rows + torch.where(again, chance * table.std() * SPREAD, 0.0)
