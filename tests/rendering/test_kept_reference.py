"""A reference goes through the UNet once for all frames that attend to it, and changes none of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sakuga.models import reference_attention
from sakuga.rendering.batches import Batch
from sakuga.rendering.executor import LocalExecutor
from sakuga.timeline.spec import Generated, Prompt, Reference, SeedNoise, digest


def render(executor: LocalExecutor, *frames: Generated) -> list[np.ndarray]:
    """Render frames, each in a batch of its own."""
    list(executor.run(Batch(frames=(frame,)) for frame in frames))
    return [executor.store.read(digest(frame)) for frame in frames]


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Record each pass of a reference through the UNet."""
    seen, record = [], reference_attention.record_self_attention
    monkeypatch.setattr(reference_attention, "record_self_attention", lambda *inputs: seen.append(inputs) or record(*inputs))
    return seen


def test_frames_with_other_settings_read_the_reference_anew(
    executor: LocalExecutor, draw: Callable[..., Generated], passes: list[Any], tmp_path: Path
) -> None:
    first = draw(seed=1)
    render(executor, first)
    kept = Reference(frame=digest(first), prompt=Prompt(prompt="a boat"), noise=SeedNoise(seed=2), weight=4.0)
    frames = [draw(seed=seed, reference=kept) for seed in (3, 4, 5)]
    others = [
        draw(seed=3, reference=kept, steps=4),
        draw(seed=3, reference=kept, sampler="ddim"),
        draw(seed=3, reference=kept, width=48),
        draw(seed=3, reference=replace(kept, noise=SeedNoise(seed=9))),
    ]
    images = render(executor, *frames, *others)
    assert len(passes) == 3 + 4 + 3 + 3 + 3
    for place, spec in enumerate([*frames, *others]):
        alone = LocalExecutor(executor.loaded.reopened(tmp_path / f"alone {place}"))
        assert np.array_equal(render(alone, first, spec)[1], images[place])
