"""Frames of a morph are batch-invariant, and nothing jumps at a joint."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from sakuga.models.conditioning import encode_conditioning, noise_tensors
from sakuga.rendering.batches import Batch, plan_batches
from sakuga.rendering.executor import LocalExecutor
from sakuga.timeline.morph import MorphKey, MorphPath, morph_positions, morph_specs
from sakuga.timeline.spec import Generated, digest

KEYS = tuple(MorphKey(prompt=prompt, seed=7 + place) for place, prompt in enumerate(("a castle", "the (sea:1.4)", "a red boat")))


def test_frames_are_the_same_in_batches_and_alone(executor: LocalExecutor, draw: Callable[..., Generated]) -> None:
    """Tolerance: none in batches of one width, filled or not; one grey level in batches of another."""
    course = MorphPath(keys=KEYS)
    frames = morph_specs(course, morph_positions(course, 11, "smooth"), draw(batch=8, steps=2))
    specs = {digest(frame): frame for frame in frames}
    batches = list(plan_batches(specs, list(specs), executor.store.has))
    assert [len(batch.frames) for batch in batches] == [8, 3]
    names = [landed.name for landed in executor.run(batches)]
    together = [executor.store.path(name).read_bytes() for name in names]
    alone = [executor.store.path(next(executor.run([Batch(frames=(frame,))])).name).read_bytes() for frame in frames]
    assert alone == together
    narrow = morph_specs(course, morph_positions(course, 11, "smooth"), draw(batch=1, steps=2))
    for frame, wide in zip(narrow, names, strict=True):
        name = next(executor.run([Batch(frames=(frame,))])).name
        assert name != wide
        assert np.abs(executor.store.read(name).astype(int) - executor.store.read(wide)).max() <= 1


@pytest.mark.parametrize("keys", [1, 2, 3])
def test_neither_noise_nor_prompt_embeddings_jump_at_a_joint_or_where_a_loop_closes(
    executor: LocalExecutor, draw: Callable[..., Generated], keys: int
) -> None:
    course, shape = MorphPath(keys=KEYS[:keys], closed=True), (8, 8, 8)
    checkpoint = executor.loaded.checkpoint
    for key in range(keys):
        before, here, after = morph_specs(course, ((key - 1e-6) % keys, float(key), key + 1e-6), draw())
        for beside in (before, after):
            assert torch.allclose(next(noise_tensors(beside.noise, shape)), next(noise_tensors(here.noise, shape)), atol=1e-4)
            said, shown = (encode_conditioning(checkpoint, frame.conditioning, executor.store.read) for frame in (beside, here))
            assert torch.allclose(said, shown, atol=1e-4)
