"""Frames are batch-invariant, and a faulty one never lands."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sakuga.models.adapters import Adapter, LoraLayer
from sakuga.models.checkpoint import Checkpoint
from sakuga.rendering.batches import Batch, plan_batches
from sakuga.rendering.executor import LocalExecutor, OutOfMemory
from sakuga.rendering.frame_checks import RenderError, find_fault
from sakuga.rendering.resources import Resources
from sakuga.timeline.spec import (
    AppliedStyle,
    Generated,
    ImageEmbedding,
    InBetween,
    InitImage,
    Interpolated,
    NoiseWalk,
    Prompt,
    Sampler,
    Warp,
    digest,
)


def render(executor: LocalExecutor, *frames: Generated) -> list[bytes]:
    """Draw frames in one batch; returns the bytes of their files."""
    landed = list(executor.run([Batch(frames=frames)]))
    assert [one.name for one in landed] == [digest(frame) for frame in frames]
    return [executor.store.path(one.name).read_bytes() for one in landed]


@pytest.mark.parametrize(("batch", "sampler"), [(3, "dpm++"), (8, "dpm++"), (3, "dpm++ 2s sde"), (3, "dpm++ 2s a karras")])
def test_frames_are_batch_invariant(executor: LocalExecutor, draw: Callable[..., Generated], batch: int, sampler: Sampler) -> None:
    frames = [draw(f"a castle {seed}", seed, batch=batch, width=48, sampler=sampler) for seed in range(3)]
    together = render(executor, *frames)
    alone = [render(executor, frame)[0] for frame in frames]
    turned = render(executor, *reversed(frames))[::-1]
    assert together == alone == turned
    assert len(set(together)) == 3


def test_every_kind_of_spec_can_be_rendered(executor: LocalExecutor, draw: Callable[..., Generated]) -> None:
    first, second = draw(seed=1), draw(seed=2)
    between = InBetween(first=digest(first), second=digest(second), at=0.5)
    shown = Interpolated(first=Prompt(prompt="a boat"), second=ImageEmbedding(frame=digest(second)), at=0.5)
    last = replace(
        draw(),
        conditioning=shown,
        noise=NoiseWalk(seed=1, at=0.3),
        init=InitImage(frame=digest(between), strength=0.7, warp=Warp(zoom=1.1)),
    )
    specs = {digest(spec): spec for spec in (first, second, between, last)}
    landed = list(executor.run(plan_batches(specs, [digest(last)], executor.store.has)))
    assert [one.name for one in landed] == [digest(first), digest(second), digest(last)]
    unmoved = replace(last, init=InitImage(frame=digest(between), strength=0.7))
    list(executor.run([Batch(frames=(unmoved,), derived=(between,))]))
    assert not np.array_equal(executor.store.read(digest(last)), executor.store.read(digest(unmoved)))
    coloured = replace(unmoved, init=replace(unmoved.init, color_reference=digest(first)))
    list(executor.run([Batch(frames=(coloured,), derived=(between,))]))
    assert not np.array_equal(executor.store.read(digest(coloured)), executor.store.read(digest(unmoved)))


def test_batches_are_asked_for_one_at_a_time(executor: LocalExecutor, draw: Callable[..., Generated]) -> None:
    asked = []

    def batches():
        for seed in range(3):
            asked.append(seed)
            yield Batch(frames=(draw(seed=seed),))

    landings = executor.run(batches())
    next(landings)
    assert asked == [0]
    next(landings)
    assert asked == [0, 1]


def broken(resources: Resources, change: Callable[[Checkpoint], None]) -> LocalExecutor:
    """An executor whose real networks were damaged."""
    executor = LocalExecutor(resources)
    change(executor.loaded.checkpoint)
    return executor


def spoil_unet(checkpoint: Checkpoint) -> None:
    checkpoint.unet.conv_out.weight.data.fill_(torch.nan)


def spoil_decoder(checkpoint: Checkpoint) -> None:
    checkpoint.vae.decoder.conv_out.weight.data.fill_(torch.nan)


def blacken(checkpoint: Checkpoint) -> None:
    checkpoint.vae.decoder.conv_out.weight.data.zero_()
    checkpoint.vae.decoder.conv_out.bias.data.fill_(-9)


def flatten(checkpoint: Checkpoint) -> None:
    checkpoint.vae.decoder.conv_out.weight.data.zero_()
    checkpoint.vae.decoder.conv_out.bias.data = torch.tensor([0.5, -0.5, 0.1])


@pytest.mark.parametrize(
    ("damage", "word"), [(spoil_unet, "not a number"), (spoil_decoder, "not a number"), (blacken, "black"), (flatten, "uniform")]
)
def test_a_faulty_frame_is_never_passed_on(
    tiny_folder: Path, resources: Resources, draw: Callable[..., Generated], damage: Callable[[Checkpoint], None], word: str
) -> None:
    executor = broken(replace(resources, checkpoint=tiny_folder), damage)
    with pytest.raises(RenderError, match=f"frame {digest(draw())[:12]} came out {word} 4 times"):
        list(executor.run([Batch(frames=(draw(),))]))
    assert list(executor.store.names()) == []


def spoil_seed(checkpoint: Checkpoint, start: torch.Tensor) -> None:
    """Make the UNet fail for one start noise alone."""

    def hook(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        rows = (inputs[0] - start.to(inputs[0])).abs().amax(dim=(1, 2, 3)) < 1e-6
        return torch.where(rows[:, None, None, None], torch.nan, output)

    checkpoint.unet.conv_in.register_forward_hook(hook)


def test_a_faulty_frame_is_generated_with_the_next_seed_and_the_rest_of_its_batch_is_not(
    tiny_folder: Path, resources: Resources, tmp_path: Path, draw: Callable[..., Generated]
) -> None:
    frames = [draw(seed=seed, batch=3, sampler="ddim", guidance=1.0) for seed in (10, 20, 30)]
    start = torch.randn(8, 8, 8, generator=torch.Generator().manual_seed(20))
    resources = replace(resources, checkpoint=tiny_folder)
    executor = broken(resources, lambda checkpoint: spoil_seed(checkpoint, start))
    store = executor.store
    landed = {one.name: one.attempts for one in executor.run([Batch(frames=tuple(frames))])}
    assert [landed[digest(frame)] for frame in frames] == [1, 2, 1]
    assert [store.attempts(digest(frame)) for frame in frames] == [1, 2, 1]
    sound = LocalExecutor(replace(resources, store=tmp_path / "sound"))
    list(sound.run([Batch(frames=(frames[0], draw(seed=21, batch=3, sampler="ddim", guidance=1.0), frames[2]))]))
    expected = [sound.store.read(digest(frame)) for frame in (frames[0], draw(seed=21, batch=3, sampler="ddim", guidance=1.0), frames[2])]
    assert all(np.array_equal(store.read(digest(frame)), picture) for frame, picture in zip(frames, expected, strict=True))


def test_running_out_of_memory_names_the_batch(executor: LocalExecutor, draw: Callable[..., Generated]) -> None:
    batch = Batch(frames=(draw(width=2**24, height=2**24, batch=2),))
    with pytest.raises(OutOfMemory) as caught:
        list(executor.run([batch]))
    assert caught.value.batch == batch
    assert "2 frames of 16777216 x 16777216 at a time" in str(caught.value)


def test_a_spec_that_is_not_supported_is_refused(executor: LocalExecutor, draw: Callable[..., Generated]) -> None:
    with pytest.raises(RenderError, match="asks for approximations"):
        list(executor.run([Batch(frames=(draw(approximations=("deepcache",)),))]))
    with pytest.raises(RenderError, match="needs style 5ty1e, which is not among the styles given"):
        list(executor.run([Batch(frames=(draw(styles=(AppliedStyle(style="5ty1e"),)),))]))


def test_frames_of_one_batch_have_the_same_styles_and_weights(executor: LocalExecutor, draw: Callable[..., Generated]) -> None:
    layer = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0"
    chance = torch.Generator().manual_seed(0)
    factors = LoraLayer(down=torch.randn(2, 32, generator=chance), up=torch.randn(32, 2, generator=chance))
    styled = LocalExecutor(executor.loaded.reopened())
    styled.loaded.adapter = lambda style: Adapter(name=style, layers={layer: factors})
    frames = [draw(batch=2, styles=(AppliedStyle(style="s", weight=weight),)) for weight in (0.0, 0.5, 1.0)]
    frames.append(replace(frames[2], noise=NoiseWalk(seed=3, at=0.5)))
    specs = {digest(frame): frame for frame in frames}
    batches = list(plan_batches(specs, specs, executor.store.has))
    assert [len(batch.frames) for batch in batches] == [1, 1, 2]
    list(styled.run(batches))
    pictures = [executor.store.path(name).read_bytes() for name in specs]
    assert len(set(pictures)) == 4
    list(executor.run([Batch(frames=(plain := draw(batch=2),))]))
    assert np.array_equal(executor.store.read(digest(plain)), executor.store.read(digest(frames[0])))


def test_dark_and_foggy_images_are_no_faults() -> None:
    night = np.zeros((32, 32, 3), dtype=np.float32)
    assert find_fault(night) == "black"
    night[4, 4] = 0.8
    assert find_fault(night) is None
    fog = np.full((32, 32, 3), 0.7, dtype=np.float32)
    assert find_fault(fog) == "uniform"
    fog[16:] += 0.03
    assert find_fault(fog) is None
    fog[0, 0, 0] = np.nan
    assert find_fault(fog) == "not a number"
