"""ControlNets: loading them, and what they add to a UNet (Zhang et al. 2023)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.controlnet_files import DIFFUSERS_HINT, PREFIX, STABILITY_HINT, ControlNetFiles
from sakuga.models.diffusers_classes import ControlNetModel
from sakuga.models.loading import load_network, quiet_libraries
from sakuga.models.meta_kernels import on_meta_device
from sakuga.models.single_file.controlnet import controlnet_key
from sakuga.models.tensor_files import load_tensors

if TYPE_CHECKING:
    from sakuga.models.checkpoint import Checkpoint

MATCHING = ("in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim", "addition_embed_type")
"""What a ControlNet's config has in common with its UNet's."""
Residuals = dict[str, Any]
"""Inputs of `Denoiser.forward`: a tensor for each block of the way down, and one for the middle."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Control:
    """What one ControlNet is given: a hint for each frame, and when it acts."""

    image: Tensor
    """(frames, 3, height, width) from 0 to 1."""
    weight: float = 1.0
    """Conditioning scale; 0.0 disables it."""
    network: ControlNetFiles | None = None
    """None is the checkpoint's own, for depth: 0 far to 1 near."""
    start: float = 0.0
    """Share of the steps before it acts."""
    end: float = 1.0
    """Share of the steps after which it acts no more."""
    guess: bool = False
    """Whether it acts on the conditional frames alone, deep blocks most (guess mode)."""
    _rows: dict[int, Tensor] = field(default_factory=dict)

    def acts(self, step: int, steps: int) -> bool:
        """Return whether it acts at a step, counted from 0: where all of the step lies between `start` and `end`."""
        return bool(self.weight) and step / steps >= self.start and (step + 1) / steps <= self.end

    def rows(self, count: int, checkpoint: "Checkpoint") -> Tensor:
        """Return the hints of a batch; the same tensor at each step, so that it is embedded once (`models.memoization`)."""
        if count not in self._rows:
            with torch.inference_mode(False):
                image = self.image.to(checkpoint.device, checkpoint.dtype)
                self._rows[count] = image.repeat(count // len(image), 1, 1, 1)
        return self._rows[count]


def control_residuals(
    checkpoint: "Checkpoint", controls: Sequence[Control], latents: Tensor, timestep: Tensor, embeds: Tensor
) -> Residuals:
    """Return the sum of what ControlNets add to the UNet; nothing where there are none.

    `latents` are scaled and hold the unconditional frames first, if there is guidance.
    """
    added = [_residuals(checkpoint, one, latents, timestep, embeds) for one in controls]
    if not added:
        return {}
    down, middle = added[0]
    for more, mid in added[1:]:
        down, middle = [one + other for one, other in zip(down, more, strict=True)], middle + mid
    return {"down_block_additional_residuals": tuple(down), "mid_block_additional_residual": middle}


def _residuals(
    checkpoint: "Checkpoint", control: Control, latents: Tensor, timestep: Tensor, embeds: Tensor
) -> tuple[Sequence[Tensor], Tensor]:
    network, frames = checkpoint.running_controlnet(control.network), len(control.image)
    pooled = bool(network.config.global_pool_conditions)
    skipped = frames if (control.guess or pooled) and len(latents) > frames else 0
    rows = slice(skipped, None)
    hints = control.rows(len(latents) - skipped, checkpoint)
    down, middle = checkpoint.call_controlnet(network, latents[rows], timestep, embeds[rows], hints, control.weight)
    every = [*down, middle]
    if control.guess and not pooled:
        scales = torch.logspace(-1, 0, len(every), device=latents.device)
        every = [one * scale for one, scale in zip(every, scales, strict=True)]
    if skipped:
        every = [torch.cat([torch.zeros_like(one[:1]).expand(skipped, -1, -1, -1), one]) for one in every]
    return every[:-1], every[-1]


def open_controlnet(files: ControlNetFiles, unet: Any, dtype: torch.dtype) -> Any:
    """Open a ControlNet for a UNet, frozen and in eval mode; raises CheckpointError where it is for another one."""
    if files.is_single_file:
        return _open_single_file(files, unet).to(dtype).eval().requires_grad_(False)
    variant = "fp16" if ".fp16." in files.weights.name else None
    network = load_network(ControlNetModel, files.path, dtype, variant)
    check_controlnet(network, unet, f"ControlNet '{files.name}'")
    return network


def check_controlnet(controlnet: Any, unet: Any, title: str) -> None:
    """Raise CheckpointError where a ControlNet's sizes are not those of its UNet."""
    for name in MATCHING:
        own, expected = controlnet.config[name], unet.config[name]
        if _plain(own) != _plain(expected):
            raise CheckpointError(f"{title} was trained for another UNet ({name} is {own}, not {expected}): use one for this model")


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _open_single_file(files: ControlNetFiles, unet: Any) -> Any:
    """Build a ControlNet with the UNet's own architecture around the weights of a file."""
    try:
        weights = {name.removeprefix(PREFIX): value for name, value in load_tensors(files.path).items()}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"ControlNet '{files.name}': the weights are truncated or damaged ({error}): download it again") from None
    channels, hint_channels = _hint_channels(weights)
    with on_meta_device(), quiet_libraries():
        network = ControlNetModel.from_unet(
            unet, conditioning_embedding_out_channels=hint_channels, load_weights_from_unet=False, conditioning_channels=channels
        )
    layers, blocks = _layers(unet), 2 * (len(hint_channels) - 1)
    expected = network.state_dict()
    stability = STABILITY_HINT in weights
    keys = {name: controlnet_key(name, layers, blocks) if stability else name for name in expected}
    wrong = [key for name, key in keys.items() if key not in weights or weights[key].numel() != expected[name].numel()]
    if wrong:
        shape = tuple(weights[wrong[0]].shape) if wrong[0] in weights else "missing"
        raise CheckpointError(
            f"ControlNet '{files.name}' is for another UNet than this checkpoint's: {len(wrong)} weights do not fit "
            f"({wrong[0]} is {shape}); use one for this kind of model"
        )
    fitting = {name: weights[key].reshape(expected[name].shape) for name, key in keys.items()}
    network.load_state_dict(fitting, assign=True)
    return network


def _layers(unet: Any) -> int:
    layers = unet.config.layers_per_block
    return int(layers if isinstance(layers, int) else layers[0])


def _hint_channels(weights: dict[str, Tensor]) -> tuple[int, tuple[int, ...]]:
    """Return the channels of the hint, and of the levels of the layers that see it."""
    if (first := weights.get(STABILITY_HINT)) is not None:
        rest = [weights[key] for place in range(4, 100, 4) if (key := f"input_hint_block.{place}.weight") in weights]
    else:
        first = weights[DIFFUSERS_HINT]
        rest = [weights[key] for place in range(1, 100, 2) if (key := f"controlnet_cond_embedding.blocks.{place}.weight") in weights]
    return first.shape[1], (first.shape[0], *(one.shape[0] for one in rest))
