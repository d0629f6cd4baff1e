"""A UNet with a motion adapter, run by OpenVINO."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn

from sakuga.models.motion import MotionUNet
from sakuga.models.openvino.networks import OpenVinoNetwork, architecture

LENGTHS = 3
"""Lengths of windows whose programs stay in memory; the one used longest ago goes first."""


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
        key = (network.frames, float(network.scale))
        if key not in self._networks:
            weights = nn.ModuleDict({"unet": network.unet, "adapter": network.adapter})
            parts = {"unet": architecture(network.unet), "adapter": architecture(network.adapter)}
            run = partial(_run, frames=network.frames, scale=float(network.scale))
            self._networks[key] = OpenVinoNetwork("the motion UNet", weights, self.notes, run, parts=parts, frames_and_scale=key)
        self._networks[key] = self._networks.pop(key)
        if len(self._networks) > LENGTHS:
            del self._networks[next(iter(self._networks))]
        return self._networks[key]


class OpenVinoMotions:
    """One `OpenVinoMotion` for each motion adapter."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes
        self._by_adapter: dict[Any, OpenVinoMotion] = {}

    def __call__(self, network: MotionUNet) -> OpenVinoMotion:
        """Return what runs motion UNets with this adapter."""
        return self._by_adapter.setdefault(network.adapter, OpenVinoMotion(network, self.notes))


def _run(weights: Any, *inputs: Any, frames: int, scale: float, **named: Any) -> Any:
    return MotionUNet(weights["unet"], weights["adapter"], frames, scale)(*inputs, **named)
