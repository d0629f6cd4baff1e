"""A motion window is rendered as a whole: its frames land together, go on from given ones, and survive what stills survive."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sakuga.models.autoencoder import VaeAutoencoder
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.motion import make_motion_adapter, motion_modules
from sakuga.models.motion_files import MotionFiles
from sakuga.rendering.batches import Batch, plan_batches
from sakuga.rendering.executor import Denoised, Landed, LocalExecutor
from sakuga.rendering.frame_checks import RenderError
from sakuga.rendering.motion_window import blend_given
from sakuga.rendering.resources import Resources
from sakuga.rendering.store import FrameStore
from sakuga.rendering.worker_executor import WorkerExecutor
from sakuga.timeline.spec import (
    AppliedMotion,
    CameraFrame,
    FrameSpec,
    Generated,
    GivenFrame,
    InitImage,
    MotionFrame,
    MotionKey,
    MotionWindow,
    Prompt,
    Sampler,
    Warp,
    digest,
)

FRAMES = 5


@pytest.fixture(scope="session")
def adapter(tiny_v_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> MotionFiles:
    """A random motion adapter of the tiny checkpoint."""
    torch.manual_seed(0)
    network = make_motion_adapter(load_checkpoint(find_checkpoint(str(tiny_v_folder))).unet)
    for module in motion_modules(network):
        torch.nn.init.normal_(module.proj_out.weight, std=0.3)
    folder = tmp_path_factory.mktemp("motion") / "wind"
    network.save_pretrained(folder)
    return MotionFiles("wind", folder)


@pytest.fixture
def resources(resources: Resources, adapter: MotionFiles) -> Resources:
    return replace(resources, motion=((adapter.digest, adapter),))


@pytest.fixture
def window(adapter: MotionFiles) -> MotionWindow:
    return MotionWindow(
        checkpoint="tiny",
        motion=AppliedMotion(adapter=adapter.digest, context=4, overlap=2),
        frames=FRAMES,
        keys=(MotionKey(frame=0, conditioning=Prompt(prompt="a castle")), MotionKey(frame=9, conditioning=Prompt(prompt="the sea"))),
        seed=3,
        width=32,
        height=32,
        steps=2,
        guidance=3.0,
    )


def frames_of(window: MotionWindow) -> list[MotionFrame]:
    given = {one.index for one in window.given}
    return [MotionFrame(window=window, index=index) for index in range(window.frames) if index not in given]


def named(*frames: FrameSpec) -> dict[str, FrameSpec]:
    return {digest(frame): frame for frame in frames}


def going_on(window: MotionWindow) -> MotionWindow:
    """The window after another, given its last two frames."""
    last = [digest(MotionFrame(window=window, index=index)) for index in (FRAMES - 2, FRAMES - 1)]
    return replace(window, seed=4, given=tuple(GivenFrame(index=index, frame=name) for index, name in enumerate(last)))


def render(executor: LocalExecutor, *frames: FrameSpec) -> list[Landed]:
    specs = named(*frames)
    return list(executor.run(plan_batches(specs, specs, executor.store.has)))


def contents(store: FrameStore) -> dict[str, bytes]:
    return {name: store.path(name).read_bytes() for name in store.names()}


def test_a_window_is_one_batch_and_all_its_frames_land(executor: LocalExecutor, window: MotionWindow) -> None:
    frames = frames_of(window)
    specs = named(*frames)
    assert plan_batches(specs, specs, executor.store.has) == [Batch(frames=tuple(frames))]
    assert [one.name for one in render(executor, *frames)] == list(specs)
    images = np.stack([executor.store.read(name) for name in specs]).astype(float)
    assert (np.abs(np.diff(images, axis=0)).mean(axis=(1, 2, 3)) > 0).all()
    assert executor.store.spec(digest(frames[2])) == frames[2]


def test_at_motion_scale_0_a_window_is_a_still(executor: LocalExecutor, window: MotionWindow) -> None:
    still = replace(window, motion=replace(window.motion, scale=0.0), keys=window.keys[:1])
    render(executor, *frames_of(still))
    images = [executor.store.read(digest(frame)) for frame in frames_of(still)]
    assert all(np.array_equal(images[0], image) for image in images)


def test_a_missing_frame_is_rendered_again_to_the_same_bytes(executor: LocalExecutor, window: MotionWindow) -> None:
    frames = frames_of(window)
    render(executor, *frames)
    whole = contents(executor.store)
    executor.store.path(digest(frames[3])).unlink()
    assert [one.name for one in render(executor, *frames)] == [digest(frames[3])]
    assert contents(executor.store) == whole


def test_a_window_goes_on_from_the_frames_that_it_is_given(executor: LocalExecutor, window: MotionWindow) -> None:
    after = going_on(window)
    landed = render(executor, *frames_of(window), *frames_of(after))
    assert [one.name for one in landed[:FRAMES]] == [digest(frame) for frame in frames_of(window)]
    other = replace(after, given=tuple(replace(one, frame=digest(frames_of(window)[0])) for one in after.given))
    render(executor, *frames_of(window), *frames_of(other))
    assert not np.array_equal(executor.store.read(digest(frames_of(after)[0])), executor.store.read(digest(frames_of(other)[0])))


def test_a_faulty_frame_redraws_its_window_with_the_next_seed(
    executor: LocalExecutor, window: MotionWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class BlackOnce(VaeAutoencoder):
        calls = 0

        def decode(self, latents: torch.Tensor) -> np.ndarray:
            images = super().decode(latents)
            BlackOnce.calls += 1
            images[2] *= BlackOnce.calls > 1
            return images

    checkpoint = executor.loaded.checkpoint
    monkeypatch.setattr(checkpoint, "custom_autoencoder", BlackOnce(checkpoint.vae))
    landed = render(executor, *frames_of(window))
    assert [one.attempts for one in landed] == [2] * FRAMES
    monkeypatch.setattr(checkpoint, "custom_autoencoder", None)
    other = LocalExecutor(executor.loaded.reopened(store=tmp_path / "other"))
    next_seed = replace(window, seed=window.seed + 1)
    render(other, *frames_of(next_seed))
    pairs = zip(frames_of(window), frames_of(next_seed), strict=True)
    assert all(np.array_equal(executor.store.read(digest(one)), other.store.read(digest(same))) for one, same in pairs)


def test_a_worker_killed_in_a_window_loses_only_that_window(resources: Resources, window: MotionWindow, tmp_path: Path) -> None:
    slow = replace(going_on(window), steps=40)
    frames = [*frames_of(window), *frames_of(slow)]
    local = LocalExecutor(replace(resources, store=tmp_path / "local"))
    render(local, *frames)
    executor = WorkerExecutor(resources)
    store = FrameStore(resources.store)
    specs = named(*frames)
    try:
        landings = executor.run(plan_batches(specs, specs, store.has))
        first = [next(landings).name for _ in range(FRAMES)]
        os.kill(executor.worker_ids[0], signal.SIGKILL)
        assert set(first) <= set(store.names())
        assert [*first, *(one.name for one in landings)] == list(specs)
    finally:
        executor.close()
    assert contents(store) == contents(local.store)


def test_the_last_preview_equals_the_stored_frame(executor: LocalExecutor, window: MotionWindow) -> None:
    frame = frames_of(window)[3]
    render(executor, frame)
    *_, last = executor.preview(Batch(frames=(frame,)))
    assert np.array_equal(last, executor.store.read(digest(frame)))


def test_a_strength_below_1_keeps_a_window_near_a_blend_of_its_given_frames(executor: LocalExecutor, window: MotionWindow) -> None:
    ends = [executor.store.write_given(np.full((32, 32, 3), grey, np.uint8)) for grey in (40, 200)]
    given = tuple(GivenFrame(index=index, frame=digest(end)) for index, end in zip((0, FRAMES - 1), ends, strict=True))

    def spread(strength: float) -> float:
        bridge = replace(window, given=given, strength=strength, steps=10, guidance=1.0)
        render(executor, *ends, *frames_of(bridge))
        greys = [executor.store.read(digest(frame)).mean() for frame in frames_of(bridge)]
        return float(np.abs(np.diff(greys)).sum())

    assert spread(0.1) > spread(1.0)


def test_blends_are_linear_between_given_frames_and_constant_beyond() -> None:
    blend = blend_given({1: torch.zeros(1, 1), 3: torch.ones(1, 1)}, 5)
    assert blend.flatten().tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_the_image_model_ends_the_frames_of_a_window_alike(executor: LocalExecutor, window: MotionWindow) -> None:
    """Frames of one prompt that the adapter leaves equal end equal, and others than its own."""
    whole = replace(window, motion=replace(window.motion, scale=0.0), keys=window.keys[:1], steps=4)
    ended = replace(whole, motion=replace(whole.motion, denoising_end=0.5))
    render(executor, *frames_of(whole), *frames_of(ended))
    images = [executor.store.read(digest(frame)) for frame in frames_of(ended)]
    assert all(np.array_equal(images[0], image) for image in images)
    assert not np.array_equal(images[0], executor.store.read(digest(frames_of(whole)[0])))


@pytest.mark.parametrize("sampler", ["dpm++", "dpm++ 2s sde", "euler", "heun", "lcm"])
def test_a_window_that_the_image_model_ends_keeps_given_frames_and_comes_to_its_end(
    executor: LocalExecutor, window: MotionWindow, sampler: Sampler
) -> None:
    given = executor.store.write_given(np.full((32, 32, 3), 90, np.uint8))
    ended = replace(
        window,
        motion=replace(window.motion, denoising_end=0.5),
        given=(GivenFrame(index=0, frame=digest(given)),),
        sampler=sampler,
        steps=4,
    )
    batch, checkpoint = Batch(frames=tuple(frames_of(ended))), executor.loaded.checkpoint
    *_, last = executor._denoise(batch, batch.frames, 0)
    torch.testing.assert_close(last.latents[:1], checkpoint.autoencoder.encode(executor.store.read(digest(given))))
    shares = [one.share for one in executor.steps([batch]) if isinstance(one, Denoised)]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_given_frame_of_another_size_is_refused(executor: LocalExecutor, window: MotionWindow) -> None:
    image = executor.store.write_given(np.full((64, 32, 3), 90, np.uint8))
    bad = replace(window, given=(GivenFrame(index=0, frame=digest(image)),))
    with pytest.raises(RenderError, match="has 32 x 64 pixels, and the motion window 32 x 32: give an image of that size"):
        render(executor, image, *frames_of(bad))


def test_an_unknown_adapter_is_refused_by_name(executor: LocalExecutor, window: MotionWindow) -> None:
    with pytest.raises(RenderError, match="needs motion adapter 5ecret, which is not the one given: name it with --motion"):
        render(executor, *frames_of(replace(window, motion=AppliedMotion(adapter="5ecret"))))


def test_a_still_starts_from_a_filmed_frame_of_a_window(
    executor: LocalExecutor, window: MotionWindow, draw: Callable[..., Generated]
) -> None:
    frame = frames_of(window)[1]
    filmed = CameraFrame(frame=digest(frame), warp=Warp(zoom=1.5))
    still = replace(draw(), init=InitImage(frame=digest(filmed), strength=0.5))
    assert [one.name for one in render(executor, frame, filmed, still)] == [digest(frame), digest(still)]
