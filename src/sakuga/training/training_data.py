"""Training examples as latents, and their batches."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PILImage
from torch import Tensor

from sakuga.datasets.buckets import CENTER, Bucket, BucketError, Focus, buckets, crop_box, nearest_bucket
from sakuga.datasets.color_jitter import jitter_colors
from sakuga.datasets.cropping import find_focus
from sakuga.datasets.faces import Point
from sakuga.datasets.image_reading import ImageError, read_image
from sakuga.datasets.masks import read_masked
from sakuga.datasets.training_set import Example, TrainingSet
from sakuga.models.checkpoint import Checkpoint
from sakuga.text import counted
from sakuga.training.batch_order import batches
from sakuga.training.latent_cache import LatentCache
from sakuga.training.plan import TrainingPlan, TrainingPlanError

BUCKET_STEP, SMALL_BUCKET_STEP = 64, 8
"""Pixels between the sides of buckets, for large training sizes and small ones."""
LARGE = 384
MASK = "mask/"
"""The beginning of a mask's key in the cache."""
MAX_UNREADABLE = 0.1
"""The share of images that may be unreadable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingExample:
    """An image to train on, with caption and bucket."""

    path: Path
    text: str
    size: tuple[int, int]
    """Width and height, upright."""
    bucket: Bucket
    focus: Point = CENTER
    """What its crop is centered on."""
    repeats: int = 1
    """How often it comes up in one epoch."""
    weight: float = 1.0
    """Weight of its loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingProgress:
    """Images encoded so far, of how many.

    And a note to the user.
    """

    done: int
    total: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleSource:
    """Images to encode, and how they are cached."""

    training_set: TrainingSet
    examples: tuple[Example, ...]
    sizes: tuple[Bucket, ...]
    flip: bool
    cached: bool
    file: Path | None
    """Where the latents are kept for a resume; None in processes that write nothing."""
    extra_sizes: tuple[tuple[Bucket, ...], ...] = ()
    """Buckets of further resolutions, at each of which every image is an example of its own."""
    focus: Focus = "centre"
    color_jitter: float = 0.0
    """How much colors change at each use, 0.0 to 0.9; examples are then not cached."""
    key: str
    """Changes with everything that the latents depend on, besides the list of images."""


def bucket_sizes(plan: TrainingPlan, multiple: int, size: int | None = None) -> tuple[Bucket, ...]:
    """Return the sizes that images are cropped to, of the plan's resolution or another.

    Raises TrainingPlanError where there are none.
    """
    size = plan.size if size is None else size
    step = max(multiple, BUCKET_STEP if size >= LARGE else SMALL_BUCKET_STEP)
    try:
        every = buckets(size, step)
    except BucketError as error:
        raise TrainingPlanError(f"this training: {error}") from None
    return tuple(every) if plan.buckets else ((size, size),)


