"""The interfaces that sampling needs of a model's networks."""

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor


class Denoiser(Protocol):
    """A network that predicts noise, velocity or the clean sample.

    The checkpoint's `prediction_type` says which. A batch's rows are independent, except in a motion model, whose batch holds the frames of
    whole windows one after the other.
    """

    @property
    def device(self) -> torch.device:
        """Where `latents` and `prompt_embeds` are expected."""

    @property
    def dtype(self) -> torch.dtype:
        """The number format of both."""

    def forward(
        self, latents: Tensor, timestep: Tensor | int, prompt_embeds: Tensor, size_conditioning: Tensor | None = None, **residuals: Any
    ) -> Tensor:
        """Return the prediction for noisy latents, in their shape.

        Latents are (n, channels, height, width). `timestep` is one for all or (n,). `prompt_embeds` is (n, rows, channels) as
        `Checkpoint.encode_prompts` returns it. `size_conditioning` is (n, 4): original height and width, top and left of the crop, in
        pixels; only Stable Diffusion XL reads it. `residuals` are those of a ControlNet, under the names that diffusers' UNets take.
        """


class Autoencoder(Protocol):
    """A network between images and scaled latents.

    Each image is encoded and decoded alone, so frames are batch-invariant.
    """

    @property
    def device(self) -> torch.device:
        """Where latents are decoded."""

    @property
    def dtype(self) -> torch.dtype:
        """The number format of its weights."""

    def encode(self, image: np.ndarray) -> Tensor:
        """Encode an image to latents.

        The image is (height, width, 3) uint8 RGB, the latents (1, channels, h, w).
        """

    def decode(self, latents: Tensor) -> np.ndarray:
        """Decode latents to images.

        Latents are (n, channels, h, w), images (n, height, width, 3), float32 from 0 to 1.
        """
