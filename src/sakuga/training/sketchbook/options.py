"""Stages and options of the Sketchbook's recipe.

Needs no torch.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Stage = Literal["vae", "clip", "classifier", "latents", "unet", "sharpen", "upscaler", "depth", "controlnet", "motion", "styles", "lcm"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""In the order in which they depend on each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """Options of a stage's training.

    `samples`, `batch`, `rate` and `images` override those of its plan.
    """

    work: Path
    """The folder of images, runs and finished weights."""
    device: str = "auto"
    processes: int = 1
    """Processes that render missing images."""
    workers: int = 1
    """Processes that train together, each on its own batches."""
    threads: int | None = None
    """Threads of each worker; by default an equal share of all."""
    minutes: float = math.inf
    """Time after which each stage stops, to be resumed."""
    evaluate_every: float = 8.0
    """Minutes between evaluations."""
    resume: bool = False
    start: Path | None = None
    """A folder of finished weights to continue from, with a fresh optimizer."""
    samples: int | None = None
    batch: int | None = None
    rate: float | None = None
    """The highest learning rate."""
    images: int | None = None
