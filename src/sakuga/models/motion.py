"""Motion adapters: temporal attention in a UNet.

A UNet with one denoises the frames of a clip together (Guo et al. 2024).
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.diffusers_classes import AnimateDiffTransformer3D, MotionAdapter, UNet2DConditionModel
from sakuga.models.loading import load_network
from sakuga.models.motion_layout import adapter_config, diffusers_name, is_position
from sakuga.models.motion_scale import scaled_motion
from sakuga.models.pickles import PickleError, load_pickle
from sakuga.models.tensor_files import load_tensors

MAX_FRAMES = 32
"""Frame positions of a new adapter."""


def make_motion_adapter(unet: UNet2DConditionModel) -> MotionAdapter:
    """Build a motion adapter for a UNet.

    It has a module in the middle block, too. Output projections start at zero (diffusers leaves them random), so before training the model
    equals the image model.
    """
    heads = unet.config["attention_head_dim"]  # the number of heads, in spite of its name
    adapter = MotionAdapter(
        block_out_channels=unet.config["block_out_channels"],
        motion_layers_per_block=unet.config["layers_per_block"],
        motion_mid_block_layers_per_block=1,
        motion_num_attention_heads=heads if isinstance(heads, int) else heads[-1],
        motion_norm_num_groups=unet.config["norm_num_groups"],
        motion_max_seq_length=MAX_FRAMES,
        use_motion_mid_block=True,
    )
    for module in motion_modules(adapter):
        nn.init.zeros_(module.proj_out.weight)
        nn.init.zeros_(module.proj_out.bias)
    return adapter


def open_motion_adapter(path: Path, dtype: torch.dtype = torch.float32) -> MotionAdapter:
    """Open a motion adapter: a folder in diffusers' layout, or a single safetensors file in AnimateDiff's.

    Raises CheckpointError where the file is damaged, or is not a motion adapter.
    """
    if path.is_file():
        return _convert(_read_tensors(path), path).to(dtype)
    variant = None if (path / "diffusion_pytorch_model.safetensors").is_file() else "fp16"
    adapter: MotionAdapter = load_network(MotionAdapter, path, dtype, variant)
    return adapter


def open_pickled_motion_adapter(path: Path) -> MotionAdapter:
    """Open a pickled motion module without running its code; raises CheckpointError."""
    try:
        read = load_pickle(path)
    except PickleError as error:
        raise CheckpointError(f"cannot read {path} without running its code ({error}): get it as safetensors") from None
    weights = read.get("state_dict", read) if isinstance(read, dict) else {}
    return _convert({name: value for name, value in weights.items() if isinstance(value, Tensor)}, path)


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return dict(load_tensors(path))
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: the weights are truncated or damaged ({error}): download it again") from None


def _convert(tensors: Mapping[str, Tensor], path: Path) -> MotionAdapter:
    """Build diffusers' adapter from the tensors of a single file."""
    try:
        adapter = MotionAdapter(**adapter_config({name: value.shape for name, value in tensors.items()}))
        weights = {diffusers_name(name): value.float() for name, value in tensors.items() if not is_position(name)}
        missing, unknown = adapter.load_state_dict(weights, strict=False)
    except (ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} is not a motion adapter: {str(error).splitlines()[0]}") from None
    if wrong := [*unknown, *(name for name in missing if not is_position(name))]:
        raise CheckpointError(f"{path} is not a motion adapter: {len(wrong)} of its weights are missing or unknown ({wrong[0]})")
    return adapter.eval().requires_grad_(False)


def motion_modules(adapter: MotionAdapter) -> list[AnimateDiffTransformer3D]:
    """List an adapter's modules: down, up, middle."""
    parts = (adapter.down_blocks, adapter.up_blocks, adapter.mid_block or nn.Module())
    return [module for part in parts for module in part.modules() if isinstance(module, AnimateDiffTransformer3D)]


