"""Examples as a training sees them: latents made once, cut to their buckets; the same to the bit whether they are kept or made anew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sakuga.datasets.buckets import Bucket, BucketError, bucket_of, buckets, crop_box
from sakuga.datasets.image_reading import PictureError, opened, read_picture
from sakuga.datasets.training_set import Example, TrainingSet
from sakuga.files import write_whole
from sakuga.models.checkpoint import Checkpoint
from sakuga.text import counted
from sakuga.training.batch_order import batches
from sakuga.training.plan import Plan, PlanError

STEP, SMALL_STEP = 64, 8
"""Of the sides of buckets, for models that draw large pictures and small ones."""
LARGE = 384
MOST_UNREADABLE = 0.1
"""The greatest share of pictures that may be unreadable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A picture to learn: where it lies, its words, its size in pixels, and the bucket that it is cut to."""

    path: Path
    text: str
    size: tuple[int, int]
    """Width and height, upright."""
    bucket: Bucket
    repeats: int = 1
    """How often it is seen in one epoch."""


def shapes(plan: Plan, multiple: int) -> list[Bucket]:
    """List the sizes that a plan's pictures are brought to; raises PlanError where there are none."""
    step = max(multiple, STEP if plan.size >= LARGE else SMALL_STEP)
    try:
        every = buckets(plan.size, step)
    except BucketError as error:
        raise PlanError(f"this training: {error}") from None
    return every if plan.buckets else [(plan.size, plan.size)]


def read_lessons(told: TrainingSet, examples: Sequence[Example], sizes: Sequence[Bucket]) -> tuple[list[Lesson], list[str]]:
    """Look at pictures, and say in which bucket each belongs; what cannot be read is left out, with a word for each.

    Raises PlanError where too many cannot.
    """
    lessons, notes = list[Lesson](), list[str]()
    for example in examples:
        path = told.path(example)
        try:
            with opened(path) as image:
                image.load()
                upright = image.size[::-1] if image.getexif().get(0x0112, 1) >= 5 else image.size
        except PictureError as error:
            notes.append(f"left out: {error}")
            continue
        lessons.append(Lesson(path=path, text=example.text, size=upright, bucket=bucket_of(*upright, sizes), repeats=example.repeats))
    if len(notes) > MOST_UNREADABLE * len(examples):
        whole = f"{counted(len(examples), 'picture')} of {told.folder}"
        raise PlanError(f"{len(notes)} of the {whole} cannot be read ({notes[0]}): mend the set")
    if not lessons:
        raise PlanError(f"{told.folder} holds no picture to learn from: hold fewer out")
    return lessons, notes


