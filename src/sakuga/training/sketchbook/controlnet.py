"""Train the depth ControlNet: the finished UNet stays as it is and is led by the true depth of what its latents show."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sakuga.models.sketchbook import make_controlnet, open_controlnet
from sakuga.training.sketchbook.depth_maps import Depths
from sakuga.training.sketchbook.loop import Plan
from sakuga.training.sketchbook.unet import UnetTask, albums, held_out, velocity_errors
from sakuga.training.step_random import Chance

PLAN = Plan(samples=96_000, batch=16, rate=2e-3, pictures=32_768, warmup=800, half_life=4_000)
UNTOLD = 0.5
"""The share of samples of which the UNet is told no words, so that all it knows of the layout is the control (Zhang et al. 2023)."""


def hint(near: Tensor) -> Tensor:
    """Return depths (n, height, width) as a ControlNet is shown them: grey pictures (n, 3, height, width), near is white."""
    return near[:, None].expand(-1, 3, -1, -1)


class ControlnetTask:
    """The ControlNet in training, beside the finished UNet."""

    def __init__(self, plan: Plan, work: Path, device: torch.device, processes: int, start: Path | None = None) -> None:
        self.plan, self.device = plan, device
        self.base = UnetTask(plan, work, device, processes, work / "weights")
        self.unet = self.base.networks.eval().requires_grad_(False)
        torch.manual_seed(plan.seed)
        network: Any = make_controlnet(self.unet) if start is None else open_controlnet(start)
        self.networks: Any = network.to(device).train()
        self.depths = [Depths(series.album, count, work, processes) for series, count in albums(work, plan.pictures, device)]
        series, count = held_out(work, plan.pictures, device)
        self.held_out_depths = Depths(series.album, count, work)

    def led(self, noisy: Tensor, timesteps: Tensor, told: Tensor, near: Tensor) -> Tensor:
        """Return what the UNet predicts when depths (n, height, width) lead it."""
        down, middle = self.networks(noisy, timesteps, told, hint(near), return_dict=False)
        predicted: Tensor = self.unet(
            noisy, timesteps, told, down_block_additional_residuals=down, mid_block_additional_residual=middle, return_dict=False
        )[0]
        return predicted

    def losses(self, chance: Chance) -> dict[str, Tensor]:
        """Return the UNet's error of a batch."""
        batch = self.base.batch(chance)
        near = self.depths[batch.series].near(batch.chosen).to(self.device)
        untold = np.random.default_rng((self.plan.seed, chance.seen, 1)).random(len(near)) < UNTOLD
        told = torch.where(torch.from_numpy(untold).to(self.device)[:, None, None], self.base.nothing, batch.told)
        signal = self.base.signal[batch.timesteps]
        errors = velocity_errors(
            lambda noisy: self.led(noisy, batch.timesteps, told, near), signal, batch.clean, batch.noise, self.base.variance
        )
        return {"error": errors.mean()}

    def measure(self) -> dict[str, float]:
        """Return the error on pictures not trained on, told nothing: led by their depth, by that of others, and by none."""
        count = len(self.base.held_out)
        near = self.held_out_depths.near(range(count)).to(self.device)
        return {
            "error.led": self._error(near),
            "error.misled": self._error(near.roll(1, dims=0)),
            "error.alone": self._error(None),
        }

    def _error(self, near: Tensor | None) -> float:
        clean = (self.base.held_out.latents(np.arange(len(self.base.held_out))) * self.base.scale).to(self.device)
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1)).to(self.device)
        timesteps = torch.linspace(0, len(self.base.signal) - 1, len(clean)).long().to(self.device)
        found = []
        for part in torch.split(torch.arange(len(clean)), 16):
            told, at = self.base.nothing.expand(len(part), -1, -1), timesteps[part]
            shown = None if near is None else near[part]

            def predict(noisy: Tensor, told: Tensor = told, at: Tensor = at, shown: Tensor | None = shown) -> Tensor:
                alone: Tensor = self.unet(noisy, at, told, return_dict=False)[0] if shown is None else self.led(noisy, at, told, shown)
                return alone

            found.append(velocity_errors(predict, self.base.signal[at], clean[part], noise[part], self.base.variance))
        return float(torch.cat(found).mean())

    def sheet(self) -> None:
        """Show nothing: the score's sheet shows what control does, with the estimator's word on it."""

    def save(self, weights: Path) -> None:
        """Write controlnet/."""
        finished = copy.deepcopy(self.networks).half().to("cpu", memory_format=torch.contiguous_format)
        finished.save_pretrained(weights / "controlnet")
