"""A short batch runs unpadded by proof, else padded; frames and their names are the same either way."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sakuga.models.checkpoint import Checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.denoiser import UNetDenoiser
from sakuga.models.ip_adapter_files import find_ip_adapter
from sakuga.models.packing import PackedConv2d, PackedLinear
from sakuga.rendering import executor as executors
from sakuga.rendering.batches import Batch
from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.resources import Resources
from sakuga.rendering.store import FrameStore
from sakuga.timeline.spec import AppliedControl, Generated, digest
from tests.models.ip_adapter_files import write_image_encoder, write_ip_adapter


class Widths:
    """A denoiser that records the width of its batches."""

    def __init__(self, checkpoint: Checkpoint, engine: str = "torch") -> None:
        self.inner, self.seen, self.engine = UNetDenoiser(checkpoint.unet, checkpoint.info), list[int](), engine
        self.device, self.dtype = self.inner.device, self.inner.dtype

    def forward(self, latents: torch.Tensor, *inputs: Any, **residuals: Any) -> torch.Tensor:
        self.seen.append(len(latents))
        return self.inner.forward(latents, *inputs, **residuals)


@pytest.fixture
def sketchbook(store: FrameStore) -> LocalExecutor:
    files = find_checkpoint("sketchbook")
    return LocalExecutor(
        Resources(checkpoint=files.folder, checkpoint_name="sketchbook", checkpoint_digest="tiny", store=store.root, device="cpu")
    )


def render(executor: LocalExecutor, folder: Path, *frames: Generated) -> list[np.ndarray]:
    """Render frames in one batch into a store of their own."""
    fresh = LocalExecutor(executor.loaded.reopened(folder))
    list(fresh.run([Batch(frames=frames)]))
    return [fresh.store.read(digest(frame)) for frame in frames]


@pytest.mark.parametrize("answer", [True, False])
def test_the_width_goes_by_the_proof(
    executor: LocalExecutor, draw: Callable[..., Generated], monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    widths = executor.loaded.checkpoint.custom_denoiser = Widths(executor.loaded.checkpoint)
    monkeypatch.setattr(executors, "is_batch_invariant", lambda _, batch: answer or batch.frames == batch.planned)
    frames = [draw(seed=seed, batch=4) for seed in range(3)]
    landed = list(executor.run([Batch(frames=tuple(frames[:2])), Batch(frames=(frames[2],))]))
    assert set(widths.seen) == ({4, 2} if answer else {8})
    notes = [one.note for one in landed if one.note]
    assert notes == ([] if answer else ["on this machine a frame's bits depend on the batch width: short batches are padded to 4 frames"])
    assert [one.name for one in landed] == [digest(frame) for frame in frames], "names do not depend on the path"


@pytest.mark.parametrize("answer", [True, False])
def test_an_engine_that_compiles_each_width_gets_single_frames(
    executor: LocalExecutor, draw: Callable[..., Generated], monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    widths = executor.loaded.checkpoint.custom_denoiser = Widths(executor.loaded.checkpoint, engine="OpenVINO 1.0")
    monkeypatch.setattr(executors, "is_batch_invariant", lambda _, batch: answer or batch.frames == batch.planned)
    frames = tuple(draw(seed=seed, batch=3) for seed in range(3))
    landed = list(executor.run([Batch(frames=frames)]))
    assert set(widths.seen) == ({2} if answer else {6})
    assert [one.name for one in landed] == [digest(frame) for frame in frames]


def test_torch_runs_frames_with_image_prompts_and_says_so(executor: LocalExecutor, draw: Callable[..., Generated], tmp_path: Path) -> None:
    files = find_ip_adapter(
        executor.loaded.checkpoint.files,
        str(write_ip_adapter(tmp_path / "face.safetensors", executor.loaded.checkpoint.unet, "linear")),
        str(write_image_encoder(tmp_path / "encoder")),
    )
    widths = executor.loaded.checkpoint.custom_denoiser = Widths(executor.loaded.checkpoint, engine="OpenVINO 1.0")
    fresh = LocalExecutor(executor.loaded.reopened(tmp_path / "frames", controlnets=((files.digest, files),)))
    given = digest(fresh.store.write_given(np.zeros((32, 32, 3), dtype=np.uint8)))
    control = AppliedControl(network=files.digest, frame=given, hint="ip-adapter")
    landed = list(fresh.run([Batch(frames=(draw(seed=seed, controls=(control,)),)) for seed in range(2)]))
    assert widths.seen == []
    assert [one.note for one in landed] == ["OpenVINO 1.0 takes no image prompts: torch runs the UNet", ""]


def test_frames_are_the_same_alone_in_a_batch_and_padded(
    sketchbook: LocalExecutor, draw: Callable[..., Generated], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [draw("a castle", seed, batch=4) for seed in range(4)]
    full = render(sketchbook, tmp_path / "full", *frames)
    alone = [render(sketchbook, tmp_path / "alone", frame)[0] for frame in frames]
    three = render(sketchbook, tmp_path / "three", *frames[1:])
    monkeypatch.setattr(executors, "is_batch_invariant", lambda _, batch: batch.frames == batch.planned)
    padded = [render(sketchbook, tmp_path / "padded", frame)[0] for frame in frames]
    assert all(np.array_equal(one, other) for one, other in zip(full, alone, strict=True))
    assert all(np.array_equal(one, other) for one, other in zip(full, padded, strict=True))
    assert all(np.array_equal(one, other) for one, other in zip(full[1:], three, strict=True))


def test_packed_frames_equal_those_of_plain_layers_to_one_grey_level(
    sketchbook: LocalExecutor, draw: Callable[..., Generated], tmp_path: Path
) -> None:
    frames = [
        draw(prompt, seed, width=64, height=64, steps=8) for seed, prompt in enumerate(["a castle", "a red boat on the sea", "a fox"])
    ]
    ours = [render(sketchbook, tmp_path / "packed", frame)[0] for frame in frames]
    checkpoint = sketchbook.loaded.checkpoint
    for module in (*checkpoint.unet.modules(), *checkpoint.vae.modules()):
        for packed, plain in ((PackedLinear, torch.nn.Linear), (PackedConv2d, torch.nn.Conv2d)):
            if isinstance(module, packed):
                module.__class__ = plain
    theirs = [render(sketchbook, tmp_path / "plain", frame)[0] for frame in frames]
    assert max(np.abs(one.astype(int) - other).max() for one, other in zip(ours, theirs, strict=True)) <= 1


def test_bf16_short_batches_equal_full_ones(sketchbook: LocalExecutor, draw: Callable[..., Generated], tmp_path: Path) -> None:
    half = LocalExecutor(replace(sketchbook.loaded.resources, precision="bf16"))
    frames = [draw("a castle", seed, batch=4, precision="bf16") for seed in range(4)]
    full = render(half, tmp_path / "full", *frames)
    assert np.array_equal(render(half, tmp_path / "alone", frames[0])[0], full[0])