class Latents:
    """The latents of lessons, and of their mirror images where the plan flips; moments, where the autoencoder has them.

    Each picture is encoded alone, so that its latents never depend on its company.
    """

    def __init__(self, checkpoint: Checkpoint, lessons: Sequence[Lesson], *, kept: bool, file: Path | None = None, about: str = "") -> None:
        self.checkpoint, self.lessons, self.kept = checkpoint, lessons, kept
        self.file, self.about = file, about
        self._moments: dict[tuple[int, bool], Tensor] = {}

    def prepare(self, *, flip: bool) -> Iterator[int]:
        """Encode everything, if it is to be kept, yielding how many pictures are done; or read it from the file where it was before."""
        wanted = [(index, mirrored) for index in range(len(self.lessons)) for mirrored in ((False, True) if flip else (False,))]
        if not self.kept or (self.file and self._read(wanted)):
            return
        for done, (index, mirrored) in enumerate(wanted, 1):
            self._moments[index, mirrored] = self._encoded(index, mirrored)
            yield done * len(self.lessons) // len(wanted)
        if self.file:
            tensors = {f"{index}/{int(mirrored)}": moments for (index, mirrored), moments in self._moments.items()}
            write_whole(self.file, partial(save_file, tensors, metadata={"about": self.about}))

    def _read(self, wanted: Sequence[tuple[int, bool]]) -> bool:
        if not self.file or not self.file.is_file():
            return False
        try:
            with safe_open(self.file, framework="pt") as file:
                if (file.metadata() or {}).get("about") != self.about:
                    return False
                self._moments = {(index, mirrored): file.get_tensor(f"{index}/{int(mirrored)}") for index, mirrored in wanted}
        except (OSError, SafetensorError):
            self._moments = {}
        return len(self._moments) == len(wanted)

    def clean(self, chosen: Sequence[int], mirrored: Sequence[bool], generator: torch.Generator) -> Tensor:
        """Return latents of one shape as the UNet sees them, (n, channels, h, w), each drawn from its distribution."""
        drawn = [self._drawn(self._of(index, bool(turned)), generator) for index, turned in zip(chosen, mirrored, strict=True)]
        scaled: Tensor = torch.stack(drawn) * self.checkpoint.vae.config.scaling_factor
        return scaled.to(self.checkpoint.device)

    def origins(self, chosen: Sequence[int], mirrored: Sequence[bool]) -> Tensor:
        """Return how high and wide pictures were, and how far from their top and left they are cut, (n, 4)."""
        return torch.tensor([origin(self.lessons[index], bool(turned)) for index, turned in zip(chosen, mirrored, strict=True)])

    def _of(self, index: int, mirrored: bool) -> Tensor:
        kept = self._moments.get((index, mirrored))
        return self._encoded(index, mirrored) if kept is None else kept

    @torch.no_grad()
    def _encoded(self, index: int, mirrored: bool) -> Tensor:
        vae: Any = self.checkpoint.vae
        pixels = torch.from_numpy(cut(self.lessons[index], mirrored)).to(vae.device, vae.dtype).permute(2, 0, 1)[None] / 127.5 - 1
        encoded = vae.encode(pixels)
        found: Tensor = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.parameters
        return found[0].float().cpu()

    def _drawn(self, found: Tensor, generator: torch.Generator) -> Tensor:
        """Draw from a diagonal Gaussian, if moments were found (Kingma and Welling 2014, section 2.4)."""
        if len(found) == self.checkpoint.facts.latent_channels:
            return found
        mean, log_variance = found.chunk(2)
        return mean + torch.exp(log_variance.clamp(-30.0, 20.0) / 2) * torch.randn(mean.shape, generator=generator)


def cut(lesson: Lesson, mirrored: bool) -> np.ndarray:
    """Read a picture and cut it to its bucket: (height, width, 3) uint8."""
    picture = Image.fromarray(read_picture(lesson.path).picture)
    box = crop_box(*picture.size, lesson.bucket)
    made = picture.resize(lesson.bucket, Image.Resampling.LANCZOS, box=(box.left, box.top, box.right, box.bottom))
    return np.array(made)[:, ::-1].copy() if mirrored else np.array(made)


def origin(lesson: Lesson, mirrored: bool) -> tuple[int, int, int, int]:
    """Tell a picture's height and width, and the top and left of what is cut of it, in pixels of the bucket (Podell et al. 2023, 2.2).

    >>> origin(Lesson(path=Path("wide.png"), text="", size=(300, 100), bucket=(64, 64)), False)
    (100, 300, 0, 64)
    """
    width, height = lesson.size
    box = crop_box(width, height, lesson.bucket)
    left = width - box.right if mirrored else box.left
    return height, width, round(box.top * lesson.bucket[1] / box.height), round(left * lesson.bucket[0] / box.width)


class Course:
    """Lessons in their order: batch after batch without end, and each counts by its weight.

    What is `held` is not learnt: the model is to answer as it did before.
    """

    def __init__(self, latents: Latents, batch: int, seed: int, *, weight: float = 1.0, held: bool = False) -> None:
        self.latents, self.batch, self.seed, self.weight, self.held = latents, batch, seed, weight, held
        self._stream = self._begin()
        self._place = 0

    def _begin(self) -> Iterator[tuple[int, ...]]:
        lessons = self.latents.lessons
        shown = [place for place, lesson in enumerate(lessons) for _ in range(lesson.repeats)]
        stream = batches([lessons[place].bucket for place in shown], self.batch, self.seed)
        return (tuple(shown[place] for place in batch) for batch in stream)

    def batch_at(self, place: int) -> tuple[int, ...]:
        """Return a batch by its place in the order."""
        if place < self._place:
            self._stream, self._place = self._begin(), 0
        for _ in range(place - self._place):
            next(self._stream)
        self._place = place + 1
        return next(self._stream)
