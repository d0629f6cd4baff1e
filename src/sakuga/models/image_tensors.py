"""Pictures as networks take them, and through an autoencoder and back."""

from typing import Any, TypeAlias

import numpy as np
import torch
from einops import reduce
from numpy.typing import NDArray
from torch import Tensor

Pixels: TypeAlias = NDArray[np.uint8]
"""(pictures, height, width, 3) RGB."""


def to_tensor(pixels: Pixels, device: torch.device) -> Tensor:
    """Return pictures (n, height, width, 3) uint8 as (n, 3, height, width) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def to_pixels(pictures: Tensor) -> Pixels:
    """Return (n, 3, height, width) in [-1, 1] as (n, height, width, 3) uint8."""
    levels = pictures.float().add(1.0).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def psnr(made: Pixels, wanted: Pixels) -> NDArray[np.float64]:
    """Return each picture's peak signal-to-noise ratio in dB, shape (n,)."""
    error: NDArray[np.float64] = ((made.astype(np.float64) - wanted) ** 2).mean(axis=(1, 2, 3))
    decibels: NDArray[np.float64] = 10 * np.log10(255.0**2 / np.maximum(error, 1e-6))
    return decibels


def reconstruct(vae: Any, pixels: Pixels, device: torch.device, batch: int = 16) -> Pixels:
    """Send pictures (n, height, width, 3) through the autoencoder and back, by the mean of their latents."""
    made: list[Pixels] = []
    for first in range(0, len(pixels), batch):
        latents = vae.encode(to_tensor(pixels[first : first + batch], device)).latent_dist.mean
        made.append(to_pixels(vae.decode(latents).sample))
    return np.concatenate(made)


def halved(pixels: Pixels) -> Pixels:
    """Return pictures (n, height, width, 3) at half their size, each pixel the mean of four."""
    mean: NDArray[np.float32] = reduce(pixels.astype(np.float32), "n (y two) (x too) c -> n y x c", "mean", two=2, too=2)
    return np.rint(mean).astype(np.uint8)
