"""Latents, image embeddings and labels for the UNet.

Made once; images are not stored.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from sakuga.files import write_atomic
from sakuga.models.image_tensors import Images, to_tensor
from sakuga.models.placement import place_encoder
from sakuga.models.sketchbook import load_image_encoder, load_vae, make_image_processor
from sakuga.sketchbook.labels import Labels, Look
from sakuga.training.sketchbook.image_dataset import SHARD, DatasetSpec, labels_from_line, labels_to_line, render_image, save_array
from sakuga.training.speed import bf16_is_fast

BATCH_SIZE = 16
"""Images encoded in one batch."""
MEASURED = 1_024
"""Images that the channels' variance is measured on."""


@cache
def encoders_digest(weights: Path) -> str:
    """Return a digest of the encoders' weights.

    Latents and embeddings depend on them, not on the decoder.
    """
    total = hashlib.sha256()
    for name, tensor in sorted(load_file(weights / "vae" / "diffusion_pytorch_model.safetensors").items()):
        if name.startswith(("encoder", "quant_conv")):
            total.update(tensor.numpy().tobytes())
    total.update((weights / "image_encoder" / "model.safetensors").read_bytes())
    return total.hexdigest()[:12]


class Encoders:
    """The finished encoders of images."""

    def __init__(self, weights: Path, device: torch.device) -> None:
        self.device = device
        self.vae: Any = load_vae(weights).to(device=device, memory_format=torch.channels_last)
        self.image_encoder: Any = place_encoder(load_image_encoder(weights), device)
        self.image_processor: Any = make_image_processor()

    @torch.inference_mode()
    def encode(self, pixels: Images) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
        """Encode images to latents and image embeddings.

        Latents are unscaled, (n, channels, height / 8, width / 8), embeddings (n, 256). In bfloat16 where that is fast: latents then err by
        1% of their deviation, in a third of the time.
        """
        inputs = to_tensor(pixels, self.device).to(memory_format=torch.channels_last)
        clip_inputs = self.image_processor(images=list(pixels), return_tensors="pt").pixel_values.to(self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bf16_is_fast(self.device)):
            latents = self.vae.encode(inputs).latent_dist.mean
            embeddings = self.image_encoder(pixel_values=clip_inputs).image_embeds
        return latents.half().contiguous().cpu().numpy(), embeddings.half().cpu().numpy()


@cache
def _encoders(weights: Path, device: torch.device) -> Encoders:
    return Encoders(weights, device)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentSpec:
    """The latents of a dataset, and what makes them."""

    dataset: DatasetSpec
    work: Path
    device: torch.device

    @property
    def folder(self) -> Path:
        """Return the folder of the shards.

        Other encoders have another one.
        """
        return (
            self.work
            / "latents"
            / encoders_digest(self.work / "weights")
            / f"{self.dataset.name}-{self.dataset.width}x{self.dataset.height}"
        )

    def missing(self, count: int) -> list[int]:
        """Return the numbers of missing shards.

        Among those of the first `count` images.
        """
        return [shard for shard in range(-(-count // SHARD)) if not (self.folder / f"{shard:05d}.latents.npy").exists()]

    def make(self, shard: int) -> int:
        """Render and encode one shard, and return its number.

        The latents are written last.
        """
        encoders = _encoders(self.work / "weights", self.device)
        described, encoded = [], []
        for first in range(shard * SHARD, (shard + 1) * SHARD, BATCH_SIZE):
            rendered = [render_image(self.dataset, index) for index in range(first, min(first + BATCH_SIZE, (shard + 1) * SHARD))]
            encoded.append(encoders.encode(np.stack([pixels for pixels, _, _ in rendered])))
            described += [labels_to_line(labels, look) + "\n" for _, labels, look in rendered]
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{shard:05d}"
        write_atomic(self.folder / f"{name}.jsonl", lambda path: path.write_text("".join(described)))
        write_atomic(self.folder / f"{name}.images.npy", partial(save_array, np.concatenate([images for _, images in encoded])))
        write_atomic(self.folder / f"{name}.latents.npy", partial(save_array, np.concatenate([latents for latents, _ in encoded])))
        return shard


def make_latents(target: Iterable[tuple[LatentSpec, int]], processes: int = 1) -> Iterator[int]:
    """Make missing latents, yielding counts of new images.

    Of the first `count` images of each dataset. Each shard is made by one process with one thread; closing the iterator leaves the rest for
    another time.
    """
    missing = [partial(series.make, shard) for series, count in target for shard in series.missing(count)]
    if processes == 1 or len(missing) < 2:
        for make in missing:
            make()
            yield SHARD
        return
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,))
    try:
        for _ in as_completed([pool.submit(make) for make in missing]):
            yield SHARD
    finally:
        pool.shutdown(cancel_futures=True)


class LatentDataset:
    """The first `count` latents of a dataset.

    Made where missing and memory-mapped.
    """

    def __init__(self, series: LatentSpec, count: int, processes: int = 1) -> None:
        for _ in make_latents([(series, count)], processes):
            pass
        self.count = count
        names = [str(series.folder / f"{shard:05d}") for shard in range(-(-count // SHARD))]
        self._latents = [np.load(f"{name}.latents.npy", mmap_mode="r") for name in names]
        self._images = [np.load(f"{name}.images.npy", mmap_mode="r") for name in names]
        self._lines = [line for name in names for line in Path(f"{name}.jsonl").read_text().splitlines()]

    def __len__(self) -> int:
        return self.count

    def latents(self, indices: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Return unscaled latents by index.

        Shape (n, channels, height / 8, width / 8).
        """
        return torch.from_numpy(np.stack([self._latents[index // SHARD][index % SHARD] for index in indices])).float()

    def images(self, indices: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Return image embeddings by index, (n, 256)."""
        return torch.from_numpy(np.stack([self._images[index // SHARD][index % SHARD] for index in indices])).float()

    def described(self, index: int) -> tuple[Labels, Look]:
        """Return an image's labels and look."""
        return labels_from_line(self._lines[index])


def channel_variance(latents: LatentDataset) -> Tensor:
    """Return the variance of each channel of unscaled latents.

    Shape (channels,).
    """
    return latents.latents(range(min(MEASURED, len(latents)))).var(dim=(0, 2, 3))
