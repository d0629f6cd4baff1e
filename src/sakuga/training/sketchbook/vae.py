"""Train the autoencoder: pictures to latents of an eighth of their size, and back with crisp edges."""

import copy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sakuga.models.image_tensors import Pixels, psnr, reconstruct, to_tensor
from sakuga.models.sketchbook import make_vae, open_vae
from sakuga.sketchbook.labels import LOOKS
from sakuga.training.sketchbook.linear_start import start_linear
from sakuga.training.sketchbook.loop import Plan
from sakuga.training.sketchbook.pictures import EVERYTHING, HELD_OUT, HELD_OUT_LOOKS, Pictures
from sakuga.training.step_random import Chance

PLAN = Plan(samples=64_000, batch=8, rate=3e-4, pictures=12_288, warmup=800, half_life=4_000, half=False)
CROP = 64
WHOLE = 0.15
"""The share of batches of whole pictures, and the share of the training at whose end all are: norms see other statistics in a crop."""
EDGE_WEIGHT = 0.5
KL_WEIGHT = 1e-4
"""Per latent value. Enough to keep the latents near unit variance, too little to blur."""


def edge_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean absolute error of the differences between neighbours, across and down: blurred lines cost most here."""
    error = made - wanted
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


class VaeTask:
    """The autoencoder in training, on crops of pictures of every look."""

    def __init__(self, plan: Plan, work: Path, device: torch.device, processes: int, start: Path | None = None) -> None:
        self.plan, self.device = plan, device
        torch.manual_seed(plan.seed)
        vae = make_vae() if start is None else open_vae(start)
        self.vae = vae.to(device=device, memory_format=torch.channels_last).train()
        self.networks = self.vae
        self.pictures = Pictures(EVERYTHING, plan.pictures, work, processes)
        if start is None:
            start_linear(self.vae, self.pictures.pixels(range(min(256, len(self.pictures)))))
        self.flat = Pictures(HELD_OUT, min(96, plan.pictures), work)
        self.looks = Pictures(HELD_OUT_LOOKS, min(192, plan.pictures), work)

    def _batch(self, chance: Chance) -> Tensor:
        """Return a batch of crops, or a quarter as many whole pictures: the same work."""
        rng = chance.rng()
        if rng.random() < WHOLE or chance.seen > (1 - WHOLE) * self.plan.samples:
            return to_tensor(self.pictures.pixels(rng.integers(len(self.pictures), size=max(1, self.plan.batch // 4))), self.device)
        pixels = self.pictures.pixels(rng.integers(len(self.pictures), size=self.plan.batch))
        corners = rng.integers(pixels.shape[1] - CROP + 1, size=(len(pixels), 2))
        crops = [picture[y : y + CROP, x : x + CROP] for picture, (y, x) in zip(pixels, corners, strict=True)]
        return to_tensor(np.stack(crops), self.device)

    def losses(self, chance: Chance) -> dict[str, Tensor]:
        """Return absolute error, edge error and divergence from a unit normal, weighted."""
        wanted = self._batch(chance).to(memory_format=torch.channels_last)
        latents = self.vae.encode(wanted).latent_dist
        noise = torch.randn(latents.mean.shape, generator=chance.noise()).to(self.device)
        made = self.vae.decode(latents.mean + latents.std * noise).sample.float()
        kl = 0.5 * (latents.mean.square() + latents.var - 1.0 - latents.logvar).float().mean()
        return {"error": (made - wanted).abs().mean(), "edges": EDGE_WEIGHT * edge_loss(made, wanted), "kl": KL_WEIGHT * kl}

    def measure(self) -> dict[str, float]:
        """Return the PSNR on flat pictures and on each look."""
        pixels = self.flat.pixels(range(len(self.flat)))
        figures = {"vae_psnr_db": float(psnr(reconstruct(self.vae, pixels, self.device), pixels).mean())}
        pixels = self.looks.pixels(range(len(self.looks)))
        values = psnr(reconstruct(self.vae, pixels, self.device), pixels)
        of_look = {look: [float(v) for v, other in zip(values, self.looks.looks, strict=True) if other == look] for look in LOOKS}
        return figures | {f"vae_psnr_db.{look}": sum(found) / len(found) for look, found in of_look.items() if found}

    def sheet(self) -> Pixels:
        """Return eight pictures above what comes back of them, then eight more of every look."""
        rows = []
        for pictures in (self.flat, self.looks):
            pixels = pictures.pixels(range(8))
            rows += [np.concatenate(list(pixels), axis=1), np.concatenate(list(reconstruct(self.vae, pixels, self.device)), axis=1)]
        return np.concatenate(rows)

    def save(self, weights: Path) -> None:
        """Write vae/, with the factor that brings its latents to unit variance."""
        with torch.inference_mode():
            pixels = self.pictures.pixels(range(min(256, len(self.pictures))))
            parts = [self.vae.encode(to_tensor(pixels[k : k + 16], self.device)).latent_dist.mean for k in range(0, len(pixels), 16)]
        finished = copy.deepcopy(self.vae).half().to("cpu", memory_format=torch.contiguous_format)
        finished.register_to_config(scaling_factor=round(1.0 / float(torch.cat(parts).std()), 5))
        finished.save_pretrained(weights / "vae")
