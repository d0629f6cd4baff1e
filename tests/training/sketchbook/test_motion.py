"""The motion stage: a new adapter changes nothing, only its modules train, and diffusers loads what is written."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import MotionAdapter, UNetMotionModel
from einops import rearrange
from torch import Tensor

from sakuga.models.sketchbook import load_unet
from sakuga.training.sketchbook.loop import StageSetup, StageTraining, override_plan
from sakuga.training.sketchbook.motion import PLAN, MotionTask, choose_given
from tests.training.sketchbook.conftest import FRAMES

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def noisy(work: Path) -> tuple[Tensor, Tensor, Tensor]:
    """Frames of one clip with their timesteps and prompt embeddings."""
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(FRAMES, 8, 16, 16, generator=generator)
    return latents, torch.full((FRAMES,), 500), torch.randn(1, 77, 256, generator=generator).expand(FRAMES, -1, -1)


@dataclass(frozen=True)
class Trained:
    """A task after one step, with its outputs before and after."""

    task: MotionTask
    before: Tensor
    after: Tensor


@pytest.fixture(scope="module")
def trained(work: Path, noisy: tuple[Tensor, Tensor, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    task = MotionTask(StageSetup(plan=override_plan(PLAN, batch=1, samples=2), work=work, device=CPU))
    with torch.no_grad():
        before = task.unet(*noisy)[0]
    StageTraining(task, tmp_path_factory.mktemp("run"), resume=False).step()
    with torch.no_grad():
        return Trained(task, before, task.unet(*noisy)[0])


def test_a_new_adapter_leaves_the_image_unets_output(trained: Trained, noisy: tuple[Tensor, Tensor, Tensor], work: Path) -> None:
    with torch.no_grad():
        expected = load_unet(work / "weights")(*noisy, return_dict=False)[0]
    torch.testing.assert_close(trained.before, expected, atol=2e-6, rtol=0)


def test_a_step_changes_the_output_but_no_weight_of_the_unet(trained: Trained, work: Path) -> None:
    assert (trained.after - trained.before).abs().max() > 1e-4
    weights = trained.task.unet.unet.state_dict()
    base = load_unet(work / "weights").state_dict()
    assert weights.keys() == base.keys()
    assert all(torch.equal(weights[name], base[name]) for name in base)


def test_diffusers_loads_the_adapter_with_the_same_output(
    trained: Trained, noisy: tuple[Tensor, Tensor, Tensor], work: Path, tmp_path: Path
) -> None:
    latents, timesteps, prompt_embeds = noisy
    trained.task.save(tmp_path)
    adapter = MotionAdapter.from_pretrained(tmp_path / "motion_adapter", dtype=torch.float32)
    model = UNetMotionModel.from_unet2d(load_unet(work / "weights"), adapter).eval()
    with torch.no_grad():
        clip = model(rearrange(latents, "frame c h w -> 1 c frame h w"), timesteps[:1], prompt_embeds, return_dict=False)[0]
    torch.testing.assert_close(rearrange(clip, "1 c frame h w -> frame c h w"), trained.after, atol=2e-3, rtol=0)


def test_given_frames_have_timestep_0_and_no_error_and_the_others_count_more(trained: Trained) -> None:
    task, given = trained.task, np.arange(FRAMES)[None] == 0
    batch = task.batch([1], torch.tensor([500]), np.random.default_rng(0), torch.Generator(), dropped=0.0, given=given)
    assert batch.timesteps.tolist() == [0] + [500] * (FRAMES - 1)
    free = task.batch([1], torch.tensor([500]), np.random.default_rng(0), torch.Generator(), dropped=0.0, given=np.zeros_like(given))
    assert batch.counts[0].eq(0).all()
    torch.testing.assert_close(batch.counts[1:], free.counts[1:] * FRAMES / (FRAMES - 1))
    with torch.no_grad():
        assert task.errors(batch)[0] == 0
        assert not torch.equal(task.errors(batch)[1:], task.errors(free)[1:])


def test_half_of_the_clips_are_trained_without_given_frames_and_none_with_all() -> None:
    rng = np.random.default_rng(0)
    counts = np.array([choose_given(rng).sum() for _ in range(2_000)])
    assert (counts == 0).mean() == pytest.approx(0.5, abs=0.05)
    assert counts.max() < choose_given(rng).size


def test_frames_of_one_clip_may_have_different_timesteps(trained: Trained, noisy: tuple[Tensor, Tensor, Tensor]) -> None:
    latents, timesteps, prompt_embeds = noisy
    with torch.no_grad():
        mixed = trained.task.unet(latents, timesteps.clone().index_fill_(0, torch.tensor([0]), 0), prompt_embeds)[0]
    assert not torch.allclose(mixed, trained.after, atol=1e-3)
