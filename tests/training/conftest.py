"""A set of seven small images, two held out, and settings for a tiny model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sakuga.datasets.training_set import Example, TrainingSet
from sakuga.datasets.writing import write_set
from sakuga.studio.core.work import Work
from sakuga.studio.training.resolution import TrainSettings, resolve_training
from sakuga.studio.training.train import TrainedRun, train
from sakuga.training.loop import Training
from sakuga.training.method_settings import Lora
from sakuga.training.setup import prepare_training

SIZES = [(32, 32), (48, 32), (32, 48), (40, 40), (32, 32), (32, 32), (48, 32)]


def write_small_set(folder: Path, trigger: str = "zk") -> Path:
    rng = np.random.default_rng(0)
    images = [
        (
            Example(file=f"images/{index:04d}.png", text=f"a red ball {index}, zk", licence="MIT", source="drawn", held_out=index >= 5),
            rng.integers(0, 256, (height, width, 3)).astype(np.uint8),
        )
        for index, (width, height) in enumerate(SIZES)
    ]
    write_set(folder, images, trigger=trigger, licence="MIT", provenance="random dots")
    return folder


@pytest.fixture(scope="session")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_set(tmp_path_factory.mktemp("sets") / "balls")


@pytest.fixture
def settings(small_set: Path, tiny_folder: Path, tmp_path: Path) -> TrainSettings:
    return TrainSettings(
        method=Lora(rank=2, targets=("attention",)), set=small_set, out=tmp_path / "run", model=str(tiny_folder), steps=8, batch=2,
        learning_rate=1e-2, sample_every=0, validate_every=4, checkpoint_every=3, precision="fp32", tracker="none", device="cpu",
    )  # fmt: skip


def trained(settings: TrainSettings) -> TrainedRun:
    return train(settings).result()


def resumed(settings: TrainSettings, after: int) -> TrainedRun:
    """Stop a training after some steps, and resume it."""
    work = train(settings)
    next(step for step in work if step.stage == "training" and step.done == after)
    work.close()
    return trained(replace(settings, resume=True))


def prepared(settings: TrainSettings, class_set: TrainingSet | None = None) -> Training:
    """Create a run, and prepare its training."""
    resolved = resolve_training(settings)
    resolved.run.create(resolved.plan)
    return Work(prepare_training(resolved, class_set, "cpu")).result()
