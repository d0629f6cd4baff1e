"""Motion windows: the networks are shared, one frame is a still, given frames stay, contexts join without a seam."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import MotionAdapter, UNet2DConditionModel
from torch import Tensor

from sakuga.diffusion.objective import clean_prediction
from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.motion import make_motion_adapter, motion_modules
from sakuga.models.motion_denoiser import MotionDenoiser, with_motion
from sakuga.models.motion_files import MotionFiles, own_motion_adapter
from sakuga.models.motion_scale import scaled_motion
from sakuga.models.sampling import sample

FRAMES = 6


@pytest.fixture(scope="module")
def checkpoint(tiny_folder: Path) -> Checkpoint:
    return load_checkpoint(find_checkpoint(str(tiny_folder)))


def write_adapter(unet: UNet2DConditionModel, folder: Path) -> MotionFiles:
    """Write a random adapter that changes its UNet's output."""
    torch.manual_seed(0)
    adapter = make_motion_adapter(unet)
    for module in motion_modules(adapter):
        torch.nn.init.normal_(module.proj_out.weight, std=0.3)
    adapter.save_pretrained(folder)
    return MotionFiles(folder.name, folder)


@pytest.fixture(scope="module")
def adapter(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> MotionFiles:
    return write_adapter(checkpoint.unet, tmp_path_factory.mktemp("motion") / "wind")


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def predict(checkpoint: Checkpoint, frames: int = FRAMES, timestep: int = 500) -> Tensor:
    """Predict a batch of unconditional and conditional frames."""
    embeds = checkpoint.encode_prompts(["", "a castle"]).repeat_interleave(frames, dim=0)
    return checkpoint.forward(random(frames, 8, 8, 8).repeat(2, 1, 1, 1), timestep, embeds)


def generate(checkpoint: Checkpoint, frames: int, sampler: str = "dpm++", steps: int = 3) -> Tensor:
    embeds = checkpoint.encode_prompts(["", "a castle"]).repeat_interleave(frames, dim=0)
    noise = iter([random(frames, 8, 8, 8, seed=seed) for seed in range(steps)])
    *_, last = sample(
        checkpoint, prompt_embeds=embeds[frames:], negative_prompt_embeds=embeds[:frames], noise=noise, sampler=sampler,  # type: ignore[arg-type]
        steps=steps, guidance_scale=4.0,
    )  # fmt: skip
    return last.latents


def test_the_networks_are_the_checkpoints_own(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    moving = with_motion(checkpoint, adapter, frames=FRAMES)
    again = with_motion(checkpoint, adapter, frames=FRAMES)
    assert isinstance(moving.custom_denoiser, MotionDenoiser)
    assert isinstance(again.custom_denoiser, MotionDenoiser)
    assert moving.custom_denoiser.network.unet is checkpoint.unet
    assert moving.custom_denoiser.network.adapter is again.custom_denoiser.network.adapter


def test_frames_of_a_window_see_each_other(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    assert not torch.allclose(predict(with_motion(checkpoint, adapter, frames=FRAMES)), predict(checkpoint), atol=1e-2)


def test_one_frame_equals_a_still_bit_for_bit(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    assert torch.equal(generate(with_motion(checkpoint, adapter, frames=1), 1), generate(checkpoint, 1))


def test_scale_0_equals_the_image_model(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    for scale in (0.0, (0.0,) * FRAMES):
        assert torch.equal(predict(with_motion(checkpoint, adapter, frames=FRAMES, context=4, overlap=2, scale=scale)), predict(checkpoint))


def test_the_scale_of_a_frame_is_how_sharply_it_attends(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    plain, partly = (predict(with_motion(checkpoint, adapter, frames=FRAMES, scale=scale)) for scale in (1.0, (1.0,) * 5 + (3.0,)))
    changed = (plain - partly).abs().amax(dim=(1, 2, 3))
    assert changed[5] > 3 * changed[:5].max()  # the others see it change


def test_equal_scales_of_all_frames_equal_one_scale(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    for scale in (1.0, 1.5):
        one, each = (predict(with_motion(checkpoint, adapter, frames=FRAMES, scale=value)) for value in (scale, (scale,) * FRAMES))
        torch.testing.assert_close(one, each)


def test_a_smaller_scale_makes_frames_more_alike(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    """Temporal attention alone: what each module returns for frames of noise."""
    module = motion_modules(checkpoint.open_motion(adapter).adapter)[0]
    frames = random(FRAMES, 16, 4, 4)

    def spread(scale: float) -> float:
        with torch.inference_mode(), scaled_motion(checkpoint.open_motion(adapter).adapter, scale):
            block = module.transformer_blocks[0].attn1(frames.flatten(2).permute(2, 0, 1))
        return float(block.std(dim=1).mean())

    assert spread(0.25) < spread(1.0) < spread(4.0)


@pytest.mark.parametrize("sampler", ["dpm++", "ddim", "euler", "lcm"])
def test_the_sampler_arrives_at_given_frames(checkpoint: Checkpoint, adapter: MotionFiles, sampler: str) -> None:
    first, last = random(1, 8, 8, 8, seed=7), random(1, 8, 8, 8, seed=8)
    moving = with_motion(checkpoint, adapter, frames=FRAMES, given={0: first, FRAMES - 1: last})
    made = generate(moving, FRAMES, sampler, steps=6)
    tolerance = 0.15 if sampler in ("dpm++", "ddim") else 1e-3  # these two end in the noise of timestep 0
    torch.testing.assert_close(made[[0, -1]], torch.cat([first, last]), atol=tolerance, rtol=0)


def test_a_given_frame_with_a_strength_is_begun_with_and_changes(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    first = random(1, 8, 8, 8, seed=7)

    def distance(strength: float) -> float:
        moving = with_motion(checkpoint, adapter, frames=FRAMES, given={0: first}, strengths={0: strength})
        return float((generate(moving, FRAMES, "euler", steps=6)[:1] - first).abs().mean())

    assert distance(0.0) < 1e-3 < distance(0.5) < distance(1.0)


def test_given_frames_change_the_others(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    with_first = predict(with_motion(checkpoint, adapter, frames=FRAMES, given={0: random(1, 8, 8, 8, seed=7)}))
    assert not torch.allclose(with_first[1], predict(with_motion(checkpoint, adapter, frames=FRAMES))[1], atol=1e-3)


def test_a_window_within_a_context_is_denoised_at_once(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    at_once = with_motion(checkpoint, adapter, frames=FRAMES, context=FRAMES)
    assert torch.equal(predict(at_once), predict(with_motion(checkpoint, adapter, frames=FRAMES, context=16)))


def test_contexts_average_what_each_predicts(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    moving = with_motion(checkpoint, adapter, frames=8, context=6, overlap=4)
    long = predict(moving, 8)
    embeds = checkpoint.encode_prompts(["", "a castle"]).repeat_interleave(6, dim=0)
    with torch.inference_mode():
        alone = with_motion(checkpoint, adapter, frames=6).forward(random(8, 8, 8, 8)[:6].repeat(2, 1, 1, 1), 500, embeds)
    torch.testing.assert_close(long[[0, 1, 8, 9]], alone[[0, 1, 6, 7]])  # only the first context has these frames


def test_a_closed_clip_has_no_first_frame(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    moving = with_motion(checkpoint, adapter, frames=8, context=4, overlap=2, closed=True)
    noise, embeds = random(8, 8, 8, 8), checkpoint.encode_prompts(["a castle"]).expand(8, -1, -1)
    with torch.inference_mode():
        made, turned = (moving.forward(noise.roll(turn, dims=0), 500, embeds) for turn in (0, 2))
    torch.testing.assert_close(turned, made.roll(2, dims=0))  # contexts start at every second frame


def test_control_and_sizes_follow_their_frames(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    embeds = checkpoint.encode_prompts(["a castle"]).expand(8, -1, -1)
    skips = [(16, 8), (16, 8), (16, 4), (32, 4)]
    down = tuple(random(8, channels, side, side, seed=channels + side) for channels, side in skips)
    residuals = {"down_block_additional_residuals": down, "mid_block_additional_residual": random(8, 32, 4, 4)}
    with torch.inference_mode():
        made = with_motion(checkpoint, adapter, frames=8, context=4, overlap=2).forward(random(8, 8, 8, 8), 500, embeds, **residuals)
        first = {
            name: value[:4] if isinstance(value, torch.Tensor) else tuple(one[:4] for one in value) for name, value in residuals.items()
        }
        alone = with_motion(checkpoint, adapter, frames=4).forward(random(8, 8, 8, 8)[:4], 500, embeds[:4], **first)
    torch.testing.assert_close(made[:2], alone[:2])  # only the first context has these frames


def test_joint_guidance_takes_unconditional_frames_of_the_image_model(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    together, alone = predict(with_motion(checkpoint, adapter, frames=FRAMES)), predict(checkpoint)
    joint = predict(with_motion(checkpoint, adapter, frames=FRAMES, joint_guidance=True))
    torch.testing.assert_close(joint, torch.cat([alone[:FRAMES], together[FRAMES:]]))


def test_joint_guidance_runs_the_image_model_on_free_frames_alone(
    checkpoint: Checkpoint, adapter: MotionFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, rows, forward = {0: random(1, 8, 8, 8), 3: random(1, 8, 8, 8, seed=1)}, list[int](), checkpoint.unet.forward

    def counted(latents: Tensor, *inputs: Any, **named: Any) -> Any:
        rows.append(len(latents))
        return forward(latents, *inputs, **named)

    moving = with_motion(checkpoint, adapter, frames=FRAMES, given=given, joint_guidance=True)
    monkeypatch.setattr(checkpoint.unet, "forward", counted)
    predict(moving)
    assert rows == [FRAMES - 2]


def test_joint_guidance_and_control_of_each_half_belong_together(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    down = tuple(random(8, channels, side, side, seed=channels + side) for channels, side in [(16, 8), (16, 8), (16, 4), (32, 4)])
    control = {"down_block_additional_residuals": down, "mid_block_additional_residual": random(8, 32, 4, 4)}
    embeds, noise = checkpoint.encode_prompts(["", "a castle"]).repeat_interleave(4, dim=0), random(8, 8, 8, 8)
    with torch.inference_mode():
        made = with_motion(checkpoint, adapter, frames=4, joint_guidance=True).forward(noise, 500, embeds, **control)
        alone = checkpoint.forward(noise, 500, embeds, **control)
        together = with_motion(checkpoint, adapter, frames=4).forward(noise, 500, embeds, **control)
    torch.testing.assert_close(made, torch.cat([alone[:4], together[4:]]))


@pytest.mark.parametrize("sampler", ["dpm++", "ddim", "euler", "lcm"])
def test_smoothing_makes_neighbours_more_alike_and_leaves_given_frames(checkpoint: Checkpoint, adapter: MotionFiles, sampler: str) -> None:
    def flicker(smoothing: float) -> float:
        made = generate(with_motion(checkpoint, adapter, frames=FRAMES, smoothing=smoothing), FRAMES, sampler, steps=6)
        return float(made.diff(n=2, dim=0).abs().mean())

    assert flicker(1.0) < flicker(0.5) < flicker(0.0)
    first = random(1, 8, 8, 8, seed=7)
    made = generate(with_motion(checkpoint, adapter, frames=FRAMES, given={0: first}, smoothing=1.0), FRAMES, "euler", steps=6)
    torch.testing.assert_close(made[:1], first, atol=1e-3, rtol=0)


def test_a_frame_takes_the_tint_of_a_given_neighbour_at_every_noise_level(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    """Its clean latents count, not what the network answers for a frame without noise."""
    given = torch.full((1, 8, 8, 8), 5.0)
    moving = with_motion(checkpoint, adapter, frames=FRAMES, given={0: given}, smoothing=0.5)
    assert isinstance(moving.custom_denoiser, MotionDenoiser)
    for timestep in (600, 300):
        noisy, signal = random(FRAMES, 8, 8, 8), moving.custom_denoiser.signal[timestep]
        with torch.inference_mode():
            prediction = moving.forward(noisy, timestep, checkpoint.encode_prompts(["a castle"]).expand(FRAMES, -1, -1))
        clean = clean_prediction(checkpoint.info.prediction_type, noisy, prediction, signal)
        torch.testing.assert_close(clean[1].mean(dim=(-2, -1)), torch.full((8,), 5.0), atol=1.0, rtol=0)


def test_an_adapter_of_another_unet_is_refused(checkpoint: Checkpoint, tmp_path: Path) -> None:
    MotionAdapter(block_out_channels=(32, 64), motion_layers_per_block=1, motion_norm_num_groups=8).save_pretrained(tmp_path / "storm")
    with pytest.raises(CheckpointError, match="'storm' is for another UNet than that of checkpoint"):
        with_motion(checkpoint, MotionFiles("storm", tmp_path / "storm"), frames=4)


def test_the_sketchbook_has_its_own_adapter_and_the_tiny_model_none(checkpoint: Checkpoint) -> None:
    own = own_motion_adapter(find_checkpoint())
    assert own is not None
    assert (own.info.positions, own.info.context, own.info.fps) == (32, 16, 8)
    assert len(own.digest) == 64
    assert own_motion_adapter(checkpoint.files) is None


def test_styles_change_a_moving_checkpoint(checkpoint: Checkpoint, adapter: MotionFiles) -> None:
    moving = with_motion(checkpoint, adapter, frames=FRAMES)
    before = predict(moving)
    weight = checkpoint.unet.mid_block.attentions[0].transformer_blocks[0].attn1.to_q.weight
    kept = weight.detach().clone()
    with torch.no_grad():
        weight.add_(1.0)
    assert not torch.equal(predict(moving), before)
    with torch.no_grad():
        weight.copy_(kept)
    assert torch.equal(predict(moving), before)