class EncodedExamples:
    """Latents of examples, and of their mirror images.

    Moments, where the autoencoder has them. Each image is decoded once, and encoded alone, so that latents are batch-invariant.
    """

    def __init__(self, checkpoint: Checkpoint, source: ExampleSource) -> None:
        self.checkpoint, self.source = checkpoint, source
        self.examples: list[TrainingExample] = []
        self._cache = LatentCache(source.file)

    def prepare(self) -> Iterator[EncodingProgress]:
        """Encode every image, or load the cached latents.

        Unreadable images are skipped with a note; raises TrainingPlanError where too many are.
        """
        source, total = self.source, len(self.source.examples)
        if source.cached and self._load():
            return
        unreadable = 0
        for done, example in enumerate(source.examples, 1):
            path = source.training_set.path(example)
            try:
                image, mask = self._read(path)
            except ImageError as error:
                unreadable += 1
                self._check_readable(unreadable, error)
                yield EncodingProgress(done=done, total=total, note=f"skipped: {error}")
                continue
            for sizes in (source.sizes, *source.extra_sizes):
                self._add(example, path, image, mask, sizes)
            yield EncodingProgress(done=done, total=total)
        if not self.examples:
            raise TrainingPlanError(f"{source.training_set.folder} has no image to train on: hold fewer out")
        if source.cached:
            self._save()

    def _read(self, path: Path) -> tuple[np.ndarray, np.ndarray | None]:
        return read_masked(path) if self.source.training_set.masks else (read_image(path).image, None)

    def _add(self, example: Example, path: Path, image: np.ndarray, mask: np.ndarray | None, sizes: Sequence[Bucket]) -> None:
        size = (image.shape[1], image.shape[0])
        bucket = nearest_bucket(*size, sizes)
        focus, _ = find_focus(image, bucket, self.source.focus)
        added = TrainingExample(
            path=path, text=example.text, size=size, bucket=bucket, focus=focus, repeats=example.repeats, weight=example.loss_weight
        )  # fmt: skip
        self.examples.append(added)
        if not self.source.cached:
            return
        pixels, cells = crop_to_bucket(image, added), None if mask is None else self._mask_cells(mask, added)
        for mirrored in (False, True) if self.source.flip else (False,):
            index = len(self.examples) - 1
            self._cache.put(_key(index, mirrored), self._encode(pixels, mirrored))
            if cells is not None:
                self._cache.put(MASK + _key(index, mirrored), cells.flip(-1) if mirrored else cells)

    def _mask_cells(self, mask: np.ndarray, example: TrainingExample) -> Tensor:
        """Return the share of each latent cell that is within a mask, (h, w)."""
        whole = crop_to_bucket(mask, example).astype(np.float32) / 255
        factor = self.checkpoint.info.vae_scale_factor
        return torch.from_numpy(whole).unfold(0, factor, factor).unfold(1, factor, factor).mean(dim=(2, 3))

    def _check_readable(self, unreadable: int, error: ImageError) -> None:
        source = self.source
        if unreadable > MAX_UNREADABLE * len(source.examples):
            whole = f"{counted(len(source.examples), 'image')} of {source.training_set.folder}"
            raise TrainingPlanError(f"{unreadable} or more of the {whole} cannot be read (the last: {error}): repair the set")

    def _cache_key(self) -> str:
        source = self.source
        sizes = [source.sizes, *source.extra_sizes]
        return json.dumps([source.key, source.flip, source.focus, sizes, [asdict(example) for example in source.examples]])

    def _save(self) -> None:
        examples = json.dumps(
            [[str(one.path), one.text, one.size, one.bucket, one.focus, one.repeats, one.weight] for one in self.examples]
        )
        self._cache.save({"key": self._cache_key(), "examples": examples})

    def _load(self) -> bool:
        """Load examples and latents from the cache.

        Returns False where it is missing, damaged or of other examples.
        """
        metadata = self._cache.load(self._cache_key())
        if metadata is None:
            return False
        self.examples = [
            TrainingExample(
                path=Path(path), text=text, size=tuple(size), bucket=tuple(bucket), focus=tuple(focus), repeats=repeats, weight=weight
            )
            for path, text, size, bucket, focus, repeats, weight in json.loads(metadata["examples"])
        ]
        return True

    def clean(self, chosen: Sequence[int], mirrored: Sequence[bool], generator: torch.Generator) -> Tensor:
        """Return scaled latents of one shape.

        Shape (n, channels, h, w); each is sampled from its distribution.
        """
        sampled = [
            self._sample(self._moments_of(index, bool(flipped), generator), generator)
            for index, flipped in zip(chosen, mirrored, strict=True)
        ]
        scaled: Tensor = torch.stack(sampled) * self.checkpoint.vae.config.scaling_factor
        return scaled.to(self.checkpoint.device)

    def cell_weights(self, chosen: Sequence[int], mirrored: Sequence[bool], outside: float) -> Tensor | None:
        """Return the loss weights of latent cells, (n, 1, h, w): 1 within a mask, `outside` beyond it.

        None for a set without masks.
        """
        if not self.source.training_set.masks:
            return None
        shares = torch.stack([self._mask_of(index, bool(flipped)) for index, flipped in zip(chosen, mirrored, strict=True)])
        return (outside + (1 - outside) * shares[:, None]).to(self.checkpoint.device)

    def _mask_of(self, index: int, mirrored: bool) -> Tensor:
        cached = self._cache.get(MASK + _key(index, mirrored))
        if cached is not None:
            return cached
        example = self.examples[index]
        cells = self._mask_cells(read_masked(example.path)[1], example)
        return cells.flip(-1) if mirrored else cells

    def loss_weights(self, chosen: Sequence[int]) -> Tensor | None:
        """Return the weights of the examples' losses, (n,); None where all examples weigh 1."""
        if all(example.weight == 1 for example in self.examples):
            return None
        return torch.tensor([self.examples[index].weight for index in chosen], device=self.checkpoint.device)

    def crop_origins(self, chosen: Sequence[int], mirrored: Sequence[bool]) -> Tensor:
        """Return image sizes and crop origins.

        Height, width, top and left. Shape (n, 4).
        """
        return torch.tensor([crop_origin(self.examples[index], bool(flipped)) for index, flipped in zip(chosen, mirrored, strict=True)])

    def _moments_of(self, index: int, mirrored: bool, generator: torch.Generator) -> Tensor:
        cached = self._cache.get(_key(index, mirrored))
        if cached is not None:
            return cached
        example = self.examples[index]
        pixels = crop_to_bucket(self._read(example.path)[0], example)
        if self.source.color_jitter:
            pixels = jitter_colors(pixels, self.source.color_jitter, torch.rand(3, generator=generator).tolist())
        return self._encode(pixels, mirrored)

    @torch.no_grad()
    def _encode(self, cropped: np.ndarray, mirrored: bool) -> Tensor:
        vae: Any = self.checkpoint.vae
        image = cropped[:, ::-1].copy() if mirrored else cropped
        pixels = torch.from_numpy(image).to(vae.device, vae.dtype).permute(2, 0, 1)[None] / 127.5 - 1
        encoded = vae.encode(pixels)
        moments: Tensor = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.parameters
        return moments[0].float().cpu()

    def _sample(self, moments: Tensor, generator: torch.Generator) -> Tensor:
        """Sample from a diagonal Gaussian, given its moments.

        Kingma and Welling 2014, section 2.4.
        """
        if len(moments) == self.checkpoint.info.latent_channels:
            return moments
        mean, log_variance = moments.chunk(2)
        return mean + torch.exp(log_variance.clamp(-30.0, 20.0) / 2) * torch.randn(mean.shape, generator=generator)


