"""Curves for TensorBoard; missing libraries are refused by name."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sakuga import InputError
from sakuga.datasets.training_set import read_set
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio.training.resolution import TrainSettings, resolve_plan
from sakuga.studio.training.train import train
from sakuga.training.optimizers import make_optimizer
from sakuga.training.trackers import open_tracker


def test_a_resumed_run_continues_its_curve(settings: TrainSettings) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    curves = replace(settings, tracker="tensorboard", log_every=2)
    work = train(curves)
    next(step for step in work if step.stage == "training" and step.done == 5)
    work.close()
    run = train(replace(curves, resume=True)).result()
    events = EventAccumulator(str(run.run / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == [2, 4, 6, 8]
    assert [event.step for event in events.Scalars("validation_loss")] == [4, 8]


def test_missing_libraries_are_refused_by_name(settings: TrainSettings, tmp_path: Path) -> None:
    plan = resolve_plan(settings, find_checkpoint(settings.model), read_set(settings.set))
    with pytest.raises(InputError, match="pip install wandb"):
        open_tracker(replace(plan, tracker="wandb"), tmp_path, 0)
    with pytest.raises(InputError, match="pip install bitsandbytes"):
        make_optimizer("adamw8bit", torch.nn.Linear(2, 2), 0.0)
