"""The sharpening stage.

The UNet learns what its own predictions become when they are moved away from those of a less trained copy (Karras et al. 2024, "Guiding a
Diffusion Model with a Bad Version of Itself"), so that sampling needs no second network.
"""

import copy
import shutil
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from sakuga import InputError
from sakuga.diffusion.velocity import add_noise
from sakuga.models.placement import place_unet
from sakuga.models.sketchbook import load_unet
from sakuga.sketchbook.caption_reading import NOT_LEARNT
from sakuga.training.sketchbook.loop import CHECKPOINT, WEAKER, StagePlan, StageSetup
from sakuga.training.sketchbook.unet import UnetTask, loss_weights, write_unet

PLAN = StagePlan(samples=64_000, batch=16, rate=2e-4, images=16_384, warmup=1_600, half_life=4_000)
AMOUNT = 1.0
"""How far predictions move away from the less trained UNet's, in their difference."""
FIRST = 0.25
"""The same for the weights that the training starts with: a step in their space does a part of it."""
SHARE = 0.75
"""How far the written weights go from the UNet before to the trained one, which is sharper than the autoencoder's copies."""


class SharpenTask(UnetTask):
    """The UNet in training, towards its own predictions moved away from those of a less trained one."""

    accompanied = "action" not in NOT_LEARNT

    def __init__(self, setup: StageSetup) -> None:
        if not (setup.work / WEAKER).is_dir():
            raise InputError(f"there is no {setup.work / WEAKER}: sharpening needs a less trained UNet there, which the unet stage keeps")
        finished = _finished_unet(setup.work)
        super().__init__(replace(setup, start=finished))
        self.better, self.weaker = (
            place_unet(load_unet(folder).requires_grad_(False), self.device) for folder in (finished, setup.work / WEAKER)
        )
        weaker = self.weaker.state_dict()
        self.networks.load_state_dict({name: value + FIRST * (value - weaker[name]) for name, value in self.better.state_dict().items()})

    def errors(self, clean: Tensor, timesteps: Tensor, noise: Tensor, prompt_embeds: Tensor, cell_weights: Tensor | float = 1.0) -> Tensor:
        """Return the weighted error of each sample against the moved prediction, (n,)."""
        signal = self.signal[timesteps]
        noisy = add_noise(clean, noise, signal.view(-1, 1, 1, 1))

        def predict(unet: torch.nn.Module) -> Tensor:
            predicted: Tensor = unet(noisy, timesteps, prompt_embeds, return_dict=False)[0]
            return predicted.float()

        with torch.no_grad():
            better, weaker = predict(self.better), predict(self.weaker)
        target = better + AMOUNT * (better - weaker)
        squared = ((predict(self.networks) - target).square() * cell_weights).mean(dim=(2, 3))
        return (squared * loss_weights(signal, self.variance)).mean(dim=1)

    def save(self, weights: Path) -> None:
        """Write unet/ and scheduler/."""
        finished, before = copy.deepcopy(self.networks), self.better.state_dict()
        finished.load_state_dict({name: torch.lerp(before[name], value, SHARE) for name, value in finished.state_dict().items()})
        write_unet(finished, weights)


def _finished_unet(work: Path) -> Path:
    """Keep the UNet that is sharpened beside the run, as its own takes its place; a run that goes on finds it there."""
    run = work / "runs" / "sharpen"
    if not (run / CHECKPOINT).exists():
        shutil.rmtree(run / "finished", ignore_errors=True)
        shutil.copytree(work / "weights" / "unet", run / "finished" / "unet")
    return run / "finished"
