"""DreamBooth training of the whole UNet (Ruiz et al. 2023)."""

import copy
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from sakuga.files import atomic_folder
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.checkpoint_files import MODEL_INDEX, REQUIRED_COMPONENTS, TEXT_COMPONENTS, TEXT_COMPONENTS_2, CheckpointFiles
from sakuga.training.caption_embeddings import CaptionEncoder


class FullUNetMethod:
    """All weights of the UNet.

    `keep_base` keeps a copy of the base model's.
    """

    def __init__(self, checkpoint: Checkpoint, *, cache_captions: bool = True, keep_base: bool = False) -> None:
        self.checkpoint = checkpoint
        self._base: Any = copy.deepcopy(checkpoint.unet) if keep_base else None
        self.networks: Any = checkpoint.unet.requires_grad_(True)
        self._encoder = CaptionEncoder(checkpoint, cached=cache_captions)

    def encode_captions(self, captions: Sequence[str]) -> Tensor:
        """Encode captions, (n, rows, channels)."""
        return self._encoder(captions)

    @contextmanager
    def base_weights(self) -> Iterator[None]:
        """Run the block with the base model's UNet."""
        self.checkpoint.unet = self._base
        try:
            yield
        finally:
            self.checkpoint.unet = self.networks

    def close(self) -> None:
        """Freeze the UNet; it keeps its trained weights."""
        self.networks.requires_grad_(False)

    def write(self, folder: Path, name: str, trigger: str) -> None:
        """Write a checkpoint with this UNet in half precision.

        The rest is copied from the base.
        """
        source = self.checkpoint.files
        with atomic_folder(folder, overwrite=True) as draft:
            for part in source.components():
                if part != "unet":
                    shutil.copytree(source.folder / part, draft / part)
            (draft / MODEL_INDEX).write_text(json.dumps(_index(source), indent=2) + "\n", encoding="utf-8")
            copy.deepcopy(self.networks).half().to("cpu").save_pretrained(draft / "unet")


def _index(source: CheckpointFiles) -> dict[str, Any]:
    """Build `model_index.json`; components that were not copied are null."""
    parts = source.components()
    if source.index:
        gone = {part for part, entry in source.index.items() if isinstance(entry, list) and part not in parts}
        return {part: [None, None] if part in gone else entry for part, entry in source.index.items()}
    kind = "StableDiffusionXLPipeline" if source.info.pooled_channels else "StableDiffusionPipeline"
    networks = {part: ["diffusers", source.config(part)["_class_name"]] for part in REQUIRED_COMPONENTS}
    texts = {part: ["transformers", _class(source, part)] for part in (*TEXT_COMPONENTS, *TEXT_COMPONENTS_2) if part in parts}
    absent = ("feature_extractor", "image_encoder") + (() if source.info.pooled_channels else ("safety_checker",))
    return {"_class_name": kind, **networks, **texts, **{part: [None, None] for part in absent}}


def _class(source: CheckpointFiles, part: str) -> str:
    return "CLIPTokenizer" if part.startswith("tokenizer") else str(source.config(part)["architectures"][0])
