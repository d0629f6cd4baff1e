"""A LoRA trained with its trigger word (Kumari et al. 2023)."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType

from torch import Tensor, nn

from sakuga.training.lora import LoraMethod
from sakuga.training.textual_inversion import EmbeddingMethod


class LoraEmbeddingMethod:
    """A LoRA and an embedding in one checkpoint.

    Captions without the word keep their embeddings.
    """

    def __init__(self, lora: LoraMethod, name: EmbeddingMethod) -> None:
        self.lora, self.name, self.checkpoint = lora, name, lora.checkpoint
        self.networks = nn.ModuleDict({**lora.low_rank, "name": name.networks})

    def encode_captions(self, captions: Sequence[str]) -> Tensor:
        """Encode captions, (n, rows, channels).

        Those of the class, without the word, are cached.
        """
        return self.name.encode(captions) if any(map(self.name.contains_word, captions)) else self.lora.encode_captions(captions)

    def base_weights(self) -> AbstractContextManager[None]:
        """Run the block without the LoRA.

        Captions without the word are not affected by the embedding.
        """
        return self.lora.base_weights()

    def rate_shares(self) -> Mapping[str, float]:
        """Return those of the LoRA."""
        return self.lora.rate_shares()

    def training_step(self, number: int) -> AbstractContextManager[None]:
        """Run the block as a step of the LoRA."""
        return self.lora.training_step(number)

    def close(self) -> None:
        """Restore the checkpoint."""
        self.name.close()
        self.lora.close()

    def write(self, folder: Path, name: str, trigger: str, metadata: Mapping[str, str] = MappingProxyType({})) -> None:
        """Write one style of both.

        The word is its trigger.
        """
        self.name.write(folder, name, trigger)
        self.lora.write(folder, name, self.name.word, metadata)
