"""A fast decoder for previews: one linear map from a latent pixel to its color.

It is fitted to the checkpoint's own VAE on a few color fields, so that no further weights are needed.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from sakuga.models.image_tensors import to_tensor

if TYPE_CHECKING:
    from sakuga.models.checkpoint import Checkpoint

LARGE_DECODER = 100
"""Channels of a VAE's last level from which decoding costs more than a preview is worth; Stable Diffusion's has 128."""
FIELDS, CELLS = 4, 8
"""Images of the fit, and color cells on each of their sides."""


def wants_fast_decoder(checkpoint: "Checkpoint") -> bool:
    """Return whether a checkpoint's previews are decoded by the linear map."""
    levels = checkpoint.vae.config.get("block_out_channels") or [0]
    return bool(levels[0] >= LARGE_DECODER)


@torch.inference_mode()
def fit_fast_decoder(checkpoint: "Checkpoint") -> Tensor:
    """Fit colors to latents by least squares, (channels + 1, 3); the last row is the constant."""
    factor = checkpoint.info.vae_scale_factor
    fields = np.random.default_rng(0).integers(0, 256, (FIELDS, CELLS, CELLS, 3), dtype=np.uint8)
    images = fields.repeat(2 * factor, axis=1).repeat(2 * factor, axis=2)
    latents = torch.cat([checkpoint.encode(image) for image in images]).float().cpu()
    colors = torch.nn.functional.avg_pool2d(to_tensor(images, torch.device("cpu")), factor)
    rows, targets = (value.permute(0, 2, 3, 1).flatten(0, 2) for value in (latents, colors))
    return torch.as_tensor(torch.linalg.lstsq(_with_constant(rows), targets).solution)


def fast_decode(latents: Tensor, colors: Tensor, factor: int) -> np.ndarray:
    """Decode latents roughly, (n, channels, h, w) to (n, height, width, 3) from 0 to 1; each latent pixel is one color."""
    decoded = _with_constant(latents.float().cpu().permute(0, 2, 3, 1)) @ colors
    small = (decoded / 2 + 0.5).clamp(0, 1).numpy()
    return small.repeat(factor, axis=1).repeat(factor, axis=2)


def _with_constant(rows: Tensor) -> Tensor:
    return torch.cat([rows, torch.ones_like(rows[..., :1])], dim=-1)
