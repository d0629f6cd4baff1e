"""Motion adapters on disk: properties, and refusal of those of another UNet.

Loads no torch.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from sakuga.files import read_utf8
from sakuga.models.checkpoint_files import MOTION_ADAPTER, CheckpointError, CheckpointFiles
from sakuga.models.embeddings import read_header
from sakuga.models.families import FAMILY_NAMES, FamilyName, family_of
from sakuga.models.motion_layout import adapter_config
from sakuga.models.network_files import NetworkFiles

FPS = 8
"""Frames in a second of the clips that adapters are trained on: every fourth of a video (Guo et al. 2024, section 5)."""
CONTEXT = 16
"""Frames of such a clip, which an adapter denoises together."""
ADAPTER_CHANNELS: dict[tuple[int, ...], FamilyName] = {(320, 640, 1280, 1280): "sd1", (320, 640, 1280): "sdxl"}
"""Families of the published adapters, by the channels of their blocks."""
LINEAR_SCHEDULE = MappingProxyType({"beta_schedule": "linear"})
"""The noise schedule that all published adapters are trained on (Guo et al. 2024, section 5), whatever the checkpoint's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionInfo:
    """Properties of a motion adapter, read from its config."""

    positions: int
    """The most frames it can denoise together."""
    block_out_channels: tuple[int, ...]
    layers_per_block: tuple[int, ...]
    context: int = CONTEXT
    """Frames it was trained to denoise together."""
    fps: int = FPS

    @property
    def family(self) -> FamilyName | None:
        """Return the family of base models that it is published for, if any."""
        return ADAPTER_CHANNELS.get(self.block_out_channels)

    @property
    def schedule(self) -> dict[str, Any]:
        """Return what its noise schedule changes in the scheduler's config."""
        return dict(LINEAR_SCHEDULE) if self.family else {}


@dataclass(frozen=True)
class MotionFiles(NetworkFiles):
    """A motion adapter: a folder in diffusers' layout, or a single safetensors file."""

    @cached_property
    def config(self) -> dict[str, Any]:
        """Read the config of diffusers' MotionAdapter; raises CheckpointError."""
        path = self.path if self.is_single_file else self.path / "config.json"
        try:
            if self.is_single_file:
                return adapter_config(read_header(path)[0])
            return dict(json.loads(read_utf8(path)))
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise CheckpointError(f"motion adapter '{self.name}': cannot read {path} ({error}): download it again") from error

    @cached_property
    def info(self) -> MotionInfo:
        """Read its properties; raises CheckpointError."""
        return _read_info(self.config)


def own_motion_adapter(files: CheckpointFiles) -> MotionFiles | None:
    """Return the motion adapter in a checkpoint's folder, if any."""
    folder = files.folder / MOTION_ADAPTER
    return MotionFiles(f"{files.name}'s own", folder) if folder.is_dir() else None


def check_motion_adapter(adapter: MotionFiles, files: CheckpointFiles) -> None:
    """Raise CheckpointError where an adapter is for another UNet."""
    unet, info, family = files.config("unet"), adapter.info, family_of(files.info).name
    if info.family and family and info.family != family:
        raise CheckpointError(
            f"motion adapter '{adapter.name}' is for {FAMILY_NAMES[info.family]}, but checkpoint '{files.name}' is {FAMILY_NAMES[family]}: "
            "use an adapter of its own family"
        )
    layers, channels = unet.get("layers_per_block", 2), tuple(unet["block_out_channels"])
    sizes = (channels, _for_each(layers, channels))
    if (info.block_out_channels, info.layers_per_block) != sizes:
        raise CheckpointError(
            f"motion adapter '{adapter.name}' is for another UNet than that of checkpoint '{files.name}': its blocks have "
            f"{_sizes(info.block_out_channels, info.layers_per_block)}, the UNet's {_sizes(*sizes)}; use an adapter for this kind of model"
        )
    if adapter.config.get("conv_in_channels"):
        raise CheckpointError(f"motion adapter '{adapter.name}' takes a reference image beside the latents (PIA): use one without")


def _sizes(channels: tuple[int, ...], layers: tuple[int, ...]) -> str:
    return f"{', '.join(map(str, channels))} channels and {', '.join(map(str, layers))} layers"


def _for_each(value: Any, blocks: tuple[int, ...]) -> tuple[int, ...]:
    return (value,) * len(blocks) if isinstance(value, int) else tuple(value)


def _read_info(config: dict[str, Any]) -> MotionInfo:
    channels = tuple(config.get("block_out_channels", (320, 640, 1280, 1280)))
    positions = config.get("motion_max_seq_length", 32)
    layers = _for_each(config.get("motion_layers_per_block", 2), channels)
    return MotionInfo(positions=positions, block_out_channels=channels, layers_per_block=layers, context=min(CONTEXT, positions))
