"""Learn a LoRA and the name that calls it at once: the name says what words can, the LoRA the rest (Kumari et al. 2023)."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from torch import Tensor, nn

from sakuga.training.lora import LoraLearner
from sakuga.training.textual_inversion import WordLearner


class NamedLearner:
    """Low-rank changes and a word in learning, in one checkpoint. Captions that do not say the name are told as they are."""

    def __init__(self, changes: LoraLearner, name: WordLearner) -> None:
        self.changes, self.name, self.checkpoint = changes, name, changes.checkpoint
        self.networks = nn.ModuleDict({**changes.changes, "name": name.networks})

    def told(self, captions: Sequence[str]) -> Tensor:
        """Encode captions; those of the class, which never say the name, are kept."""
        return self.name.read(captions) if any(map(self.name.says, captions)) else self.changes.told(captions)

    def unchanged(self) -> AbstractContextManager[None]:
        """Take the changes off; what does not say the name never heard of it."""
        return self.changes.unchanged()

    def close(self) -> None:
        """Leave the checkpoint as it was."""
        self.name.close()
        self.changes.close()

    def write(self, folder: Path, name: str, trigger: str) -> None:
        """Write one style of both, which the learnt name calls."""
        self.name.write(folder, name, trigger)
        self.changes.write(folder, name, self.name.word)
