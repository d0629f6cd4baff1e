"""The depth estimator: a small Dense Prediction Transformer (Ranftl et al. 2021)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoModelForDepthEstimation, DPTConfig, DPTForDepthEstimation, DPTImageProcessorPil

from sakuga.models.image_tensors import Images
from sakuga.models.loading import load_network

SIZE = 128
NEARNESS_KEY = "nearness"
"""Our own config key: the network's output is nearness from 0.0 (sky) to 1.0 (camera), without normalization."""
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

DepthMap = NDArray[np.float32]
"""(height, width), 0.0 far to 1.0 near."""


def make_depth_estimator() -> DPTForDepthEstimation:
    """Build the estimator with random weights.

    Its initial output is 0.5, where the last ReLU has a gradient. The library initializes convolutions with a deviation of 0.02, so signals
    vanish at this width. Here those of neck and head preserve the variance of their input (He et al. 2015), and residual units start as the
    identity.
    """
    network = DPTForDepthEstimation(DPTConfig(**DPT, **{NEARNESS_KEY: True}))
    for part in (network.neck, network.head.head[:-2]):
        for name, module in part.named_modules():
            if isinstance(module, nn.Conv2d):
                nn.init.zeros_(module.weight) if name.endswith("convolution2") else nn.init.kaiming_normal_(module.weight)
    nn.init.normal_(network.head.head[-2].weight, std=0.002)
    nn.init.constant_(network.head.head[-2].bias, 0.5)
    return network


def make_depth_processor() -> DPTImageProcessorPil:
    """Build the estimator's image processor: 128 px square, in [-1, 1]."""
    side = {"height": SIZE, "width": SIZE}
    return DPTImageProcessorPil(size=side, keep_aspect_ratio=False, ensure_multiple_of=1, image_mean=[0.5] * 3, image_std=[0.5] * 3)


def load_depth_network(folder: Path) -> Any:
    """Load the network of a folder in float32."""
    return load_network(AutoModelForDepthEstimation, folder, torch.float32)


def load_depth_estimator(folder: Path, device: str = "cpu") -> Callable[[Images], DepthMap]:
    """Return a function that estimates an image's depth.

    It maps (height, width, 3) uint8 to (height, width) float32, 1.0 near. Any DPT or Depth Anything that predicts inverse depth works; its
    output is normalized to 0..1 for each image, unless its config has `NEARNESS_KEY`. Raises CheckpointError where the folder cannot be
    loaded.
    """
    network = load_depth_network(folder).to(device)
    processor = DPTImageProcessorPil.from_pretrained(folder)

    @torch.inference_mode()
    def estimate(image: Images) -> DepthMap:
        pixels = processor(images=image, input_data_format="channels_last", return_tensors="pt").pixel_values.to(device)
        inverse = network(pixel_values=pixels).predicted_depth[:, None].float()
        full = nn.functional.interpolate(inverse, size=image.shape[:2], mode="bilinear", align_corners=False)[0, 0]
        near = full if getattr(network.config, NEARNESS_KEY, False) else _normalized(full)
        result: DepthMap = near.clamp(0.0, 1.0).cpu().numpy()
        return result

    return estimate


def _normalized(values: Tensor) -> Tensor:
    return (values - values.min()) / (values.max() - values.min()).clamp(min=1e-6)
