"""The autoencoder stage."""

import copy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sakuga.models.image_tensors import Images, psnr, reconstruct, to_tensor
from sakuga.models.sketchbook import load_vae, make_vae
from sakuga.sketchbook.labels import LOOKS
from sakuga.training.sketchbook.image_dataset import EVERYTHING, HELD_OUT, HELD_OUT_LOOKS, ImageDataset
from sakuga.training.sketchbook.linear_start import start_linear
from sakuga.training.sketchbook.loop import StagePlan, StageSetup
from sakuga.training.step_random import StepRandom

PLAN = StagePlan(samples=64_000, batch=8, rate=3e-4, images=12_288, warmup=800, half_life=4_000, half=False)
CROP = 64
WHOLE_IMAGES = 0.15
"""The share of batches with whole images, and of the training's end: norms have other statistics in a crop."""
EDGE_WEIGHT = 0.5
KL_WEIGHT = 1e-4
"""Per latent value: enough for latents near unit variance, too little to blur."""


def edge_loss(output: Tensor, target: Tensor) -> Tensor:
    """Return the mean absolute error of neighbour differences.

    It penalizes blurred lines.
    """
    error = output - target
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


class VaeTask:
    """The autoencoder in training, on crops."""

    def __init__(self, setup: StageSetup) -> None:
        self.plan, self.device = plan, device = setup.plan, setup.device
        torch.manual_seed(plan.seed)
        vae = make_vae() if setup.start is None else load_vae(setup.start)
        self.vae = vae.to(device=device, memory_format=torch.channels_last).train()
        self.networks = self.vae
        self.images = ImageDataset(EVERYTHING, plan.images, setup.work, setup.processes)
        if setup.start is None:
            start_linear(self.vae, self.images.pixels(range(min(256, len(self.images)))))
        self.flat = ImageDataset(HELD_OUT, min(96, plan.images), setup.work)
        self.looks = ImageDataset(HELD_OUT_LOOKS, min(192, plan.images), setup.work)

    def _batch(self, random: StepRandom) -> Tensor:
        """Return a batch of crops, or of whole images.

        A quarter as many whole ones are the same work.
        """
        rng = random.rng()
        if rng.random() < WHOLE_IMAGES or random.samples_seen > (1 - WHOLE_IMAGES) * self.plan.samples:
            return to_tensor(self.images.pixels(rng.integers(len(self.images), size=max(1, self.plan.batch // 4))), self.device)
        pixels = self.images.pixels(rng.integers(len(self.images), size=self.plan.batch))
        corners = rng.integers(pixels.shape[1] - CROP + 1, size=(len(pixels), 2))
        crops = [image[y : y + CROP, x : x + CROP] for image, (y, x) in zip(pixels, corners, strict=True)]
        return to_tensor(np.stack(crops), self.device)

    def losses(self, random: StepRandom) -> dict[str, Tensor]:
        """Return absolute error, edge error and KL divergence, weighted."""
        target = self._batch(random).to(memory_format=torch.channels_last)
        latents = self.vae.encode(target).latent_dist
        noise = torch.randn(latents.mean.shape, generator=random.noise()).to(self.device)
        output = self.vae.decode(latents.mean + latents.std * noise).sample.float()
        kl = 0.5 * (latents.mean.square() + latents.var - 1.0 - latents.logvar).float().mean()
        return {"error": (output - target).abs().mean(), "edges": EDGE_WEIGHT * edge_loss(output, target), "kl": KL_WEIGHT * kl}

    def measure(self) -> dict[str, float]:
        """Return the PSNR on flat images and on each look."""
        pixels = self.flat.pixels(range(len(self.flat)))
        metrics = {"vae_psnr_db": float(psnr(reconstruct(self.vae, pixels, self.device), pixels).mean())}
        pixels = self.looks.pixels(range(len(self.looks)))
        values = psnr(reconstruct(self.vae, pixels, self.device), pixels)
        of_look = {look: [float(v) for v, other in zip(values, self.looks.looks, strict=True) if other == look] for look in LOOKS}
        return metrics | {f"vae_psnr_db.{look}": sum(found) / len(found) for look, found in of_look.items() if found}

    def sheet(self) -> Images:
        """Return images above their reconstructions.

        Eight flat ones, then eight of every look.
        """
        rows = []
        for images in (self.flat, self.looks):
            pixels = images.pixels(range(8))
            rows += [np.concatenate(list(pixels), axis=1), np.concatenate(list(reconstruct(self.vae, pixels, self.device)), axis=1)]
        return np.concatenate(rows)

    def save(self, weights: Path) -> None:
        """Write vae/ with its scaling factor.

        The factor scales latents to unit variance.
        """
        with torch.inference_mode():
            pixels = self.images.pixels(range(min(256, len(self.images))))
            parts = [self.vae.encode(to_tensor(pixels[k : k + 16], self.device)).latent_dist.mean for k in range(0, len(pixels), 16)]
        finished = copy.deepcopy(self.vae).half().to("cpu", memory_format=torch.contiguous_format)
        finished.register_to_config(scaling_factor=round(1.0 / float(torch.cat(parts).std()), 5))
        finished.save_pretrained(weights / "vae")
