"""Learn with the whole UNet, as DreamBooth was first described (Ruiz et al. 2023)."""

import copy
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from sakuga.models.checkpoint import Checkpoint
from sakuga.training.texts import Texts


class WholeLearner:
    """The UNet itself in learning; `remembers` keeps a copy of what it was, to ask."""

    def __init__(self, checkpoint: Checkpoint, *, keep_texts: bool = True, remembers: bool = False) -> None:
        self.checkpoint = checkpoint
        self._before: Any = copy.deepcopy(checkpoint.unet) if remembers else None
        self.networks: Any = checkpoint.unet.requires_grad_(True)
        self._asked = self.networks
        self._texts = Texts(checkpoint, kept=keep_texts)

    def told(self, captions: Sequence[str]) -> Tensor:
        """Encode captions."""
        return self._texts(captions)

    def predict(self, noisy: Tensor, timesteps: Tensor, told: Tensor) -> Tensor:
        """Ask the UNet as it has become."""
        predicted: Tensor = self._asked(noisy, timesteps, told, return_dict=False)[0]
        return predicted

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Ask the copy."""
        self._asked = self._before
        try:
            yield
        finally:
            self._asked = self.networks

    def close(self) -> None:
        """Let the UNet learn no more; it stays as it has become."""
        self.networks.requires_grad_(False)

    def write(self, folder: Path, name: str, trigger: str) -> None:
        """Write a checkpoint with this UNet in half precision, all else copied from the base."""
        source, beside = self.checkpoint.source, folder.with_name(f".{folder.name}")
        shutil.rmtree(beside, ignore_errors=True)
        for part in source.parts():
            if part != "unet":
                shutil.copytree(source.folder / part, beside / part)
        index = {"_class_name": "StableDiffusionPipeline", **_read(source.folder / "model_index.json")}
        (beside / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
        copy.deepcopy(self.networks).half().to("cpu").save_pretrained(beside / "unet")
        shutil.rmtree(folder, ignore_errors=True)
        beside.replace(folder)


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}
