"""The depth estimator stage.

It trains on images of every look and on decoded latents.
"""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sakuga.diffusion.correlation import mean_rank_correlation
from sakuga.models.depth import load_depth_network, make_depth_estimator, make_depth_processor
from sakuga.models.image_tensors import Images, to_pixels, to_tensor
from sakuga.models.placement import place_encoder
from sakuga.models.sketchbook import load_vae
from sakuga.training.sketchbook.classifier import augment
from sakuga.training.sketchbook.depth_dataset import DepthDataset
from sakuga.training.sketchbook.image_dataset import EVERYTHING, HELD_OUT, HELD_OUT_LOOKS, ImageDataset
from sakuga.training.sketchbook.loop import StagePlan, StageSetup
from sakuga.training.sketchbook.vae import edge_loss
from sakuga.training.speed import bf16_is_fast
from sakuga.training.step_random import StepRandom

PLAN = StagePlan(samples=96_000, batch=16, rate=1.5e-3, images=16_384, warmup=1_600, half_life=4_000, decay=0.02)
GENERATED = 0.2
"""The share of a batch that passes the autoencoder with noise on its latents, for the flaws of generated images."""
MAX_NOISE = 0.6
"""The greatest deviation of that noise, in latents of unit variance."""
EDGE_WEIGHT = 0.5
MEASURED = 128


class DepthTask:
    """The depth estimator in training."""

    def __init__(self, setup: StageSetup) -> None:
        self.plan, self.device = plan, device = setup.plan, setup.device
        torch.manual_seed(plan.seed)
        network: Any = make_depth_estimator() if setup.start is None else load_depth_network(setup.start / "depth").requires_grad_(True)
        self.networks: Any = place_encoder(network, device).train()
        self.vae = load_vae(setup.work / "weights").to(device).requires_grad_(False)
        self.images = ImageDataset(EVERYTHING, plan.images, setup.work, setup.processes)
        self.depths = DepthDataset(EVERYTHING, plan.images, setup.work, setup.processes)
        count = min(MEASURED, plan.images)
        datasets = (HELD_OUT, HELD_OUT_LOOKS)
        self.held_out = [(ImageDataset(one, count, setup.work), DepthDataset(one, count, setup.work)) for one in datasets]

    @torch.no_grad()
    def as_generated(self, images: Tensor, noise: Tensor) -> Tensor:
        """Encode and decode images with noise on their latents.

        Images are (n, 3, height, width).
        """
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bf16_is_fast(self.device)):
            latents = self.vae.encode(images).latent_dist.mean
            decoded: Tensor = self.vae.decode(latents + noise.to(latents) / self.vae.config.scaling_factor).sample
        return decoded.float()

    def losses(self, random: StepRandom) -> dict[str, Tensor]:
        """Return absolute error and edge error, weighted."""
        rng = random.rng()
        chosen = rng.integers(len(self.images), size=self.plan.batch)
        images = to_tensor(self.images.pixels(chosen), self.device)
        count = max(1, round(GENERATED * self.plan.batch))
        noise = torch.randn((count, *self._latent_shape), generator=random.noise()) * float(rng.uniform(0.0, MAX_NOISE))
        images = torch.cat([self.as_generated(images[:count], noise), images[count:]])
        output = self.networks(pixel_values=augment(images, rng)).predicted_depth.float()
        target = self.depths.near(chosen).to(self.device)
        return {"error": (output - target).abs().mean(), "edges": EDGE_WEIGHT * edge_loss(output, target)}

    @property
    def _latent_shape(self) -> tuple[int, int, int]:
        dataset = self.images.dataset
        return self.vae.config.latent_channels, dataset.height // 8, dataset.width // 8

    def _estimate(self, images: Tensor) -> NDArray[np.float32]:
        parts = [self.networks(pixel_values=part).predicted_depth for part in torch.split(images, 16)]
        near: NDArray[np.float32] = torch.cat(parts).float().clamp(0, 1).cpu().numpy()
        return near

    def _as_generated(self, images: Tensor) -> Tensor:
        """Encode and decode with half the greatest noise.

        The noise is always the same.
        """
        noise = torch.randn((len(images), *self._latent_shape), generator=torch.Generator().manual_seed(1)) * MAX_NOISE / 2
        parts = zip(torch.split(images, 16), torch.split(noise, 16), strict=True)
        return torch.cat([self.as_generated(*part) for part in parts])

    def measure(self) -> dict[str, float]:
        """Return rank correlations with true depth.

        On flat images, decoded ones ("drawn.") and every look ("looks."). `raw` is that of the maps, `rank_correlation` that of the rest
        without the mean true map.
        """
        (flat, _), (looks, _) = self.held_out
        shown = {"": flat, "drawn.": flat, "looks.": looks}
        metrics: dict[str, float] = {}
        for name, images in shown.items():
            count = range(len(images))
            true = self.held_out[name == "looks."][1].near(count).numpy()
            pixels = to_tensor(images.pixels(count), self.device)
            output = self._estimate(self._as_generated(pixels) if name == "drawn." else pixels)
            metrics[f"{name}rank_correlation"] = mean_rank_correlation(output, true, true.mean(axis=0))
            metrics[f"{name}raw"] = mean_rank_correlation(output, true)
            metrics[f"{name}error"] = float(np.abs(output - true).mean())
        return metrics

    def sheet(self) -> Images:
        """Return images above estimated and true depth.

        Twelve of every look, some decoded.
        """
        images, depths = self.held_out[1]
        count = range(min(12, len(images)))
        shown = to_tensor(images.pixels(count), self.device)
        shown = torch.cat([self._as_generated(shown[:4]), shown[4:]])
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
