"""Every stage at tiny size: its loss falls, its files load, and an interrupted run resumes exactly."""

import copy
import itertools
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from sakuga.models import sketchbook
from sakuga.models.adapters import read_adapter
from sakuga.models.applied_adapters import applied_adapters
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.classifier import load_classifier
from sakuga.models.depth import load_depth_network
from sakuga.models.motion import open_motion_adapter
from sakuga.models.style_files import LORA_FILE
from sakuga.models.upscaler import load_upscaler_network
from sakuga.training.sketchbook import styles
from sakuga.training.sketchbook.loop import CHECKPOINT, StagePlan, StageSetup, StageTask, StageTraining
from sakuga.training.sketchbook.options import Stage, TrainingOptions
from sakuga.training.sketchbook.recipe import TASKS, MakeTask, train
from sakuga.training.state import WeightAverage
from sakuga.training.step_random import StepRandom

CPU = torch.device("cpu")
OPENED: dict[Stage, tuple[Callable[[Path], Any], ...]] = {
    "vae": (sketchbook.load_vae,),
    "clip": (sketchbook.load_text_encoder, sketchbook.load_image_encoder),
    "classifier": (lambda weights: load_classifier(weights / "classifier"),),
    "unet": (sketchbook.load_unet,),
    "sharpen": (sketchbook.load_unet,),
    "upscaler": (lambda weights: load_upscaler_network(weights / "upscaler"),),
    "depth": (lambda weights: load_depth_network(weights / "depth"),),
    "controlnet": (sketchbook.load_controlnet,),
    "motion": (lambda weights: open_motion_adapter(weights / "motion_adapter"),),
    "styles": (lambda weights: _with_adapter(weights, "styles/comic"),),
    "lcm": (lambda weights: _with_adapter(weights, "few_step"),),
}
EACH: dict[Stage, tuple[StagePlan, MakeTask]] = {**TASKS, "styles": (styles.PLAN, partial(styles.StyleTask, "comic"))}


def _with_adapter(weights: Path, part: str) -> torch.nn.Module:
    """Return a UNet with the trained LoRA."""
    checkpoint = sketchbook.assemble_checkpoint(sketchbook.make_unet(), find_checkpoint().folder, CPU)
    with applied_adapters(checkpoint, [(read_adapter(weights / part / LORA_FILE, part), 1.0)]):
        return copy.deepcopy(checkpoint.unet)


def _task(stage: Stage, work: Path) -> StageTask:
    plan, make = EACH[stage]
    start = work / "weights" if stage == "vae" else None  # From its linear start the first steps raise the loss.
    rate = 3e-3 if stage == "styles" else 3e-4
    batch = {"motion": 1, "lcm": 2}.get(stage, 4)
    plan = replace(plan, samples=4 * batch, batch=batch, images=8, warmup=0, rate=rate)
    return make(StageSetup(plan=plan, work=work, device=CPU, start=start))


def _loss(task: StageTask) -> float:
    """Return the loss of the first batch, which is part of the training."""
    with torch.no_grad():
        return float(sum(task.losses(StepRandom(seed=0, samples_seen=0)).values()))


@pytest.mark.parametrize("stage", EACH)
def test_the_loss_falls_the_files_load_and_resuming_is_exact(stage: Stage, work: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    task = _task(stage, work)
    training = StageTraining(task, tmp_path / "uninterrupted", resume=False)
    before = _loss(task)
    for _ in range(3):
        training.step()
    training.save()
    (tmp_path / "broken").mkdir()
    shutil.copy(tmp_path / "uninterrupted" / CHECKPOINT, tmp_path / "broken")
    training.step()
    training.save()
    assert _loss(task) < before

    resumed = StageTraining(_task(stage, work), tmp_path / "broken", resume=True)
    assert resumed.samples_seen == 3 * task.plan.batch
    resumed.step()
    resumed.save()
    uninterrupted, broken = (load_file(tmp_path / name / CHECKPOINT) for name in ("uninterrupted", "broken"))
    assert uninterrupted.keys() == broken.keys()
    assert all(torch.equal(uninterrupted[name], broken[name]) for name in uninterrupted)

    assert all(value == value for value in training.evaluate().values())
    training.write_weights(tmp_path / "weights")
    for opened in OPENED[stage]:
        assert all(bool(value.isfinite().all()) for value in opened(tmp_path / "weights").state_dict().values())


def test_closing_a_training_loses_nothing(work: Path) -> None:
    options = TrainingOptions(work=work, images=8, samples=16, batch=4)
    checkpoint = work / "runs" / "classifier" / CHECKPOINT
    list(train("classifier", options))
    uninterrupted = load_file(checkpoint)
    broken = train("classifier", options)
    assert [step.samples_seen for step in itertools.islice(broken, 2)] == [4, 8]
    broken.close()
    assert [step.samples_seen for step in train("classifier", replace(options, resume=True))] == [12, 16]
    resumed = load_file(checkpoint)
    assert all(torch.equal(uninterrupted[name], resumed[name]) for name in uninterrupted)


def test_a_stage_starts_from_finished_weights(work: Path, tmp_path: Path) -> None:
    task = _task("classifier", work)
    task.save(tmp_path)
    plan, make = TASKS["classifier"]
    other = make(StageSetup(plan=replace(plan, batch=4, images=8, seed=9), work=work, device=CPU, start=tmp_path))
    pairs = zip(task.networks.parameters(), other.networks.parameters(), strict=True)
    assert all(torch.equal(first.half().float(), second) for first, second in pairs)


def test_a_training_interrupted_within_a_step_saves_no_inconsistent_state(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = TrainingOptions(work=work, images=8, samples=16, batch=4)
    checkpoint = work / "runs" / "classifier" / CHECKPOINT
    list(itertools.islice(train("classifier", options), 2))
    uninterrupted = load_file(checkpoint)

    def interrupted(self: WeightAverage, weight: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(WeightAverage, "update", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(train("classifier", replace(options, resume=True)))
    saved = load_file(checkpoint)
    assert all(torch.equal(uninterrupted[name], saved[name]) for name in uninterrupted)


def test_two_workers_train_a_stage_on_twice_the_samples_a_step(work: Path) -> None:
    _task("classifier", work)  # Renders the images: workers would render whole shards.
    options = TrainingOptions(work=work, images=8, samples=16, batch=4, workers=2, threads=1)
    steps = list(train("classifier", options))
    assert [step.samples_seen for step in steps] == [8, 16]
    assert all(isinstance(value, float) for step in steps for value in step.losses.values())
    metadata = (work / "runs" / "classifier" / "log.jsonl").read_text().splitlines()[-1]
    assert '"seen": 16' in metadata
