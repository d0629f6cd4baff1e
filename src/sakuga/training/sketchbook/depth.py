"""Train the depth estimator: how near each pixel is, in pictures of every look, and in such as a model might draw."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sakuga.diffusion.correlation import mean_rank_correlation
from sakuga.models.depth import make_depth_estimator, make_depth_processor, open_depth
from sakuga.models.image_tensors import Pixels, to_pixels, to_tensor
from sakuga.models.sketchbook import open_vae
from sakuga.training.sketchbook.classifier import vary
from sakuga.training.sketchbook.depth_maps import Depths
from sakuga.training.sketchbook.loop import Plan
from sakuga.training.sketchbook.pictures import EVERYTHING, HELD_OUT, HELD_OUT_LOOKS, Pictures
from sakuga.training.sketchbook.vae import edge_loss
from sakuga.training.speed import half_is_fast, with_plain_attention
from sakuga.training.step_random import Chance

PLAN = Plan(samples=96_000, batch=16, rate=1.5e-3, pictures=16_384, warmup=1_600, half_life=4_000, decay=0.02)
DRAWN = 0.2
"""The share of a batch that goes through the autoencoder, with noise on its latents: such are the flaws of what a model draws."""
GREATEST_NOISE = 0.6
"""The deviation of that noise, in latents of unit variance."""
EDGE_WEIGHT = 0.5
MEASURED = 128


class DepthTask:
    """The depth estimator in training."""

    def __init__(self, plan: Plan, work: Path, device: torch.device, processes: int, start: Path | None = None) -> None:
        self.plan, self.device = plan, device
        torch.manual_seed(plan.seed)
        network: Any = make_depth_estimator() if start is None else open_depth(start / "depth").requires_grad_(True)
        self.networks: Any = with_plain_attention(network, device).train()
        self.vae = open_vae(work / "weights").to(device).requires_grad_(False)
        self.pictures = Pictures(EVERYTHING, plan.pictures, work, processes)
        self.depths = Depths(EVERYTHING, plan.pictures, work, processes)
        count = min(MEASURED, plan.pictures)
        self.held_out = [(Pictures(album, count, work), Depths(album, count, work)) for album in (HELD_OUT, HELD_OUT_LOOKS)]

    @torch.no_grad()
    def as_drawn(self, pictures: Tensor, noise: Tensor) -> Tensor:
        """Send pictures (n, 3, height, width) through the autoencoder, with noise on their latents of unit variance."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half_is_fast(self.device)):
            latents = self.vae.encode(pictures).latent_dist.mean
            drawn: Tensor = self.vae.decode(latents + noise.to(latents) / self.vae.config.scaling_factor).sample
        return drawn.float()

    def losses(self, chance: Chance) -> dict[str, Tensor]:
        """Return absolute error and edge error, weighted."""
        rng = chance.rng()
        chosen = rng.integers(len(self.pictures), size=self.plan.batch)
        pictures = to_tensor(self.pictures.pixels(chosen), self.device)
        count = max(1, round(DRAWN * self.plan.batch))
        noise = torch.randn((count, *self._latent_shape), generator=chance.noise()) * float(rng.uniform(0.0, GREATEST_NOISE))
        pictures = torch.cat([self.as_drawn(pictures[:count], noise), pictures[count:]])
        made = self.networks(pixel_values=vary(pictures, rng)).predicted_depth.float()
        wanted = self.depths.near(chosen).to(self.device)
        return {"error": (made - wanted).abs().mean(), "edges": EDGE_WEIGHT * edge_loss(made, wanted)}

    @property
    def _latent_shape(self) -> tuple[int, int, int]:
        album = self.pictures.album
        return self.vae.config.latent_channels, album.height // 8, album.width // 8

    def _estimate(self, pictures: Tensor) -> NDArray[np.float32]:
        parts = [self.networks(pixel_values=part).predicted_depth for part in torch.split(pictures, 16)]
        near: NDArray[np.float32] = torch.cat(parts).float().clamp(0, 1).cpu().numpy()
        return near

    def _drawn(self, pictures: Tensor) -> Tensor:
        """Return pictures as drawn with half the greatest noise, the same at every look."""
        noise = torch.randn((len(pictures), *self._latent_shape), generator=torch.Generator().manual_seed(1)) * GREATEST_NOISE / 2
        parts = zip(torch.split(pictures, 16), torch.split(noise, 16), strict=True)
        return torch.cat([self.as_drawn(*part) for part in parts])

    def measure(self) -> dict[str, float]:
        """Return rank correlations with the truth, on flat pictures, the same as drawn (after "drawn."), and on every look ("looks.").

        `raw` is that of the maps as they are, `rank_correlation` that of what is left without the mean true map.
        """
        (flat, _), (looks, _) = self.held_out
        shown = {"": flat, "drawn.": flat, "looks.": looks}
        figures: dict[str, float] = {}
        for name, pictures in shown.items():
            count = range(len(pictures))
            true = self.held_out[name == "looks."][1].near(count).numpy()
            pixels = to_tensor(pictures.pixels(count), self.device)
            made = self._estimate(self._drawn(pixels) if name == "drawn." else pixels)
            figures[f"{name}rank_correlation"] = mean_rank_correlation(made, true, true.mean(axis=0))
            figures[f"{name}raw"] = mean_rank_correlation(made, true)
            figures[f"{name}error"] = float(np.abs(made - true).mean())
        return figures

    def sheet(self) -> Pixels:
        """Return twelve pictures of every look, some as drawn, above their estimated and their true depth, in two groups."""
        pictures, depths = self.held_out[1]
        count = range(min(12, len(pictures)))
        shown = to_tensor(pictures.pixels(count), self.device)
        shown = torch.cat([self._drawn(shown[:4]), shown[4:]])
        grey = [(np.stack([near] * 3, axis=-1) * 255).astype(np.uint8) for near in (self._estimate(shown), depths.near(count).numpy())]
        rows = (to_pixels(shown), *grey)
        groups = [np.concatenate([np.concatenate(list(row[k : k + 6]), axis=1) for row in rows]) for k in range(0, len(count), 6)]
        widest = max(group.shape[1] for group in groups)
        return np.concatenate([np.pad(group, ((0, 0), (0, widest - group.shape[1]), (0, 0))) for group in groups])

    def save(self, weights: Path) -> None:
        """Write depth/."""
        finished = copy.deepcopy(self.networks).half().to("cpu", memory_format=torch.contiguous_format)
        finished.save_pretrained(weights / "depth")
        make_depth_processor().save_pretrained(weights / "depth")
