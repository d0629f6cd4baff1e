"""UNets of motion windows, run by OpenVINO: one program for windows of any length."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.models.denoiser import UNetDenoiser
from sakuga.models.motion import MotionUNet
from sakuga.models.openvino.networks import OpenVinoNetwork, architecture

SCALES = 3
"""Motion scales whose programs stay in memory; the one used longest ago goes first."""


@dataclass(frozen=True, slots=True, eq=False)
class WindowDenoiser(UNetDenoiser):
    """A denoiser that gives each row a timestep, so that one program takes all batches."""

    def forward(self, latents: Tensor, timestep: Tensor | int, *inputs: Any, **residuals: Any) -> Tensor:
        """Predict from noisy latents, as `Denoiser.forward` says."""
        timesteps = torch.as_tensor(timestep, device=latents.device).expand(len(latents))
        return UNetDenoiser.forward(self, latents, timesteps, *inputs, **residuals)


@dataclass(slots=True, eq=False)
class OpenVinoMotion:
    """Runs motion UNets of one UNet and adapter, for any number of frames.

    A scale that differs from frame to frame is left to torch.
    """

    network: MotionUNet
    notes: list[str]
    _networks: dict[tuple[int, float], OpenVinoNetwork] = field(default_factory=dict)

    def __call__(self, network: MotionUNet) -> Any:
        """Return what is called in place of a motion UNet."""
        if isinstance(network.scale, Tensor) or network.frames == 1 or not network.scale:
            return network
        return _Compiled(self, network, float(network.scale))

    def compiled(self, clips: int, scale: float) -> OpenVinoNetwork:
        """Return the network for batches of so many clips."""
        key = (clips, scale)
        network = self._networks.pop(key, None) or self._opened(clips, scale)
        self._networks[key] = network
        if len(self._networks) > SCALES:
            del self._networks[next(iter(self._networks))]
        return network

    def _opened(self, clips: int, scale: float) -> OpenVinoNetwork:
        unet, adapter = self.network.unet, self.network.adapter
        weights = nn.ModuleDict({"unet": unet, "adapter": adapter})
        parts = {"unet": architecture(unet), "adapter": architecture(adapter)}
        run = partial(_run, clips=clips, scale=scale)
        return OpenVinoNetwork("the motion UNet", weights, self.notes, run, any_rows=True, parts=parts, clips_and_scale=(clips, scale))


@dataclass(frozen=True, slots=True, eq=False)
class _Compiled:
    """A motion UNet, called as the one of torch is."""

    motion: OpenVinoMotion
    network: MotionUNet
    scale: float

    @property
    def config(self) -> Any:
        return self.network.config

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return the weights of both networks."""
        return self.network.parameters()

    def __call__(self, noisy: Tensor, *inputs: Any, **named: Any) -> tuple[Tensor, ...]:
        """Predict as `MotionUNet` does."""
        return self.motion.compiled(len(noisy) // self.network.frames, self.scale)(noisy, *inputs, **named)


class OpenVinoMotions:
    """One `OpenVinoMotion` for each motion adapter."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes
        self._by_adapter: dict[Any, OpenVinoMotion] = {}

    def __call__(self, network: MotionUNet) -> OpenVinoMotion:
        """Return what runs motion UNets with this adapter."""
        return self._by_adapter.setdefault(network.adapter, OpenVinoMotion(network, self.notes))


def _run(weights: Any, noisy: Any, *inputs: Any, clips: int, scale: float, **named: Any) -> Any:
    """Run the motion UNet on as many frames as the batch has, so that a traced graph takes any number."""
    return MotionUNet(weights["unet"], weights["adapter"], noisy.shape[0] // clips, scale)(noisy, *inputs, **named)
