"""Images as tensors, and autoencoder round trips."""

from typing import Any, TypeAlias

import numpy as np
import torch
from einops import reduce
from numpy.typing import NDArray
from torch import Tensor

Images: TypeAlias = NDArray[np.uint8]
"""(images, height, width, 3) RGB."""


def to_tensor(pixels: Images, device: torch.device) -> Tensor:
    """Convert images to a tensor in [-1, 1].

    (n, height, width, 3) uint8 becomes (n, 3, height, width).
    """
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def to_pixels(images: Tensor) -> Images:
    """Convert a tensor in [-1, 1] to images.

    (n, 3, height, width) becomes (n, height, width, 3) uint8.
    """
    return to_levels(images).round().to(torch.uint8).contiguous().cpu().numpy()


def to_levels(images: Tensor) -> Tensor:
    """Convert a tensor in [-1, 1], (n, 3, height, width), to grey levels from 0 to 255, (n, height, width, 3)."""
    return images.float().add(1.0).mul(127.5).clamp(0, 255).permute(0, 2, 3, 1)


def psnr(images: Images, targets: Images) -> NDArray[np.float64]:
    """Return each image's peak signal-to-noise ratio in dB, shape (n,)."""
    error: NDArray[np.float64] = ((images.astype(np.float64) - targets) ** 2).mean(axis=(1, 2, 3))
    decibels: NDArray[np.float64] = 10 * np.log10(255.0**2 / np.maximum(error, 1e-6))
    return decibels


def reconstruct(vae: Any, pixels: Images, device: torch.device, batch: int = 16) -> Images:
    """Encode and decode images by the mean of their latents.

    Images are (n, height, width, 3).
    """
    decoded: list[Images] = []
    for first in range(0, len(pixels), batch):
        latents = vae.encode(to_tensor(pixels[first : first + batch], device)).latent_dist.mean
        decoded.append(to_pixels(vae.decode(latents).sample))
    return np.concatenate(decoded)


def downscale_half(pixels: Images) -> Images:
    """Halve images; each pixel is the mean of four.

    Images are (n, height, width, 3).
    """
    mean: NDArray[np.float32] = reduce(pixels.astype(np.float32), "n (y two) (x too) c -> n y x c", "mean", two=2, too=2)
    return np.rint(mean).astype(np.uint8)
