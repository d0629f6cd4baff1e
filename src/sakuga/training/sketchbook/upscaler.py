"""Train the upscaler: from what the autoencoder makes of a small picture to the same picture rendered twice as large."""

import copy
import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sakuga.files import write_whole
from sakuga.models.image_tensors import Pixels, halved, psnr, reconstruct, to_pixels, to_tensor
from sakuga.models.sketchbook import open_vae
from sakuga.models.upscaler import Upscaler, open_upscaler
from sakuga.training.sketchbook.loop import Plan
from sakuga.training.sketchbook.pictures import HELD_OUT_LARGE, LARGE, SHARD, Album, Pictures, save_array
from sakuga.training.sketchbook.vae import edge_loss
from sakuga.training.step_random import Chance

PLAN = Plan(samples=48_000, batch=16, rate=1.5e-3, pictures=2_048, warmup=800, half_life=4_000)
CROP = 48
CRISP = 0.25
"""The share of crops that never went through the autoencoder: a second doubling starts from crisp pictures."""
EDGE_WEIGHT = 0.5
MEASURED = 32


class Pairs:
    """Pictures of an album with what the autoencoder makes of them at half their size, which is made once and kept."""

    def __init__(self, album: Album, count: int, work: Path, device: torch.device, processes: int = 1) -> None:
        self.large = Pictures(album, count, work, processes)
        vae_file = work / "weights" / "vae" / "diffusion_pytorch_model.safetensors"
        self.folder = work / "reconstructions" / hashlib.sha256(vae_file.read_bytes()).hexdigest()[:12] / album.name
        self.folder.mkdir(parents=True, exist_ok=True)
        missing = [shard for shard in self._shards() if not self._path(shard).exists()]
        if missing:
            self._reconstruct(missing, work, device)
        self._small: list[Pixels] = [np.load(self._path(shard), mmap_mode="r") for shard in self._shards()]

    def __len__(self) -> int:
        return len(self.large)

    def _shards(self) -> list[range]:
        return [range(first, min(first + SHARD, len(self))) for first in range(0, len(self), SHARD)]

    def _path(self, shard: range) -> Path:
        return self.folder / f"{shard.start:06d}-{shard.stop:06d}.npy"

    @torch.inference_mode()
    def _reconstruct(self, shards: list[range], work: Path, device: torch.device) -> None:
        vae = open_vae(work / "weights").to(device=device, memory_format=torch.channels_last)
        for shard in shards:
            made = reconstruct(vae, halved(self.large.pixels(shard)), device, batch=8)
            write_whole(self._path(shard), partial(save_array, made))

    def small(self, index: int) -> Pixels:
        """Return what the autoencoder makes of a picture at half its size, (height, width, 3)."""
        small: Pixels = self._small[index // SHARD][index % SHARD]
        return small


class UpscalerTask:
    """The upscaler in training, on crops of pictures of every look."""

    def __init__(self, plan: Plan, work: Path, device: torch.device, processes: int, start: Path | None = None) -> None:
        self.plan, self.device = plan, device
        torch.manual_seed(plan.seed)
        network: Any = Upscaler() if start is None else open_upscaler(start / "upscaler")
        self.networks: Any = network.to(device=device, memory_format=torch.channels_last).train()
        self.pairs = Pairs(LARGE, plan.pictures, work, device, processes)
        self.held_out = Pairs(HELD_OUT_LARGE, min(MEASURED, plan.pictures), work, device)

    def _crops(self, chance: Chance) -> tuple[Tensor, Tensor]:
        """Return crops of small pictures and of the same parts of large ones."""
        rng = chance.rng()
        small, large = [], []
        for index in rng.integers(len(self.pairs), size=self.plan.batch):
            whole = self.pairs.large.pixels([index])[0]
            y, x = rng.integers(whole.shape[0] // 2 - CROP + 1, size=2)
            wanted = whole[2 * y : 2 * (y + CROP), 2 * x : 2 * (x + CROP)]
            large.append(wanted)
            crisp = rng.random() < CRISP
            small.append(halved(wanted[None])[0] if crisp else self.pairs.small(index)[y : y + CROP, x : x + CROP])
        return to_tensor(np.stack(small), self.device), to_tensor(np.stack(large), self.device)

    def losses(self, chance: Chance) -> dict[str, Tensor]:
        """Return absolute error and edge error, weighted."""
        small, wanted = self._crops(chance)
        made = self.networks(small.contiguous(memory_format=torch.channels_last)).float()
        return {"error": (made - wanted).abs().mean(), "edges": EDGE_WEIGHT * edge_loss(made, wanted)}

    def _doubled(self, pixels: Pixels) -> Pixels:
        tensors = torch.split(to_tensor(pixels, self.device), 4)
        return np.concatenate([to_pixels(self.networks(part.contiguous(memory_format=torch.channels_last))) for part in tensors])

    def measure(self) -> dict[str, float]:
        """Return the PSNR on pictures that the training does not see, and that of Lanczos."""
        indices = range(len(self.held_out))
        wanted = self.held_out.large.pixels(indices)
        small = np.stack([self.held_out.small(index) for index in indices])
        return {
            "upscaler_psnr_db": float(psnr(self._doubled(small), wanted).mean()),
            "upscaler_psnr_db.lanczos": float(psnr(lanczos(small), wanted).mean()),
        }

    def sheet(self) -> Pixels:
        """Return six pictures enlarged by Lanczos, above the same by the network, above the true ones."""
        indices = range(min(6, len(self.held_out)))
        small = np.stack([self.held_out.small(index) for index in indices])
        rows = (lanczos(small), self._doubled(small), self.held_out.large.pixels(indices))
        return np.concatenate([np.concatenate(list(row), axis=1) for row in rows])

    def save(self, weights: Path) -> None:
        """Write upscaler/."""
        copy.deepcopy(self.networks).cpu().save(weights / "upscaler")


def lanczos(pixels: Pixels) -> Pixels:
    """Return pictures (n, height, width, 3) at twice their size by Lanczos."""
    size = (2 * pixels.shape[2], 2 * pixels.shape[1])
    return np.stack([np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS)) for picture in pixels])
