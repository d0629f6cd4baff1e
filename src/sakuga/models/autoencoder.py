"""The autoencoder of a checkpoint: images to scaled latents and back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import Tensor

from sakuga.models.denoiser import first_weight


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
        encoded = self.vae.encode(pixels)
        latents = encoded.latents if isinstance(self.vae, AutoencoderTiny) else encoded.latent_dist.mode()
        return torch.as_tensor(latents * self.vae.config.scaling_factor)

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> np.ndarray:
        """Decode latents to images.

        Images are (n, height, width, 3) float32 from 0 to 1; NaN stays NaN. One image at a time: the decoder needs the most memory, and an
        image must be batch-invariant.
        """
        scaled = latents.to(self.device, self.dtype) / self.vae.config.scaling_factor
        decoded = torch.cat([self.vae.decode(one).sample for one in scaled.split(1)])
        return (decoded.float() / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