def crop_to_bucket(image: np.ndarray, example: TrainingExample) -> np.ndarray:
    """Crop and resize an example's image to its bucket.

    Shape (height, width, 3), or (height, width) of a mask. uint8.
    """
    whole = PILImage.fromarray(image)
    box = crop_box(*whole.size, example.bucket, example.focus)
    return np.array(whole.resize(example.bucket, PILImage.Resampling.LANCZOS, box=(box.left, box.top, box.right, box.bottom)))


def crop_origin(example: TrainingExample, mirrored: bool) -> tuple[int, int, int, int]:
    """Return an image's size and the origin of its crop.

    Height, width, top and left. The last two are in pixels of the bucket (Podell et al. 2023, section 2.2).

    >>> crop_origin(TrainingExample(path=Path("wide.png"), text="", size=(300, 100), bucket=(64, 64)), False)
    (100, 300, 0, 64)
    """
    width, height = example.size
    box = crop_box(width, height, example.bucket, example.focus)
    left = width - box.right if mirrored else box.left
    return height, width, round(box.top * example.bucket[1] / box.height), round(left * example.bucket[0] / box.width)


def _key(index: int, mirrored: bool) -> str:
    return f"{index}/{int(mirrored)}"


class BatchStream:
    """Batches of examples in order, without end.

    With the weight of their loss. With `distill` the target is the base model's prediction instead of the image; `negative` ones are
    learnt at weight -1: less of a slider, and clips backwards.
    """

    def __init__(
        self, encoded: EncodedExamples, batch: int, seed: int, *, weight: float = 1.0, distill: bool = False, negative: bool = False
    ) -> None:
        self.encoded, self.batch, self.seed, self.weight, self.distill, self.negative = encoded, batch, seed, weight, distill, negative
        self._stream = self._restart()
        self._position = 0
        self._length = sum(example.repeats for example in encoded.examples)

    @property
    def epoch(self) -> int:
        """Return the epoch, from 0, of the batch that was returned last."""
        return max(0, self._position - 1) * self.batch // max(1, self._length)

    def _restart(self) -> Iterator[tuple[int, ...]]:
        examples = self.encoded.examples
        repeated = [index for index, example in enumerate(examples) for _ in range(example.repeats)]
        stream = batches([examples[index].bucket for index in repeated], self.batch, self.seed)
        return (tuple(repeated[position] for position in batch) for batch in stream)

    def batch_at(self, position: int) -> tuple[int, ...]:
        """Return the example indices of a batch by position."""
        if position < self._position:
            self._stream, self._position = self._restart(), 0
        for _ in range(position - self._position):
            next(self._stream)
        self._position = position + 1
        return next(self._stream)
