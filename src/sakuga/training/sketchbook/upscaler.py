"""The upscaler stage.

From reconstructions of small images to the same images at twice the size.
"""

import copy
import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PILImage
from torch import Tensor

from sakuga.files import write_atomic
from sakuga.models.image_tensors import Images, downscale_half, psnr, reconstruct, to_pixels, to_tensor
from sakuga.models.sketchbook import load_vae
from sakuga.models.upscaler import Upscaler, load_upscaler_network
from sakuga.training.sketchbook.image_dataset import HELD_OUT_LARGE, LARGE, SHARD, DatasetSpec, ImageDataset, save_array
from sakuga.training.sketchbook.loop import StagePlan, StageSetup
from sakuga.training.sketchbook.vae import edge_loss
from sakuga.training.step_random import StepRandom

PLAN = StagePlan(samples=48_000, batch=16, rate=1.5e-3, images=2_048, warmup=800, half_life=4_000)
CROP = 48
CRISP = 0.25
"""The share of crops without reconstruction: a second upscaling starts from crisp images."""
EDGE_WEIGHT = 0.5
MEASURED = 32


class Pairs:
    """Images with their reconstructions at half the size.

    Made once and stored.
    """

    def __init__(self, dataset: DatasetSpec, count: int, work: Path, device: torch.device, processes: int = 1) -> None:
        self.large = ImageDataset(dataset, count, work, processes)
        vae_file = work / "weights" / "vae" / "diffusion_pytorch_model.safetensors"
        self.folder = work / "reconstructions" / hashlib.sha256(vae_file.read_bytes()).hexdigest()[:12] / dataset.name
        self.folder.mkdir(parents=True, exist_ok=True)
        missing = [shard for shard in self._shards() if not self._path(shard).exists()]
        if missing:
            self._reconstruct(missing, work, device)
        self._small: list[Images] = [np.load(self._path(shard), mmap_mode="r") for shard in self._shards()]

    def __len__(self) -> int:
        return len(self.large)

    def _shards(self) -> list[range]:
        return [range(first, min(first + SHARD, len(self))) for first in range(0, len(self), SHARD)]

    def _path(self, shard: range) -> Path:
        return self.folder / f"{shard.start:06d}-{shard.stop:06d}.npy"

    @torch.inference_mode()
    def _reconstruct(self, shards: list[range], work: Path, device: torch.device) -> None:
        vae = load_vae(work / "weights").to(device=device, memory_format=torch.channels_last)
        for shard in shards:
            output = reconstruct(vae, downscale_half(self.large.pixels(shard)), device, batch=8)
            write_atomic(self._path(shard), partial(save_array, output))

    def small(self, index: int) -> Images:
        """Return the reconstruction of an image at half its size.

        Shape (height, width, 3).
        """
        small: Images = self._small[index // SHARD][index % SHARD]
        return small


class UpscalerTask:
    """The upscaler in training, on crops."""

    def __init__(self, setup: StageSetup) -> None:
        self.plan, self.device = plan, device = setup.plan, setup.device
        torch.manual_seed(plan.seed)
        network: Any = Upscaler() if setup.start is None else load_upscaler_network(setup.start / "upscaler")
        self.networks: Any = network.to(device=device, memory_format=torch.channels_last).train()
        self.pairs = Pairs(LARGE, plan.images, setup.work, device, setup.processes)
        self.held_out = Pairs(HELD_OUT_LARGE, min(MEASURED, plan.images), setup.work, device)

    def _crops(self, random: StepRandom) -> tuple[Tensor, Tensor]:
        """Return crops of small images and of large ones.

        Both show the same part.
        """
        rng = random.rng()
        small, large = [], []
        for index in rng.integers(len(self.pairs), size=self.plan.batch):
            whole = self.pairs.large.pixels([index])[0]
            y, x = rng.integers(whole.shape[0] // 2 - CROP + 1, size=2)
            target = whole[2 * y : 2 * (y + CROP), 2 * x : 2 * (x + CROP)]
            large.append(target)
            crisp = rng.random() < CRISP
            small.append(downscale_half(target[None])[0] if crisp else self.pairs.small(index)[y : y + CROP, x : x + CROP])
        return to_tensor(np.stack(small), self.device), to_tensor(np.stack(large), self.device)

    def losses(self, random: StepRandom) -> dict[str, Tensor]:
        """Return absolute error and edge error, weighted."""
        small, target = self._crops(random)
        output = self.networks(small.contiguous(memory_format=torch.channels_last)).float()
        return {"error": (output - target).abs().mean(), "edges": EDGE_WEIGHT * edge_loss(output, target)}

    def _upscale(self, pixels: Images) -> Images:
        tensors = torch.split(to_tensor(pixels, self.device), 4)
        return np.concatenate([to_pixels(self.networks(part.contiguous(memory_format=torch.channels_last))) for part in tensors])

    def measure(self) -> dict[str, float]:
        """Return the PSNR on held-out images, and that of Lanczos."""
        indices = range(len(self.held_out))
        target = self.held_out.large.pixels(indices)
        small = np.stack([self.held_out.small(index) for index in indices])
        return {
            "upscaler_psnr_db": float(psnr(self._upscale(small), target).mean()),
            "upscaler_psnr_db.lanczos": float(psnr(lanczos(small), target).mean()),
        }

    def sheet(self) -> Images:
        """Return images by Lanczos, the network, and the renderer.

        Six each, above one another.
        """
        indices = range(min(6, len(self.held_out)))
        small = np.stack([self.held_out.small(index) for index in indices])
        rows = (lanczos(small), self._upscale(small), self.held_out.large.pixels(indices))
        return np.concatenate([np.concatenate(list(row), axis=1) for row in rows])

    def save(self, weights: Path) -> None:
        """Write upscaler/."""
        copy.deepcopy(self.networks).cpu().save(weights / "upscaler")


def lanczos(pixels: Images) -> Images:
    """Upscale images to twice their size by Lanczos.

    Images are (n, height, width, 3).
    """
    size = (2 * pixels.shape[2], 2 * pixels.shape[1])
    return np.stack([np.asarray(PILImage.fromarray(image).resize(size, PILImage.Resampling.LANCZOS)) for image in pixels])
