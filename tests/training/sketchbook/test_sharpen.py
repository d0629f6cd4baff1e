"""The sharpening stage: what it learns, and the less trained UNet that it learns it from."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sakuga import SakugaError
from sakuga.models.sketchbook import load_unet
from sakuga.training.sketchbook import sharpen, unet
from sakuga.training.sketchbook.loop import WEAKER, Intervals, StagePlan, StageSetup, StageTraining, run_training
from sakuga.training.sketchbook.unet import UnetTask
from sakuga.training.step_random import StepRandom

CPU = torch.device("cpu")


def setup(plan: StagePlan, work: Path) -> StageSetup:
    return StageSetup(plan=replace(plan, samples=16, images=8, batch=4, warmup=0), work=work, device=CPU)


def test_it_starts_a_step_away_from_the_less_trained_unet(work: Path) -> None:
    task = sharpen.SharpenTask(setup(sharpen.PLAN, work))
    finished, weaker = (load_unet(folder).state_dict() for folder in (work / "weights", work / WEAKER))
    for name, value in task.networks.state_dict().items():
        torch.testing.assert_close(value, finished[name] + sharpen.FIRST * (finished[name] - weaker[name]))


def test_where_both_are_the_same_there_is_nothing_to_learn(work: Path, tmp_path: Path) -> None:
    shutil.copytree(work / "weights", tmp_path / "weights")
    shutil.copytree(work / "weights" / "unet", tmp_path / WEAKER / "unet")
    task = sharpen.SharpenTask(setup(sharpen.PLAN, tmp_path))
    random = StepRandom(seed=0, samples_seen=0)
    assert float(task.losses(random)["error"].detach()) < 1e-10
    assert float(UnetTask.errors(task, *_parts(task, random)).mean().detach()) > 0.01


def _parts(task: UnetTask, random: StepRandom) -> tuple[torch.Tensor, ...]:
    batch = task.batch(random)
    return batch.clean, batch.timesteps, batch.noise, batch.prompt_embeds


def test_a_run_that_goes_on_finds_the_unet_that_it_sharpens(work: Path, tmp_path: Path) -> None:
    shutil.copytree(work, tmp_path / "work")
    before = load_unet(tmp_path / "work" / "weights").state_dict()
    shutil.rmtree(tmp_path / "work" / "runs" / "sharpen", ignore_errors=True)
    training = StageTraining(
        sharpen.SharpenTask(setup(sharpen.PLAN, tmp_path / "work")), tmp_path / "work" / "runs" / "sharpen", resume=False
    )
    training.step()
    training.save()
    training.write_weights(tmp_path / "work" / "weights")
    resumed = sharpen.SharpenTask(setup(sharpen.PLAN, tmp_path / "work"))
    torch.testing.assert_close(dict(resumed.better.state_dict()), dict(before))


def test_it_writes_weights_between_those_before_and_the_trained(work: Path, tmp_path: Path) -> None:
    task = sharpen.SharpenTask(setup(sharpen.PLAN, work))
    task.save(tmp_path)
    before, trained, written = (one.state_dict() for one in (task.better, task.networks, load_unet(tmp_path)))
    for name, value in written.items():
        torch.testing.assert_close(value, before[name] + sharpen.SHARE * (trained[name] - before[name]), atol=2e-3, rtol=2e-3)


def test_it_needs_a_less_trained_unet(work: Path, tmp_path: Path) -> None:
    shutil.copytree(work / "weights", tmp_path / "weights")
    with pytest.raises(SakugaError, match="less trained UNet"):
        sharpen.SharpenTask(setup(sharpen.PLAN, tmp_path))


def test_the_unet_stage_keeps_a_less_trained_one(work: Path, tmp_path: Path) -> None:
    task = UnetTask(setup(unet.PLAN, work))
    training = StageTraining(task, tmp_path / "runs" / "unet", resume=False)
    seen = [step.samples_seen for step in run_training(training, tmp_path / "weights", Intervals()) if (tmp_path / WEAKER).exists()]
    assert seen == [12, 16]
    early, late = (load_unet(tmp_path / folder).state_dict() for folder in (WEAKER, "weights"))
    assert any(not torch.equal(value, late[name]) for name, value in early.items())
