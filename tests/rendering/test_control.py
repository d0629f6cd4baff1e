"""Depth leads a drawing through a real ControlNet, as small as the model it is put beside."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

from sakuga.models.checkpoint import Checkpoint, load
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.sampling import build_scheduler, sample
from sakuga.rendering.batches import Batch
from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.frame_reader import crossfade
from sakuga.rendering.store import FrameStore
from sakuga.sketchbook.scene import sample as scene
from sakuga.timeline.spec import Control, Drawn, Parallax, Start, Warp, digest

PICTURE = scene(3).at(0.0).picture(32, 32)


def controlled(folder: Path, tiny: Path, zero: bool) -> Path:
    """A tiny checkpoint with a ControlNet made of its UNet: untrained it says nothing, else what chance has it say."""
    shutil.copytree(tiny, folder)
    torch.manual_seed(0)
    network = ControlNetModel.from_unet(load(find_checkpoint(str(tiny))).unet, conditioning_embedding_out_channels=(8, 8, 16))
    if not zero:
        for outlet in (*network.controlnet_down_blocks, network.controlnet_mid_block, network.controlnet_cond_embedding.conv_out):
            torch.nn.init.normal_(outlet.weight, std=0.2)
    network.save_pretrained(folder / "controlnet")
    return folder


@pytest.fixture(scope="module")
def led_folder(tiny_v_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return controlled(tmp_path_factory.mktemp("led") / "tiny", tiny_v_folder, zero=False)


def executor_of(folder: Path, root: Path) -> LocalExecutor:
    @cache
    def open_checkpoint(name: str, precision: object) -> Checkpoint:
        return load(find_checkpoint(str(folder)))

    return LocalExecutor(open_checkpoint=open_checkpoint, store=FrameStore(root), inbetweener=crossfade)


def drawn(executor: LocalExecutor, spec: Drawn) -> np.ndarray:
    list(executor.run([Batch(frames=(spec,))]))
    return executor.store.read(digest(spec))


def test_a_control_that_learnt_nothing_changes_nothing(tiny_v_folder: Path, tmp_path: Path, draw: Callable[..., Drawn]) -> None:
    executor = executor_of(controlled(tmp_path / "zero", tiny_v_folder, zero=True), tmp_path / "frames")
    given = digest(executor.store.given(PICTURE))
    led = drawn(executor, draw(control=Control(frame=given, depth="luminance")))
    assert np.array_equal(led, drawn(executor, draw()))


def test_depth_leads_as_firmly_as_its_weight_says(led_folder: Path, tmp_path: Path, draw: Callable[..., Drawn]) -> None:
    executor = executor_of(led_folder, tmp_path / "frames")
    given = digest(executor.store.given(PICTURE))
    control = Control(frame=given, depth="luminance")
    free = drawn(executor, draw()).astype(int)
    far = [np.abs(drawn(executor, draw(control=replace(control, weight=weight))) - free).mean() for weight in (0.0, 0.1, 1.0)]
    assert far[0] == 0 < far[1] < far[2]
    other = digest(executor.store.given(PICTURE[::-1].copy()))
    assert not np.array_equal(drawn(executor, draw(control=control)), drawn(executor, draw(control=replace(control, frame=other))))
    seen = replace(control, warp=Warp(pan=(0.3, 0.0), parallax=Parallax(depth="luminance")))
    assert not np.array_equal(drawn(executor, draw(control=control)), drawn(executor, draw(control=seen)))


def test_a_led_frame_is_the_same_alone_and_in_company(led_folder: Path, tmp_path: Path, draw: Callable[..., Drawn]) -> None:
    executor = executor_of(led_folder, tmp_path / "frames")
    names = [digest(executor.store.given(np.roll(PICTURE, shift, 0))) for shift in (0, 9)]
    start = Start(frame=names[0], strength=0.7)
    frames = tuple(draw(seed=seed, batch=3, start=start, control=Control(frame=names[seed], depth="luminance")) for seed in (0, 1))
    list(executor.run([Batch(frames=frames)]))
    together = [executor.store.read(digest(frame)) for frame in frames]
    assert all(np.array_equal(drawn(executor, frame), picture) for frame, picture in zip(frames, together, strict=True))


def test_a_led_drawing_equals_diffusers(led_folder: Path) -> None:
    checkpoint = load(find_checkpoint(str(led_folder)))
    hint = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    noise = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(3))
    pipeline = StableDiffusionControlNetPipeline(
        vae=checkpoint.vae,
        text_encoder=checkpoint.text_encoder,
        tokenizer=checkpoint.tokenizer,
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
        conditioning=checkpoint.encode_text(["a castle"]),
        negative=checkpoint.encode_text([""]),
        noise=iter([noise]),
        sampler="ddim",
        steps=3,
        guidance=4.0,
        rescale=0.0,
        control=hint,
        control_weight=0.6,
    )
    assert torch.allclose(last.latents, expected, atol=1e-4)


def test_a_checkpoint_without_the_networks_says_so(tiny_v_folder: Path, tmp_path: Path, draw: Callable[..., Drawn]) -> None:
    executor = executor_of(tiny_v_folder, tmp_path / "frames")
    given = digest(executor.store.given(PICTURE))
    with pytest.raises(CheckpointError, match="has no depth ControlNet"):
        drawn(executor, draw(control=Control(frame=given, depth="luminance")))
    with pytest.raises(CheckpointError, match="has no depth estimator"):
        drawn(executor, draw(start=Start(frame=given, strength=0.5, warp=Warp(zoom=1.1, parallax=Parallax(depth="estimator")))))
