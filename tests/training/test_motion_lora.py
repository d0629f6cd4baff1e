"""A MotionLoRA learns beside a motion adapter from clips, resumes exactly, and is read as a style and by diffusers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AnimateDiffPipeline, DDIMScheduler
from PIL import Image as PILImage

from sakuga import InputError
from sakuga.datasets.clip_folders import find_clips
from sakuga.models.adapters import read_adapter
from sakuga.models.applied_adapters import applied_adapters
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.motion_files import MotionFiles
from sakuga.models.style_files import LORA_FILE
from sakuga.studio.core.work import Work
from sakuga.studio.training.open_sets import clip_set
from sakuga.studio.training.resolution import TrainSettings, resolve_training
from sakuga.training.loop import Training, run_training
from sakuga.training.method_settings import MotionLora
from sakuga.training.motion_lora import MotionLoraMethod
from sakuga.training.setup import prepare_training
from tests.models.test_published_motion import ALL_CLOSE, ours, parts, theirs, write_adapter
from tests.training.conftest import resumed, trained

FRAMES = 8


def write_clip(file: Path, frames: int = FRAMES + 2, milliseconds: int = 125, seed: int = 0) -> None:
    """Write a clip of dots that move to the left, 2 pixels a frame."""
    dots = np.kron(np.random.default_rng(seed).integers(0, 256, (4, 24, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    images = [PILImage.fromarray(dots[:, 2 * place : 2 * place + 32]) for place in range(frames)]
    images[0].save(file, save_all=True, append_images=images[1:], duration=milliseconds, lossless=True)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    for place in range(2):
        write_clip(folder / f"{place}.webp", seed=place)
        (folder / f"{place}.txt").write_text(f"dots {place}")
    PILImage.new("RGB", (32, 32)).save(folder / "still.png")
    return folder


@pytest.fixture
def adapter(tmp_path: Path) -> MotionFiles:
    return write_adapter(tmp_path / "adapter")


@pytest.fixture
def moving(settings: TrainSettings, clips: Path, adapter: MotionFiles) -> TrainSettings:
    method = MotionLora(rank=2, motion=str(adapter.path), frames=FRAMES)
    return replace(settings, method=method, set=clips, validate_every=None, batch=1, steps=4, checkpoint_every=2)


def prepared_motion(settings: TrainSettings) -> Training:
    resolved = resolve_training(settings, clip_set(Path(settings.set), settings.trigger))
    resolved.run.create(resolved.plan)
    return Work(prepare_training(resolved, None, "cpu")).result()


def test_clips_are_found_with_their_captions_and_stills_are_not(clips: Path) -> None:
    assert [(one.name, one.text) for one in find_clips(clips)] == [("0.webp", "dots 0"), ("1.webp", "dots 1")]


def test_the_loss_falls_and_the_image_unet_stays_as_it_is(moving: TrainSettings) -> None:
    training = prepared_motion(replace(moving, steps=30, learning_rate=3e-2, schedule="constant", warmup=0, batch=2))
    unet: Any = training.method.checkpoint.unet.unet
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    batches = [training.objective.make_batch(training.streams[0], place) for place in range(100, 108)]

    def loss() -> float:
        with torch.no_grad():
            return sum(float(training.objective.loss(one, training.method.encode_captions(one.captions))) for one in batches)

    first = loss()
    list(run_training(training))
    assert loss() < 0.97 * first
    assert all(torch.equal(value, before[name]) for name, value in unet.state_dict().items())
    with training.method.base_weights():
        assert loss() == pytest.approx(first, rel=1e-5)
    training.method.close()


def test_frames_of_a_clip_share_caption_and_timestep_and_given_ones_do_not_count(moving: TrainSettings) -> None:
    assert isinstance(moving.method, MotionLora)
    training = prepared_motion(replace(moving, method=replace(moving.method, given=1.0), batch=2))
    batch = training.objective.make_batch(training.streams[0], 0)
    timesteps, weights = batch.timesteps.view(2, FRAMES), batch.weights.view(2, FRAMES)  # type: ignore[union-attr]
    assert (timesteps[:, 0] == 0).all()
    assert all(len(set(row[1:].tolist())) == 1 for row in timesteps)
    assert (weights[:, 0] == 0).all()
    assert weights.sum(dim=1).tolist() == pytest.approx([FRAMES, FRAMES])
    assert batch.captions[0] == batch.captions[FRAMES - 1] != batch.captions[FRAMES]
    training.chunks = 2
    assert [len(part.clean) for part in training._split(batch)] == [FRAMES, FRAMES]
    training.method.close()


def test_both_ways_learn_each_clip_backwards_at_weight_minus_one(moving: TrainSettings) -> None:
    assert isinstance(moving.method, MotionLora)
    training = prepared_motion(replace(moving, method=replace(moving.method, given=0.0, both_ways=True), batch=2))
    assert isinstance(training.method, MotionLoraMethod)
    forwards, reverse = (training.objective.make_batch(stream, 3) for stream in training.streams)
    for name in ("clean", "noise"):
        one, other = (getattr(batch, name).unflatten(0, (2, FRAMES)) for batch in (forwards, reverse))
        assert torch.equal(one.flip(1), other)
    assert torch.equal(forwards.timesteps, reverse.timesteps)

    embeds = training.method.encode_captions(forwards.captions)
    list(run_training(training))
    with training.method.negative():
        negative = training.objective.predict(forwards, embeds)
    for up in training.method.low_rank.ups:
        up.data.neg_()
    torch.testing.assert_close(training.objective.predict(forwards, embeds), negative)
    training.method.close()


def test_what_looks_the_same_both_ways_teaches_less(moving: TrainSettings, clips: Path) -> None:
    def learnt(both_ways: bool) -> float:
        assert isinstance(moving.method, MotionLora)
        method = replace(moving.method, both_ways=both_ways)
        training = prepared_motion(replace(moving, method=method, out=Path(moving.out) / str(both_ways), batch=2))
        for stream in training.streams:  # stills
            stream.encoded._latents = [latents[:1].expand_as(latents) for latents in stream.encoded._latents]  # type: ignore[attr-defined]
        training._accumulate_gradients(0)
        assert isinstance(training.method, MotionLoraMethod)
        ups = training.method.low_rank.ups
        training.method.close()
        return float(sum(up.grad.square().sum() for up in ups if up.grad is not None))

    assert learnt(both_ways=True) < 0.5 * learnt(both_ways=False)


def test_it_resumes_exactly(moving: TrainSettings, tmp_path: Path) -> None:
    whole, halves = trained(moving), resumed(replace(moving, out=tmp_path / "halves"), after=2)
    assert (whole.style / LORA_FILE).read_bytes() == (halves.style / LORA_FILE).read_bytes()
    card = (whole.style / "README.md").read_text()
    assert "MotionLoRA, rank 2, on the temporal attention, from clips of 8 frames at 8 a second" in card
    assert "| clips | 2" in card


@pytest.mark.parametrize("feed_forward", [False, True])
def test_its_file_is_a_motion_lora_to_diffusers(moving: TrainSettings, adapter: MotionFiles, tiny_folder: Path, feed_forward: bool) -> None:
    assert isinstance(moving.method, MotionLora)
    method = replace(moving.method, feed_forward=feed_forward)
    run = trained(replace(moving, method=method, learning_rate=5e-2, prompts=("dots",), sample_every=4))
    layers = read_adapter(run.style / LORA_FILE, "left").layers
    assert any(".ff.net." in layer for layer in layers) == feed_forward
    with PILImage.open(run.run / "samples" / "step-00000004.png") as sheet:
        assert sheet.size == (4 * 32, 2 * 32), "four frames of a clip; the base model above"
    base = load_checkpoint(find_checkpoint(str(tiny_folder)))
    base = replace(base, scheduler_config=base.scheduler_config | {"beta_schedule": "linear"})
    before = ours(base, adapter)
    with applied_adapters(base, [(read_adapter(run.style / LORA_FILE, "left"), 1.0)], base.open_motion(adapter)):
        made = ours(base, adapter)
    pipeline = AnimateDiffPipeline(**parts(base, adapter), scheduler=DDIMScheduler.from_config(base.scheduler_config))
    pipeline.load_lora_weights(run.style, weight_name=LORA_FILE, adapter_name="left")
    torch.testing.assert_close(made, theirs(pipeline), **ALL_CLOSE)
    assert not torch.allclose(made, before, atol=1e-2)


def test_what_cannot_be_trained_is_refused(moving: TrainSettings, small_set: Path, adapter: MotionFiles) -> None:
    for change, sentence in (
        ({"set": small_set}, "contains no clip"),
        ({"set": small_set / "none"}, "there is no such folder or clip"),
        ({"flip": True}, "a mirrored clip moves the other way"),
        ({"gradient_checkpointing": True, "focus": "face"}, "a training on clips has no focus and no gradient checkpointing"),
        ({"method": MotionLora()}, "has no motion adapter of its own"),
    ):
        with pytest.raises(InputError, match=sentence):
            trained(replace(moving, **change))  # type: ignore[arg-type]
    config = adapter.path / "config.json"
    config.write_text(config.read_text().replace('"motion_max_seq_length": 32', '"motion_max_seq_length": 7'))
    with pytest.raises(InputError, match="has positions for 7, not 8: choose 2 to 7"):
        trained(moving)
    assert not Path(moving.out).exists()


def test_a_clip_that_is_too_short_is_refused_by_name(moving: TrainSettings, clips: Path) -> None:
    write_clip(clips / "short.webp", frames=3)
    with pytest.raises(InputError, match=r"short.webp has 3 frames at 8 a second, and 8 are trained together: give longer clips"):
        trained(moving)
