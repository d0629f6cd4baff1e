"""Image encoders of IP-Adapters on disk: a folder in transformers' layout, or one safetensors file of its weights.

Loads no torch.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from math import isqrt
from pathlib import Path
from typing import Any

from sakuga.files import read_utf8
from sakuga.models.checkpoint_files import CheckpointError, weight_files
from sakuga.models.single_file.header import read_single_file

HEADS = {768: 12, 1024: 16, 1280: 16, 1664: 16}
"""Attention heads of the published CLIP image encoders, by their width; a file of weights does not say how many."""
QUICK = (768, 1024)
"""Widths of OpenAI's, whose activation is an approximation of GELU."""
EMBEDDINGS, LAYER = "vision_model.embeddings", "vision_model.encoder.layers"


@dataclass(frozen=True)
class ImageEncoderFiles:
    """A CLIP image encoder."""

    path: Path

    @property
    def is_single_file(self) -> bool:
        return self.path.is_file()

    @property
    def weights(self) -> list[Path]:
        """Return the files of its weights; raises CheckpointError where there are none."""
        return [self.path] if self.is_single_file else weight_files(self.path, str(self.path))

    @cached_property
    def config(self) -> dict[str, Any]:
        """Read the config, or tell it from the shapes of a single file; raises CheckpointError."""
        return self._told_config() if self.is_single_file else self._read_config()

    def _read_config(self) -> dict[str, Any]:
        path = self.path / "config.json"
        try:
            config: dict[str, Any] = dict(json.loads(read_utf8(path)))
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise CheckpointError(f"cannot read {path} ({error}): download it again") from error
        return dict(config.get("vision_config", config))

    def _told_config(self) -> dict[str, Any]:
        shapes = read_single_file(self.path).shapes
        try:
            channels, _, patch, _ = shapes[f"{EMBEDDINGS}.patch_embedding.weight"]
            places, _ = shapes[f"{EMBEDDINGS}.position_embedding.weight"]
            inner, _ = shapes[f"{LAYER}.0.mlp.fc1.weight"]
            projected, _ = shapes["visual_projection.weight"]
        except (KeyError, ValueError):
            raise CheckpointError(f"'{self.path}' is no CLIP image encoder in transformers' layout: give its folder") from None
        if channels not in HEADS:
            raise CheckpointError(f"'{self.path}' is a CLIP image encoder of an unknown size ({channels} channels): give its folder")
        return {
            "hidden_size": channels,
            "intermediate_size": inner,
            "num_hidden_layers": sum(key.startswith(LAYER) and key.endswith(".mlp.fc1.weight") for key in shapes),
            "num_attention_heads": HEADS[channels],
            "image_size": isqrt(places - 1) * patch,
            "patch_size": patch,
            "projection_dim": projected,
            "hidden_act": "quick_gelu" if channels in QUICK else "gelu",
        }
