"""Motion adapters: temporal attention in a UNet.

A UNet with one denoises the frames of a clip together (Guo et al. 2024).
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import MotionAdapter, UNet2DConditionModel, UNetMotionModel
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import Tensor, nn

from sakuga.models.loading import load_network, quiet_libraries

MAX_FRAMES = 32
"""Frame positions of a new adapter."""


def make_motion_adapter(unet: UNet2DConditionModel) -> MotionAdapter:
    """Build a motion adapter for a UNet.

    It has a module in the middle block, too. Output projections start at zero (diffusers leaves them random), so before training the model
    equals the image model.
    """
    adapter = MotionAdapter(
        block_out_channels=unet.config["block_out_channels"],
        motion_layers_per_block=unet.config["layers_per_block"],
        motion_mid_block_layers_per_block=1,
        motion_num_attention_heads=unet.config["attention_head_dim"][-1],
        motion_norm_num_groups=unet.config["norm_num_groups"],
        motion_max_seq_length=MAX_FRAMES,
        use_motion_mid_block=True,
    )
    for module in _motion_modules(adapter):
        nn.init.zeros_(module.proj_out.weight)
        nn.init.zeros_(module.proj_out.bias)
    return adapter


def open_motion_adapter(folder: Path) -> MotionAdapter:
    """Open a motion adapter's folder in diffusers' layout, in single precision."""
    adapter: MotionAdapter = load_network(MotionAdapter, folder, torch.float32)
    return adapter


class MotionUNet:
    """A UNet with a motion adapter, called like the image UNet.

    Frames of one or more clips lie one after the other in the batch.
    """

    def __init__(self, unet: UNet2DConditionModel, adapter: MotionAdapter, frames: int) -> None:
        with quiet_libraries():
            self.network: Any = UNetMotionModel.from_unet2d(unet, adapter)
        self.frames = frames
        self._adapter = adapter

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return the weights of the network, the adapter's among them."""
        weights: Iterator[nn.Parameter] = self.network.parameters()
        return weights

    @property
    def config(self) -> Any:
        return self.network.config

    @property
    def motion_modules(self) -> nn.ModuleList:
        """Return the adapter's modules, which share their weights with the network."""
        return nn.ModuleList(_motion_modules(self.network))

    def __call__(
        self,
        noisy: Tensor,
        timestep: Tensor | int,
        encoder_hidden_states: Tensor,
        *,
        down_block_additional_residuals: tuple[Tensor, ...] | None = None,
        mid_block_additional_residual: Tensor | None = None,
        added_cond_kwargs: dict[str, Tensor] | None = None,
        return_dict: bool = False,
    ) -> tuple[Tensor]:
        """Predict the noise or velocity of frames.

        Frames are (clips * frames, channels, h, w); there is one timestep for all, or one for each frame: a frame at timestep 0 is given,
        and the others continue it (Chen et al. 2024, "Diffusion Forcing"). diffusers' own forward has one timestep for a clip.
        """
        network, frames = self.network, self.frames
        timesteps = torch.as_tensor(timestep, device=noisy.device).expand(len(noisy))
        embeds = network.time_embedding(network.time_proj(timesteps).to(noisy.dtype))
        if added_cond_kwargs:
            embeds = embeds + _size_and_text_embeds(network, added_cond_kwargs).to(embeds.dtype)
        inputs = {"temb": embeds, "num_frames": frames}
        hidden = network.conv_in(noisy)
        # Contract.
        skips: tuple[Tensor, ...] = (hidden,)
        for block in network.down_blocks:
            hidden, made = block(hidden_states=hidden, **inputs, **_attended(block, encoder_hidden_states))
            skips += made
        if down_block_additional_residuals is not None:
            skips = tuple(skip + added for skip, added in zip(skips, down_block_additional_residuals, strict=True))
        middle_inputs = inputs if hasattr(network.mid_block, "motion_modules") else {"temb": embeds}
        hidden = network.mid_block(hidden, encoder_hidden_states=encoder_hidden_states, **middle_inputs)
        if mid_block_additional_residual is not None:
            hidden = hidden + mid_block_additional_residual
        # Expand.
        for block in network.up_blocks:
            used, skips = skips[-len(block.resnets) :], skips[: -len(block.resnets)]
            size = skips[-1].shape[2:] if skips else None
            hidden = block(
                hidden_states=hidden, res_hidden_states_tuple=used, upsample_size=size, **inputs, **_attended(block, encoder_hidden_states)
            )
        if network.conv_norm_out:
            hidden = network.conv_act(network.conv_norm_out(hidden))
        return (network.conv_out(hidden),)

    def save_adapter(self, folder: Path) -> None:
        """Write the motion adapter in half precision, in diffusers' layout."""
        weights = {name: value for name, value in self.network.state_dict().items() if "motion_modules" in name}
        self._adapter.load_state_dict(weights)
        copy.deepcopy(self._adapter).half().save_pretrained(folder)


def _attended(block: Any, encoder_hidden_states: Tensor) -> dict[str, Tensor]:
    return {"encoder_hidden_states": encoder_hidden_states} if getattr(block, "has_cross_attention", False) else {}


def _size_and_text_embeds(network: Any, conditions: dict[str, Tensor]) -> Tensor:
    """Embed sizes and pooled text, as Stable Diffusion XL has them (Podell et al. 2023, section 2.2)."""
    text, sizes = conditions["text_embeds"], conditions["time_ids"]
    sizes = network.add_time_proj(sizes.flatten()).reshape(len(text), -1)
    embeds: Tensor = network.add_embedding(torch.cat([text, sizes.to(text)], dim=-1))
    return embeds


def _motion_modules(network: nn.Module) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, AnimateDiffTransformer3D)]
