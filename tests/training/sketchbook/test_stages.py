"""Every stage at toy size: its loss falls, its files load, and a run that was broken off goes on as if it had not been."""

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
from sakuga.models.applied_adapters import wearing
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.classifier import load_classifier
from sakuga.models.depth import open_depth
from sakuga.models.styles import LORA
from sakuga.models.upscaler import open_upscaler
from sakuga.training.sketchbook import styles
from sakuga.training.sketchbook.loop import CHECKPOINT, Average, Chance, Plan, Task, Training
from sakuga.training.sketchbook.options import Options, Stage
from sakuga.training.sketchbook.recipe import TASKS, train

CPU = torch.device("cpu")
OPENED: dict[Stage, tuple[Callable[[Path], Any], ...]] = {
    "vae": (sketchbook.open_vae,),
    "clip": (sketchbook.open_text_encoder, sketchbook.open_image_encoder),
    "classifier": (lambda weights: load_classifier(weights / "classifier"),),
    "unet": (sketchbook.open_unet,),
    "upscaler": (lambda weights: open_upscaler(weights / "upscaler"),),
    "depth": (lambda weights: open_depth(weights / "depth"),),
    "controlnet": (sketchbook.open_controlnet,),
    "styles": (lambda weights: _worn(weights, "styles/comic"),),
    "lcm": (lambda weights: _worn(weights, "few_step"),),
}
EACH: dict[Stage, tuple[Plan, Callable[..., Task]]] = {**TASKS, "styles": (styles.PLAN, partial(styles.StyleTask, "comic"))}


def _worn(weights: Path, part: str) -> torch.nn.Module:
    """Return a UNet that wears what was trained."""
    checkpoint = sketchbook.open_around(sketchbook.make_unet(), find_checkpoint().folder, CPU)
    with wearing(checkpoint, [(read_adapter(weights / part / LORA, part), 1.0)]):
        return copy.deepcopy(checkpoint.unet)


def _task(stage: Stage, work: Path) -> Task:
    plan, make = EACH[stage]
    start = work / "weights" if stage == "vae" else None  # By itself it starts so well that the first steps lead up.
    rate = 3e-3 if stage == "styles" else 3e-4
    return make(replace(plan, samples=16, batch=4, pictures=8, warmup=0, rate=rate), work, CPU, 1, start)


def _loss(task: Task) -> float:
    """Return the loss of the first batch, which is part of the training."""
    with torch.no_grad():
        return float(sum(task.losses(Chance(seed=0, seen=0)).values()))


@pytest.mark.parametrize("stage", EACH)
def test_the_loss_falls_the_files_load_and_resuming_equals_no_break(stage: Stage, work: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    task = _task(stage, work)
    training = Training(task, tmp_path / "whole", resume=False)
    before = _loss(task)
    for _ in range(3):
        training.step()
    training.save()
    (tmp_path / "broken").mkdir()
    shutil.copy(tmp_path / "whole" / CHECKPOINT, tmp_path / "broken")
    training.step()
    training.save()
    assert _loss(task) < before

    resumed = Training(_task(stage, work), tmp_path / "broken", resume=True)
    assert resumed.seen == 12
    resumed.step()
    resumed.save()
    whole, broken = (load_file(tmp_path / name / CHECKPOINT) for name in ("whole", "broken"))
    assert whole.keys() == broken.keys()
    assert all(torch.equal(whole[name], broken[name]) for name in whole)

    assert all(value == value for value in training.look().values())
    training.write_weights(tmp_path / "weights")
    for opened in OPENED[stage]:
        assert all(bool(value.isfinite().all()) for value in opened(tmp_path / "weights").state_dict().values())


def test_closing_a_training_loses_nothing(work: Path) -> None:
    options = Options(work=work, pictures=8, samples=16, batch=4)
    checkpoint = work / "runs" / "classifier" / CHECKPOINT
    list(train("classifier", options))
    whole = load_file(checkpoint)
    broken = train("classifier", options)
    assert [step.seen for step in itertools.islice(broken, 2)] == [4, 8]
    broken.close()
    assert [step.seen for step in train("classifier", replace(options, resume=True))] == [12, 16]
    resumed = load_file(checkpoint)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_stage_goes_on_from_finished_weights(work: Path, tmp_path: Path) -> None:
    task = _task("classifier", work)
    task.save(tmp_path)
    plan, make = TASKS["classifier"]
    other = make(replace(plan, batch=4, pictures=8, seed=9), work, CPU, 1, tmp_path)
    pairs = zip(task.networks.parameters(), other.networks.parameters(), strict=True)
    assert all(torch.equal(mine.half().float(), its) for mine, its in pairs)


def test_a_training_that_is_broken_off_in_the_midst_of_a_step_is_not_saved_half(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = Options(work=work, pictures=8, samples=16, batch=4)
    checkpoint = work / "runs" / "classifier" / CHECKPOINT
    list(itertools.islice(train("classifier", options), 2))
    whole = load_file(checkpoint)

    def interrupted(self: Average, kept: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Average, "update", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(train("classifier", replace(options, resume=True)))
    kept = load_file(checkpoint)
    assert all(torch.equal(whole[name], kept[name]) for name in whole)


def test_two_workers_train_a_stage_on_twice_the_samples_a_step(work: Path) -> None:
    _task("classifier", work)  # Makes the pictures, as small as they are here and not where workers make them.
    options = Options(work=work, pictures=8, samples=16, batch=4, workers=2, threads=1)
    steps = list(train("classifier", options))
    assert [step.seen for step in steps] == [8, 16]
    assert all(isinstance(value, float) for step in steps for value in step.losses.values())
    about = (work / "runs" / "classifier" / "log.jsonl").read_text().splitlines()[-1]
    assert '"seen": 16' in about