@dataclass(frozen=True, slots=True, eq=False)
class MotionUNet:
    """A UNet with a motion adapter, called like the image UNet.

    Frames of one or more clips lie one after the other in the batch. It holds the networks themselves, so whatever changes their weights
    changes them here.
    """

    unet: Any
    adapter: MotionAdapter
    frames: int
    """Frames of a clip."""
    scale: float | Tensor = 1.0
    """Motion scale of all frames, or (frames,): 0.0 for all is the image model, 1.0 as trained, above more moves (`motion_scale`)."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return the weights of both networks."""
        return chain(self.unet.parameters(), self.adapter.parameters())

    @property
    def config(self) -> Any:
        return self.unet.config

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
        and the others continue it (Chen et al. 2024, "Diffusion Forcing"). A single frame, or a scale of 0, is the image UNet's own output.
        """
        unet, text = self.unet, encoder_hidden_states
        if self.frames == 1 or self._is_still():
            still: tuple[Tensor] = unet(
                noisy, timestep, text, added_cond_kwargs=added_cond_kwargs, down_block_additional_residuals=down_block_additional_residuals,
                mid_block_additional_residual=mid_block_additional_residual, return_dict=False,
            )  # fmt: skip
            return still
        embeds = _timestep_embeds(unet, noisy, timestep, added_cond_kwargs)
        with scaled_motion(self.adapter, self.scale):
            return (self._run(noisy, embeds, text, down_block_additional_residuals, mid_block_additional_residual),)

    def _run(
        self, noisy: Tensor, embeds: Tensor, text: Tensor, down_residuals: tuple[Tensor, ...] | None, mid_residual: Tensor | None
    ) -> Tensor:
        """Run the UNet, with a motion module after each attention."""
        unet, adapter = self.unet, self.adapter
        hidden = unet.conv_in(noisy)
        # Contract.
        skips = [hidden]
        for block, motion in zip(unet.down_blocks, adapter.down_blocks, strict=True):
            for layer in _layers(block, motion):
                hidden = self._run_layer(layer, hidden, embeds, text)
                skips.append(hidden)
            for downsampler in block.downsamplers or ():
                hidden = downsampler(hidden)
                skips.append(hidden)
        if down_residuals is not None:
            skips = [skip + added for skip, added in zip(skips, down_residuals, strict=True)]
        hidden = self._run_middle(hidden, embeds, text)
        if mid_residual is not None:
            hidden = hidden + mid_residual
        # Expand.
        for block, motion in zip(unet.up_blocks, adapter.up_blocks, strict=True):
            for layer in _layers(block, motion):
                hidden = self._run_layer(layer, torch.cat([hidden, skips.pop()], dim=1), embeds, text)
            for upsampler in block.upsamplers or ():
                hidden = upsampler(hidden, skips[-1].shape[2:])
        if unet.conv_norm_out:
            hidden = unet.conv_act(unet.conv_norm_out(hidden))
        output: Tensor = unet.conv_out(hidden)
        return output

    def _is_still(self) -> bool:
        return not (bool(self.scale.any()) if isinstance(self.scale, Tensor) else self.scale)

    def _run_layer(self, layer: "_Layer", hidden: Tensor, embeds: Tensor, text: Tensor) -> Tensor:
        """Run a residual block, its attention and its motion module."""
        resnet, attention, motion = layer
        hidden = resnet(hidden, embeds)
        if attention is not None:
            hidden = attention(hidden, encoder_hidden_states=text, return_dict=False)[0]
        return self._move(motion, hidden)

    def _run_middle(self, hidden: Tensor, embeds: Tensor, text: Tensor) -> Tensor:
        """Run the middle block, where not every adapter has modules."""
        block = self.unet.mid_block
        if self.adapter.mid_block is None:
            only_image: Tensor = block(hidden, embeds, encoder_hidden_states=text)
            return only_image
        hidden = block.resnets[0](hidden, embeds)
        for attention, resnet, motion in zip(block.attentions, block.resnets[1:], self.adapter.mid_block.motion_modules, strict=True):
            hidden = attention(hidden, encoder_hidden_states=text, return_dict=False)[0]
            hidden = resnet(self._move(motion, hidden), embeds)
        return hidden

    def _move(self, module: Any, hidden: Tensor) -> Tensor:
        """Let the frames of each clip attend to each other."""
        moved: Tensor = module(hidden, num_frames=self.frames)
        return moved

    def save_adapter(self, folder: Path) -> None:
        """Write the motion adapter in half precision, in diffusers' layout."""
        copy.deepcopy(self.adapter).half().save_pretrained(folder)


_Layer = tuple[Any, Any, Any]
"""A residual block, its attention or None, and its motion module."""


def _layers(block: Any, motion: Any) -> Iterator[_Layer]:
    attentions = getattr(block, "attentions", None) or [None] * len(block.resnets)
    return zip(block.resnets, attentions, motion.motion_modules, strict=True)


def _timestep_embeds(unet: Any, noisy: Tensor, timestep: Tensor | int, conditions: dict[str, Tensor] | None) -> Tensor:
    """Embed the timestep of each frame, and what Stable Diffusion XL adds (Podell et al. 2023, section 2.2)."""
    timesteps = torch.as_tensor(timestep, device=noisy.device).expand(noisy.shape[0])  # len() would be a constant of traced graphs
    embeds: Tensor = unet.time_embedding(unet.time_proj(timesteps).to(noisy.dtype))
    if not conditions:
        return embeds
    text, sizes = conditions["text_embeds"], conditions["time_ids"]
    sizes = unet.add_time_proj(sizes.flatten()).reshape(len(text), -1)
    added: Tensor = unet.add_embedding(torch.cat([text, sizes.to(text)], dim=-1))
    return embeds + added.to(embeds.dtype)
