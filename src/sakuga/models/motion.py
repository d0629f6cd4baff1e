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
from einops import rearrange
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

    def __call__(self, noisy: Tensor, timestep: Tensor, encoder_hidden_states: Tensor, **options: Any) -> tuple[Tensor]:
        """Predict the noise or velocity of frames.

        Frames are (clips * frames, channels, h, w); there is one timestep for all, or one for each frame.
        """
        clips = rearrange(noisy, "(clip frame) c h w -> clip c frame h w", frame=self.frames)
        per_clip = timestep[:: self.frames] if timestep.dim() else timestep
        predicted = self.network(clips, per_clip, encoder_hidden_states, return_dict=False)[0]
        return (rearrange(predicted, "clip c frame h w -> (clip frame) c h w"),)

    def save_adapter(self, folder: Path) -> None:
        """Write the motion adapter in half precision, in diffusers' layout."""
        weights = {name: value for name, value in self.network.state_dict().items() if "motion_modules" in name}
        self._adapter.load_state_dict(weights)
        copy.deepcopy(self._adapter).half().save_pretrained(folder)


def _motion_modules(network: nn.Module) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, AnimateDiffTransformer3D)]
