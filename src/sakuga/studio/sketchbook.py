"""The built-in model: train it, score it."""

from collections.abc import Iterator
from pathlib import Path

from sakuga.models.sources import SKETCHBOOK
from sakuga.studio.progress import Step
from sakuga.studio.work import Work


def train_sketchbook(
    stage: str,
    work: Path,
    *,
    device: str = "auto",
    minutes: float | None = None,
    samples: int | None = None,
    processes: int = 2,
    start: str | None = None,
    resume: bool = False,
) -> Iterator[str]:
    raise NotImplementedError


def score_sketchbook(model: str = SKETCHBOOK, *, n: int = 256, pictures: int = 1000) -> Work[Step, dict[str, float]]:
    raise NotImplementedError
