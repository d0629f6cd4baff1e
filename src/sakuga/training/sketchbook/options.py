"""What a training of the recipe may be told; to say it needs no torch."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Stage = Literal["vae", "clip", "classifier", "latents", "unet", "upscaler", "depth", "controlnet", "motion", "styles", "lcm"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""In the order in which they stand on each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Where a stage works, on what, for how long; `samples`, `batch`, `pictures` in place of the plan's own.

    `workers` processes train together, each on batches of its own with `threads` threads (a share of all, if not given); `processes`
    draw missing pictures. `minutes` stops a stage, which `resume` goes on with; `look_every` so many it measures and shows what it makes.
    `start` is a folder of finished weights to go on from, with a fresh optimizer.
    """

    work: Path
    device: str = "auto"
    processes: int = 1
    workers: int = 1
    threads: int | None = None
    minutes: float = math.inf
    look_every: float = 8.0
    resume: bool = False
    start: Path | None = None
    samples: int | None = None
    batch: int | None = None
    pictures: int | None = None
