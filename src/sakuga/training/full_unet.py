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
from sakuga.models.checkpoint_files import INDEX, MORE_WORDS, NEEDED, WORDS, Source
from sakuga.training.caption_embeddings import Texts


class WholeLearner:
    """The UNet itself in learning; `remembers` keeps a copy of what it was, to ask."""

    def __init__(self, checkpoint: Checkpoint, *, keep_texts: bool = True, remembers: bool = False) -> None:
        self.checkpoint = checkpoint
        self._before: Any = copy.deepcopy(checkpoint.unet) if remembers else None
        self.networks: Any = checkpoint.unet.requires_grad_(True)
        self._texts = Texts(checkpoint, kept=keep_texts)

    def told(self, captions: Sequence[str]) -> Tensor:
        """Encode captions."""
        return self._texts(captions)

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Let the checkpoint ask the copy."""
        self.checkpoint.unet = self._before
        try:
            yield
        finally:
            self.checkpoint.unet = self.networks

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
        (beside / INDEX).write_text(json.dumps(_index(source), indent=2) + "\n", encoding="utf-8")
        copy.deepcopy(self.networks).half().to("cpu").save_pretrained(beside / "unet")
        shutil.rmtree(folder, ignore_errors=True)
        beside.replace(folder)


def _index(source: Source) -> dict[str, Any]:
    """Say what a folder is made of, as diffusers does; parts that no drawing needs were not copied, and are none."""
    parts = source.parts()
    if source.index:
        gone = {part for part, told in source.index.items() if isinstance(told, list) and part not in parts}
        return {part: [None, None] if part in gone else told for part, told in source.index.items()}
    kind = "StableDiffusionXLPipeline" if source.facts.pooled else "StableDiffusionPipeline"
    made = {part: ["diffusers", source.config(part)["_class_name"]] for part in NEEDED}
    readers = {part: ["transformers", _class(source, part)] for part in (*WORDS, *MORE_WORDS) if part in parts}
    absent = ("feature_extractor", "image_encoder") + (() if source.facts.pooled else ("safety_checker",))
    return {"_class_name": kind, **made, **readers, **{part: [None, None] for part in absent}}


def _class(source: Source, part: str) -> str:
    return "CLIPTokenizer" if part.startswith("tokenizer") else str(source.config(part)["architectures"][0])
