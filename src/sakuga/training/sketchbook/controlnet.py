"""The depth ControlNet stage.

The finished UNet is frozen and guided by true depth.
"""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sakuga.models.sketchbook import load_controlnet, make_controlnet
from sakuga.training.sketchbook.depth_dataset import DepthDataset
from sakuga.training.sketchbook.loop import StagePlan, StageSetup
from sakuga.training.sketchbook.unet import UnetTask, held_out, training_sets, velocity_errors
from sakuga.training.step_random import StepRandom

PLAN = StagePlan(samples=96_000, batch=16, rate=2e-3, images=32_768, warmup=800, half_life=4_000)
CAPTION_DROPOUT = 0.5
"""The share of samples with an empty prompt, so that only the control holds the layout (Zhang et al. 2023)."""


def hint(near: Tensor) -> Tensor:
    """Return depth maps as control images.

    From (n, height, width) to grey (n, 3, height, width); near is white.
    """
    return near[:, None].expand(-1, 3, -1, -1)


class ControlnetTask:
    """The ControlNet in training, beside the finished UNet."""

    def __init__(self, setup: StageSetup) -> None:
        self.plan, self.device = plan, device = setup.plan, setup.device
        self.base = UnetTask(replace(setup, start=setup.work / "weights"))
        self.unet = self.base.networks.eval().requires_grad_(False)
        torch.manual_seed(plan.seed)
        network: Any = make_controlnet(self.unet) if setup.start is None else load_controlnet(setup.start)
        self.networks: Any = network.to(device).train()
        sets = training_sets(setup.work, plan.images, device)
        self.depths = [DepthDataset(spec.dataset, count, setup.work, setup.processes) for spec, count in sets]
        spec, count = held_out(setup.work, plan.images, device)
        self.held_out_depths = DepthDataset(spec.dataset, count, setup.work)

    def predict(self, noisy: Tensor, timesteps: Tensor, prompt_embeds: Tensor, near: Tensor) -> Tensor:
        """Return the UNet's velocity with depth maps as control.

        Maps are (n, height, width).
        """
        down, middle = self.networks(noisy, timesteps, prompt_embeds, hint(near), return_dict=False)
        predicted: Tensor = self.unet(
            noisy, timesteps, prompt_embeds, down_block_additional_residuals=down, mid_block_additional_residual=middle, return_dict=False
        )[0]
        return predicted

    def losses(self, random: StepRandom) -> dict[str, Tensor]:
        """Return the UNet's error of a batch."""
        batch = self.base.batch(random)
        near = self.depths[batch.dataset].near(batch.chosen).to(self.device)
        dropped = np.random.default_rng((self.plan.seed, random.samples_seen, 1)).random(len(near)) < CAPTION_DROPOUT
        prompt_embeds = torch.where(torch.from_numpy(dropped).to(self.device)[:, None, None], self.base.unconditional, batch.prompt_embeds)
        signal = self.base.signal[batch.timesteps]
        errors = velocity_errors(
            lambda noisy: self.predict(noisy, batch.timesteps, prompt_embeds, near), signal, batch.clean, batch.noise, self.base.variance
        )
        return {"error": errors.mean()}

    def measure(self) -> dict[str, float]:
        """Return the held-out error with empty prompts.

        With each image's depth as control, another's, and none.
        """
        count = len(self.base.held_out)
        near = self.held_out_depths.near(range(count)).to(self.device)
        return {
            "error.control": self._error(near),
            "error.wrong_control": self._error(near.roll(1, dims=0)),
            "error.no_control": self._error(None),
        }

    def _error(self, near: Tensor | None) -> float:
        clean = (self.base.held_out.latents(np.arange(len(self.base.held_out))) * self.base.scale).to(self.device)
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1)).to(self.device)
        timesteps = torch.linspace(0, len(self.base.signal) - 1, len(clean)).long().to(self.device)
        found = []
        for part in torch.split(torch.arange(len(clean)), 16):
            prompt_embeds, at = self.base.unconditional.expand(len(part), -1, -1), timesteps[part]
            control = None if near is None else near[part]

            def predict(noisy: Tensor, prompt_embeds: Tensor = prompt_embeds, at: Tensor = at, control: Tensor | None = control) -> Tensor:
                if control is not None:
                    return self.predict(noisy, at, prompt_embeds, control)
                uncontrolled: Tensor = self.unet(noisy, at, prompt_embeds, return_dict=False)[0]
                return uncontrolled

            found.append(velocity_errors(predict, self.base.signal[at], clean[part], noise[part], self.base.variance))
        return float(torch.cat(found).mean())

    def sheet(self) -> None:
        """Return nothing.

        The score's sheet shows control with the depth estimator's judgement.
        """

    def save(self, weights: Path) -> None:
        """Write controlnet/."""
        finished = copy.deepcopy(self.networks).half().to("cpu", memory_format=torch.contiguous_format)
        finished.save_pretrained(weights / "controlnet")
