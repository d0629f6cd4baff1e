"""A set of seven small pictures, two of them held out, and settings by which a tiny model learns it in a second."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sakuga.datasets.training_set import Example, TrainingSet, read_set
from sakuga.datasets.writing import write_set
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio.core.work import Work
from sakuga.studio.training.train import TrainedRun, TrainSettings, settled_plan, train
from sakuga.training.loop import Training
from sakuga.training.plan import Lora
from sakuga.training.run_folder import RunFolder
from sakuga.training.setup import begin

SIZES = [(32, 32), (48, 32), (32, 48), (40, 40), (32, 32), (32, 32), (48, 32)]


def write_small_set(folder: Path, trigger: str = "zk") -> Path:
    rng = np.random.default_rng(0)
    pictures = [
        (
            Example(file=f"images/{place:04d}.png", text=f"a red ball {place}, zk", licence="MIT", source="drawn", held_out=place >= 5),
            rng.integers(0, 256, (height, width, 3)).astype(np.uint8),
        )
        for place, (width, height) in enumerate(SIZES)
    ]
    write_set(folder, pictures, trigger=trigger, licence="MIT", provenance="random dots")
    return folder


@pytest.fixture(scope="session")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_set(tmp_path_factory.mktemp("sets") / "balls")


@pytest.fixture
def settings(small_set: Path, tiny_folder: Path, tmp_path: Path) -> TrainSettings:
    return TrainSettings(
        method=Lora(rank=2, targets=("attention",)), set=small_set, out=tmp_path / "run", model=str(tiny_folder), steps=8, batch=2,
        rate=1e-2, sample_every=0, validate_every=4, checkpoint_every=3, precision="fp32", tracker="none", device="cpu",
    )  # fmt: skip


def done(settings: TrainSettings) -> TrainedRun:
    return train(settings).result()


def resumed(settings: TrainSettings, after: int) -> TrainedRun:
    """Stop it after some steps, and go on."""
    work = train(settings)
    next(step for step in work if step.stage == "training" and step.done == after)
    work.close()
    return done(replace(settings, resume=True))


def begun(settings: TrainSettings, prior: TrainingSet | None = None) -> Training:
    """Put a training together, and start its run."""
    source, taught = find_checkpoint(settings.model), read_set(settings.set)
    plan, run = settled_plan(settings, source, taught), RunFolder(Path(settings.out))
    run.begin(plan)
    return Work(begin(plan, source, taught, prior, run, torch.device("cpu"))).result()
