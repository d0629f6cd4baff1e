"""The UNet of a checkpoint, or its ControlNet, called with prompt embeddings."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sakuga.models.checkpoint_files import CheckpointInfo
from sakuga.models.text_encoders import split_pooled


@dataclass(frozen=True, slots=True, eq=False)
class UNetDenoiser:
    """A `Denoiser` by a UNet of diffusers.

    Anything that is called like one works, such as `motion.MotionUNet`.
    """

    unet: Any
    info: CheckpointInfo

    @property
    def device(self) -> torch.device:
        return first_weight(self.unet).device

    @property
    def dtype(self) -> torch.dtype:
        return first_weight(self.unet).dtype

    @property
    def engine(self) -> str:
        """Return what runs the network: torch, unless it says something else."""
        return str(getattr(self.unet, "engine", "torch"))

    def forward(
        self, latents: Tensor, timestep: Tensor | int, prompt_embeds: Tensor, size_conditioning: Tensor | None = None, **residuals: Any
    ) -> Tensor:
        """Predict from noisy latents, as `Denoiser.forward` says."""
        prediction: Tensor = call_unet(self.unet, self.info, latents, timestep, prompt_embeds, size_conditioning, **residuals)[0]
        return prediction


def first_weight(network: Any) -> Tensor:
    """Return a network's first weight, which tells device and number format.

    The properties `device` and `dtype` of diffusers walk through all layers.
    """
    weight: Tensor = next(network.parameters())
    return weight


def call_unet(
    network: Any,
    info: CheckpointInfo,
    latents: Tensor,
    timestep: Tensor | int,
    prompt_embeds: Tensor,
    size_conditioning: Tensor | None = None,
    **inputs: Any,
) -> tuple[Any, ...]:
    """Call a UNet or ControlNet; return its outputs.

    Stable Diffusion XL also gets the pooled text and six sizes (Podell et al. 2023, section 2.2); without `size_conditioning` each image
    counts as uncropped and generated at its original size.
    """
    embeds, *pooled = split_pooled(prompt_embeds, info.pooled_channels)
    if pooled and network.config.addition_embed_type:
        size = [side * info.vae_scale_factor for side in latents.shape[-2:]]
        target = torch.tensor([*size, 0, 0] if size_conditioning is None else size, device=latents.device).expand(len(latents), -1)
        parts = [target, target[:, :2]] if size_conditioning is None else [size_conditioning.to(target), target]
        text = pooled[0][:, 0, : info.pooled_channels]
        inputs["added_cond_kwargs"] = {"text_embeds": text, "time_ids": torch.cat(parts, dim=1)}
    outputs: tuple[Any, ...] = network(latents, timestep, encoder_hidden_states=embeds, return_dict=False, **inputs)
    return outputs
