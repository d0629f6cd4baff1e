"""Pictures as the UNet learns from them: latents, image embeddings and labels, made once; the pictures themselves are not kept."""

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

from sakuga.files import write_whole
from sakuga.models.image_tensors import Pixels, to_tensor
from sakuga.models.sketchbook import make_image_processor, open_image_encoder, open_vae
from sakuga.sketchbook.labels import Labels, Look
from sakuga.training.sketchbook.pictures import SHARD, Album, draw_one, labels_from_line, labels_to_line, save_array
from sakuga.training.speed import half_is_fast, with_plain_attention

AT_ONCE = 16
"""Pictures encoded in one batch."""
MEASURED = 1_024
"""Pictures that channels are measured on."""


@cache
def encoders_digest(weights: Path) -> str:
    """Name the weights that latents and embeddings depend on: the decoder may change without making them anew."""
    total = hashlib.sha256()
    for name, tensor in sorted(load_file(weights / "vae" / "diffusion_pytorch_model.safetensors").items()):
        if name.startswith(("encoder", "quant_conv")):
            total.update(tensor.numpy().tobytes())
    total.update((weights / "image_encoder" / "model.safetensors").read_bytes())
    return total.hexdigest()[:12]


class Encoders:
    """The finished networks that turn pictures into what the UNet sees of them."""

    def __init__(self, weights: Path, device: torch.device) -> None:
        self.device = device
        self.vae: Any = open_vae(weights).to(device=device, memory_format=torch.channels_last)
        self.image_encoder: Any = with_plain_attention(open_image_encoder(weights), device)
        self.image_processor: Any = make_image_processor()

    @torch.inference_mode()
    def encode(self, pixels: Pixels) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
        """Return unscaled latents (n, channels, height / 8, width / 8) and image embeddings (n, 256).

        In bfloat16 where that is fast: latents then err by 1% of their spread, in a third of the time.
        """
        shown = to_tensor(pixels, self.device).to(memory_format=torch.channels_last)
        seen = self.image_processor(images=list(pixels), return_tensors="pt").pixel_values.to(self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half_is_fast(self.device)):
            latents = self.vae.encode(shown).latent_dist.mean
            embeddings = self.image_encoder(pixel_values=seen).image_embeds
        return latents.half().contiguous().cpu().numpy(), embeddings.half().cpu().numpy()


@cache
def _encoders(weights: Path, device: torch.device) -> Encoders:
    return Encoders(weights, device)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The latents of an album: where they lie, and what makes them."""

    album: Album
    work: Path
    device: torch.device

    @property
    def folder(self) -> Path:
        """Return where the shards lie; other encoders have another folder."""
        return self.work / "latents" / encoders_digest(self.work / "weights") / f"{self.album.name}-{self.album.width}x{self.album.height}"

    def missing(self, count: int) -> list[int]:
        """Return the numbers of the shards that the first `count` pictures need and that are not there yet."""
        return [shard for shard in range(-(-count // SHARD)) if not (self.folder / f"{shard:05d}.latents.npy").exists()]

    def make(self, shard: int) -> int:
        """Draw and encode one shard, and return its number; its latents are written last."""
        encoders = _encoders(self.work / "weights", self.device)
        described, encoded = [], []
        for first in range(shard * SHARD, (shard + 1) * SHARD, AT_ONCE):
            drawn = [draw_one(self.album, index) for index in range(first, min(first + AT_ONCE, (shard + 1) * SHARD))]
            encoded.append(encoders.encode(np.stack([pixels for pixels, _, _ in drawn])))
            described += [labels_to_line(labels, look) + "\n" for _, labels, look in drawn]
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{shard:05d}"
        write_whole(self.folder / f"{name}.jsonl", lambda path: path.write_text("".join(described)))
        write_whole(self.folder / f"{name}.images.npy", partial(save_array, np.concatenate([images for _, images in encoded])))
        write_whole(self.folder / f"{name}.latents.npy", partial(save_array, np.concatenate([latents for latents, _ in encoded])))
        return shard


def make_latents(wanted: Iterable[tuple[Series, int]], processes: int = 1) -> Iterator[int]:
    """Make what is missing of the first `count` pictures of each series, yielding how many more pictures are done.

    Whole shards are made, each by one process with one thread; closing the iterator leaves the rest for another time.
    """
    missing = [partial(series.make, shard) for series, count in wanted for shard in series.missing(count)]
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


class Latents:
    """The first `count` latents of a series, made where missing; they stay on the disk until asked for."""

    def __init__(self, series: Series, count: int, processes: int = 1) -> None:
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
        """Return unscaled latents by their numbers, (n, channels, height / 8, width / 8)."""
        return torch.from_numpy(np.stack([self._latents[index // SHARD][index % SHARD] for index in indices])).float()

    def images(self, indices: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Return image embeddings by their numbers, (n, 256)."""
        return torch.from_numpy(np.stack([self._images[index // SHARD][index % SHARD] for index in indices])).float()

    def shown(self, index: int) -> tuple[Labels, Look]:
        """Return what a picture shows, and its look."""
        return labels_from_line(self._lines[index])


def channel_variance(latents: Latents) -> Tensor:
    """Return the variance of each channel of unscaled latents over the first pictures, (channels,)."""
    return latents.latents(range(min(MEASURED, len(latents)))).var(dim=(0, 2, 3))
