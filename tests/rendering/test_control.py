"""Depth control through a real, tiny ControlNet."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline
from transformers import CLIPTokenizer

from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.controlnets import Control
from sakuga.models.sampling import sample
from sakuga.models.schedulers import build_scheduler
from sakuga.rendering.batches import Batch
from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.resources import Resources
from sakuga.sketchbook.scene import sample as scene
from sakuga.timeline.spec import ControlImage, Generated, InitImage, Parallax, Warp, digest

PICTURE = scene(3).at(0.0).image(32, 32)


def controlled(folder: Path, tiny: Path, zero: bool) -> Path:
    """A tiny checkpoint with a ControlNet made of its UNet: with zero or random output layers."""
    shutil.copytree(tiny, folder)
    torch.manual_seed(0)
    network = ControlNetModel.from_unet(load_checkpoint(find_checkpoint(str(tiny))).unet, conditioning_embedding_out_channels=(8, 8, 16))
    if not zero:
        for outlet in (*network.controlnet_down_blocks, network.controlnet_mid_block, network.controlnet_cond_embedding.conv_out):
            torch.nn.init.normal_(outlet.weight, std=0.2)
    network.save_pretrained(folder / "controlnet")
    return folder


@pytest.fixture(scope="module")
def control_folder(tiny_v_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return controlled(tmp_path_factory.mktemp("control") / "tiny", tiny_v_folder, zero=False)


def executor_of(folder: Path, root: Path) -> LocalExecutor:
    return LocalExecutor(Resources(checkpoint=folder, checkpoint_name="tiny", checkpoint_digest="tiny", store=root, device="cpu"))


def drawn(executor: LocalExecutor, spec: Generated) -> np.ndarray:
    list(executor.run([Batch(frames=(spec,))]))
    return executor.store.read(digest(spec))


def test_a_zero_controlnet_changes_nothing(tiny_v_folder: Path, tmp_path: Path, draw: Callable[..., Generated]) -> None:
    executor = executor_of(controlled(tmp_path / "zero", tiny_v_folder, zero=True), tmp_path / "frames")
    given = digest(executor.store.write_given(PICTURE))
    led = drawn(executor, draw(control=ControlImage(frame=given, depth="luminance")))
    assert np.array_equal(led, drawn(executor, draw()))


def test_the_control_weight_scales_the_effect_of_depth(control_folder: Path, tmp_path: Path, draw: Callable[..., Generated]) -> None:
    executor = executor_of(control_folder, tmp_path / "frames")
    given = digest(executor.store.write_given(PICTURE))
    control = ControlImage(frame=given, depth="luminance")
    free = drawn(executor, draw()).astype(int)
    far = [np.abs(drawn(executor, draw(control=replace(control, weight=weight))) - free).mean() for weight in (0.0, 0.1, 1.0)]
    assert far[0] == 0 < far[1] < far[2]
    other = digest(executor.store.write_given(PICTURE[::-1].copy()))
    assert not np.array_equal(drawn(executor, draw(control=control)), drawn(executor, draw(control=replace(control, frame=other))))
    seen = replace(control, warp=Warp(pan=(0.3, 0.0), parallax=Parallax(depth="luminance")))
    assert not np.array_equal(drawn(executor, draw(control=control)), drawn(executor, draw(control=seen)))


def test_controlled_frames_are_batch_invariant(control_folder: Path, tmp_path: Path, draw: Callable[..., Generated]) -> None:
    executor = executor_of(control_folder, tmp_path / "frames")
    names = [digest(executor.store.write_given(np.roll(PICTURE, shift, 0))) for shift in (0, 9)]
    start = InitImage(frame=names[0], strength=0.7)
    frames = tuple(draw(seed=seed, batch=3, init=start, control=ControlImage(frame=names[seed], depth="luminance")) for seed in (0, 1))
    list(executor.run([Batch(frames=frames)]))
    together = [executor.store.read(digest(frame)) for frame in frames]
    assert all(np.array_equal(drawn(executor, frame), picture) for frame, picture in zip(frames, together, strict=True))


def test_a_controlled_frame_equals_diffusers(control_folder: Path) -> None:
    checkpoint = load_checkpoint(find_checkpoint(str(control_folder)))
    hint = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    noise = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(3))
    pipeline = StableDiffusionControlNetPipeline(
        vae=checkpoint.vae,
        text_encoder=checkpoint.text_encoder,
        tokenizer=CLIPTokenizer.from_pretrained(checkpoint.files.folder / "tokenizer"),
        unet=checkpoint.unet,
        controlnet=checkpoint.controlnet,
        scheduler=build_scheduler(checkpoint, "ddim", 3),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    settings = {"num_inference_steps": 3, "guidance_scale": 4.0, "controlnet_conditioning_scale": 0.6}
    expected = pipeline("a castle", image=hint, latents=noise.clone(), output_type="latent", **settings).images
    *_, last = sample(
        checkpoint,
        prompt_embeds=checkpoint.encode_prompts(["a castle"]),
        negative_prompt_embeds=checkpoint.encode_prompts([""]),
        noise=iter([noise]),
        sampler="ddim",
        steps=3,
        guidance_scale=4.0,
        guidance_rescale=0.0,
        controls=[Control(image=hint, weight=0.6)],
    )
    assert torch.allclose(last.latents, expected, atol=1e-4)


def test_a_checkpoint_without_the_networks_says_so(tiny_v_folder: Path, tmp_path: Path, draw: Callable[..., Generated]) -> None:
    executor = executor_of(tiny_v_folder, tmp_path / "frames")
    given = digest(executor.store.write_given(PICTURE))
    with pytest.raises(CheckpointError, match="has no depth ControlNet"):
        drawn(executor, draw(control=ControlImage(frame=given, depth="luminance")))
    with pytest.raises(CheckpointError, match="has no depth estimator"):
        drawn(executor, draw(init=InitImage(frame=given, strength=0.5, warp=Warp(zoom=1.1, parallax=Parallax(depth="estimator")))))
