"""The depth estimator: a small Dense Prediction Transformer (Ranftl et al. 2021) that reads how near each pixel of a picture is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoModelForDepthEstimation, DPTConfig, DPTForDepthEstimation, DPTImageProcessorPil

from sakuga.models.image_tensors import Pixels
from sakuga.models.loading import opened

SIZE = 128
NEAR = "nearness"
"""A key of our own in the config: what the network says is nearness from 0.0 (the sky) to 1.0 (the lens) and needs no stretching."""
DPT: dict[str, Any] = {
    "is_hybrid": True,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "image_size": SIZE,
    "patch_size": 16,
    "backbone_config": {
        "model_type": "bit",
        "embedding_size": 32,
        "hidden_sizes": [64, 128, 192],
        "depths": [3, 3, 3],
        "layer_type": "bottleneck",
        "num_groups": 8,
        "global_padding": "same",
        "embedding_dynamic_padding": True,
        "out_features": ["stage1", "stage2", "stage3"],
    },
    "backbone_featmap_shape": [1, 192, 8, 8],
    "backbone_out_indices": [0, 1, 0, 1],  # Of the last two, the layers of the transformer; the first two are convolutional.
    "reassemble_factors": [1, 1, 1, 0.5],
    "neck_hidden_sizes": [64, 128, 32, 32],
    "fusion_hidden_size": 32,
    "use_auxiliary_head": False,
}

Depth = NDArray[np.float32]
"""(height, width), 0.0 far to 1.0 near."""


def make_depth_estimator() -> DPTForDepthEstimation:
    """Build the estimator, with random weights; it begins by saying half-way everywhere, where its last ReLU lets gradients through.

    The library begins every convolution with a deviation of 0.02, through which hardly anything passes at this width. Here those of neck
    and head keep the size of what they are shown (He et al. 2015), and residual units begin as the identity.
    """
    network = DPTForDepthEstimation(DPTConfig(**DPT, **{NEAR: True}))
    for part in (network.neck, network.head.head[:-2]):
        for name, module in part.named_modules():
            if isinstance(module, nn.Conv2d):
                nn.init.zeros_(module.weight) if name.endswith("convolution2") else nn.init.kaiming_normal_(module.weight)
    nn.init.normal_(network.head.head[-2].weight, std=0.002)
    nn.init.constant_(network.head.head[-2].bias, 0.5)
    return network


def make_depth_processor() -> DPTImageProcessorPil:
    """Build what prepares a picture of any size for the estimator: 128 px square, in [-1, 1]."""
    side = {"height": SIZE, "width": SIZE}
    return DPTImageProcessorPil(size=side, keep_aspect_ratio=False, ensure_multiple_of=1, image_mean=[0.5] * 3, image_std=[0.5] * 3)


def open_depth(folder: Path) -> Any:
    """Open the network of a folder in single precision."""
    return opened(AutoModelForDepthEstimation, folder, torch.float32)


def load_depth(folder: Path, device: str = "cpu") -> Callable[[Pixels], Depth]:
    """Return what reads the depth of a picture, (height, width, 3) uint8 to (height, width) float32 with 1.0 near, by a folder's network.

    Any DPT or Depth Anything that says inverse depth will do; what it says is stretched over 0 to 1, picture by picture, unless its
    config promises nearness as ours does. Raises CheckpointError where the folder cannot be opened.
    """
    network = open_depth(folder).to(device)
    processor = DPTImageProcessorPil.from_pretrained(folder)

    @torch.inference_mode()
    def estimate(picture: Pixels) -> Depth:
        shown = processor(images=picture, input_data_format="channels_last", return_tensors="pt").pixel_values.to(device)
        said = network(pixel_values=shown).predicted_depth[:, None].float()
        full = nn.functional.interpolate(said, size=picture.shape[:2], mode="bilinear", align_corners=False)[0, 0]
        near = full if getattr(network.config, NEAR, False) else _stretched(full)
        result: Depth = near.clamp(0.0, 1.0).cpu().numpy()
        return result

    return estimate


def _stretched(said: Tensor) -> Tensor:
    return (said - said.min()) / (said.max() - said.min()).clamp(min=1e-6)
