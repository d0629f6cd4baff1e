"""The frames of a morph are those that each would be alone, and nothing jumps where one way meets the next."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from sakuga.models.conditioning import draws, embedding
from sakuga.rendering.batches import Batch, plan
from sakuga.rendering.executor import LocalExecutor
from sakuga.timeline.morph import Course, Key, frames_at, places
from sakuga.timeline.spec import Drawn, digest

KEYS = tuple(Key(prompt=prompt, seed=7 + place) for place, prompt in enumerate(("a castle", "the (sea:1.4)", "a red boat")))


def test_frames_are_the_same_in_batches_and_alone(executor: LocalExecutor, draw: Callable[..., Drawn]) -> None:
    """Tolerance: none in batches of one width, filled or not; one grey level in batches of another."""
    course = Course(keys=KEYS)
    frames = frames_at(course, places(course, 11, "smooth"), draw(batch=8, steps=2))
    specs = {digest(frame): frame for frame in frames}
    batches = list(plan(specs, list(specs), executor.store.has))
    assert [len(batch.frames) for batch in batches] == [8, 3]
    names = [landed.name for landed in executor.run(batches)]
    together = [executor.store.path(name).read_bytes() for name in names]
    alone = [executor.store.path(next(executor.run([Batch(frames=(frame,))])).name).read_bytes() for frame in frames]
    assert alone == together
    narrow = frames_at(course, places(course, 11, "smooth"), draw(batch=1, steps=2))
    for frame, wide in zip(narrow, names, strict=True):
        name = next(executor.run([Batch(frames=(frame,))])).name
        assert name != wide
        assert np.abs(executor.store.read(name).astype(int) - executor.store.read(wide)).max() <= 1


@pytest.mark.parametrize("keys", [1, 2, 3])
def test_neither_noise_nor_words_jump_at_a_joint_or_where_a_loop_closes(
    executor: LocalExecutor, draw: Callable[..., Drawn], keys: int
) -> None:
    course, shape = Course(keys=KEYS[:keys], closed=True), (8, 8, 8)
    checkpoint = executor.open_checkpoint("tiny", "fp32")
    for key in range(keys):
        before, here, after = frames_at(course, ((key - 1e-6) % keys, float(key), key + 1e-6), draw())
        for beside in (before, after):
            assert torch.allclose(next(draws(beside.noise, shape)), next(draws(here.noise, shape)), atol=1e-4)
            said, shown = (embedding(checkpoint, frame.conditioning, executor.store.read) for frame in (beside, here))
            assert torch.allclose(said, shown, atol=1e-4)
