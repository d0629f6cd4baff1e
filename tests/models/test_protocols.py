"""A checkpoint uses any Denoiser and Autoencoder in place of its own networks."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sakuga.models.autoencoder import VaeAutoencoder
from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.denoiser import UNetDenoiser
from sakuga.models.protocols import Autoencoder, Denoiser
from sakuga.models.sampling import sample


class Recorder:
    """A denoiser that passes calls on and counts them."""

    def __init__(self, denoiser: Denoiser) -> None:
        self.denoiser, self.calls = denoiser, 0

    @property
    def device(self) -> torch.device:
        return self.denoiser.device

    @property
    def dtype(self) -> torch.dtype:
        return self.denoiser.dtype

    def forward(
        self, latents: Tensor, timestep: Tensor | int, prompt_embeds: Tensor, size_conditioning: Tensor | None = None, **residuals: Any
    ) -> Tensor:
        self.calls += 1
        return self.denoiser.forward(latents, timestep, prompt_embeds, size_conditioning, **residuals)


class Grey:
    """An autoencoder that knows one grey image."""

    device, dtype = torch.device("cpu"), torch.float32

    def encode(self, image: np.ndarray) -> Tensor:
        return torch.zeros(1, 8, image.shape[0] // 4, image.shape[1] // 4)

    def decode(self, latents: Tensor) -> np.ndarray:
        return np.full((len(latents), 4 * latents.shape[2], 4 * latents.shape[3], 3), 0.5, np.float32)


@pytest.fixture(scope="module")
def checkpoint(tiny_folder: Path) -> Checkpoint:
    return load_checkpoint(find_checkpoint(str(tiny_folder)))


def latents_of(checkpoint: Checkpoint) -> Tensor:
    embeds = checkpoint.encode_prompts(["a castle"])
    noise = iter([torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(4))])
    settings: dict[str, Any] = {"sampler": "ddim", "steps": 3, "guidance_scale": 4.0}
    *_, last = sample(checkpoint, prompt_embeds=embeds, negative_prompt_embeds=embeds, noise=noise, **settings)
    return last.latents


def test_sampling_calls_a_custom_denoiser_once_a_step(checkpoint: Checkpoint) -> None:
    recorder = Recorder(UNetDenoiser(checkpoint.unet, checkpoint.info))
    assert torch.equal(latents_of(replace(checkpoint, custom_denoiser=recorder)), latents_of(checkpoint))
    assert recorder.calls == 3


def test_images_pass_through_a_custom_autoencoder(checkpoint: Checkpoint) -> None:
    grey = replace(checkpoint, custom_autoencoder=Grey())
    image = np.zeros((32, 48, 3), np.uint8)
    assert grey.decode(grey.encode(image)).shape == checkpoint.decode(checkpoint.encode(image)).shape == (1, 32, 48, 3)
    assert (grey.decode(grey.encode(image)) == 0.5).all()


def test_the_networks_of_a_checkpoint_meet_the_protocols(checkpoint: Checkpoint) -> None:
    denoiser: Denoiser = UNetDenoiser(checkpoint.unet, checkpoint.info)
    autoencoder: Autoencoder = VaeAutoencoder(checkpoint.vae)
    assert (denoiser.device, denoiser.dtype) == (autoencoder.device, autoencoder.dtype) == (torch.device("cpu"), torch.float32)
