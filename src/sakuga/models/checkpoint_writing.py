"""Writing a checkpoint in diffusers' layout with some of its networks changed."""

import copy
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sakuga.files import atomic_folder
from sakuga.models.checkpoint_files import (
    MODEL_INDEX,
    MOTION_ADAPTER,
    REQUIRED_COMPONENTS,
    TEXT_COMPONENTS,
    TEXT_COMPONENTS_2,
    UPSCALER,
    CheckpointFiles,
)

BESIDE = (UPSCALER, MOTION_ADAPTER, "few_step", "classifier")
"""What is no component of a pipeline, and fits a changed UNet, too."""


def write_checkpoint(source: CheckpointFiles, networks: Mapping[str, Any], folder: Path, dtype: torch.dtype = torch.float16) -> None:
    """Write a checkpoint with these networks in a number format; the rest is copied from the source."""
    with atomic_folder(folder, overwrite=True) as draft:
        beside = [part for part in BESIDE if (source.folder / part).is_dir()]
        for part in (*source.components(), *beside):
            if part not in networks:
                shutil.copytree(source.folder / part, draft / part)
        (draft / MODEL_INDEX).write_text(json.dumps(_index(source), indent=2) + "\n", encoding="utf-8")
        for part, network in networks.items():
            # diffusers' own `to` warns of layers that it would keep in float32, also where there are none.
            torch.nn.Module.to(copy.deepcopy(network), "cpu", dtype).save_pretrained(draft / part)


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
