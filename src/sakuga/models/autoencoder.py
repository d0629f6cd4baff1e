"""The autoencoder of a checkpoint: images to scaled latents and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sakuga.models.denoiser import first_weight
from sakuga.models.diffusers_classes import AutoencoderTiny


@dataclass(frozen=True, slots=True, eq=False)
class VaeAutoencoder:
    """An `Autoencoder` by AutoencoderKL or AutoencoderTiny of diffusers."""

    vae: Any

    @property
    def device(self) -> torch.device:
        return first_weight(self.vae).device

    @property
    def dtype(self) -> torch.dtype:
        return first_weight(self.vae).dtype

    @torch.inference_mode()
    def encode(self, image: np.ndarray) -> Tensor:
        """Encode an image to the mode of its latent distribution.

        The image is (height, width, 3) uint8 RGB, the latents (1, channels, h, w).
        """
        pixels = torch.from_numpy(image).to(self.device, self.dtype).permute(2, 0, 1)[None] / 127.5 - 1
        return torch.as_tensor(self._encode(pixels) * self.vae.config.scaling_factor)

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        """Decode latents to images.

        Images are (n, height, width, 3) float32 from 0 to 1; NaN stays NaN. One image at a time: the decoder needs the most memory, and an
        image must be batch-invariant.
        """
        scaled = latents.to(self.device, self.dtype) / self.vae.config.scaling_factor
        decoded = torch.cat([self._decode(one) for one in scaled.split(1)])
        return (decoded.float() / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()

    def _encode(self, pixels: Tensor) -> Tensor:
        return encode_mode(self.vae, pixels)

    def _decode(self, latents: Tensor) -> Tensor:
        decoded: Tensor = self.vae.decode(latents).sample
        return decoded


class TiledAutoencoder(VaeAutoencoder):
    """An autoencoder that works in overlapping tiles of the VAE's native size.

    It needs the memory of one tile, and blends the overlaps: an approximation.
    """

    def _encode(self, pixels: Tensor) -> Tensor:
        with self._tiling():
            return super()._encode(pixels)

    def _decode(self, latents: Tensor) -> Tensor:
        with self._tiling():
            return super()._decode(latents)

    @contextmanager
    def _tiling(self) -> Iterator[None]:
        self.vae.enable_tiling()
        try:
            yield
        finally:
            self.vae.disable_tiling()


def encode_mode(vae: Any, pixels: Tensor) -> Tensor:
    """Encode an image, -1 to 1, to the mode of its latent distribution, not scaled."""
    encoded = vae.encode(pixels)
    latents: Tensor = encoded.latents if isinstance(vae, AutoencoderTiny) else encoded.latent_dist.mode()
    return latents
