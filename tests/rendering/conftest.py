"""A tiny checkpoint, a store and specs to render."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.resources import Resources
from sakuga.rendering.store import FrameStore
from sakuga.timeline.spec import Generated, Prompt, SeedNoise


@pytest.fixture
def resources(tiny_v_folder: Path, store: FrameStore) -> Resources:
    return Resources(checkpoint=tiny_v_folder, checkpoint_name="tiny", checkpoint_digest="tiny", store=store.root, device="cpu")


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    return FrameStore(tmp_path / "frames")


@pytest.fixture
def executor(resources: Resources) -> LocalExecutor:
    return LocalExecutor(resources)


@pytest.fixture
def draw() -> Callable[..., Generated]:
    """Make the spec of a small frame."""

    def spec(prompt: str = "a castle", seed: int = 0, **changes: Any) -> Generated:
        settings = {"width": 32, "height": 32, "steps": 3, "guidance": 3.0} | changes
        return Generated(checkpoint="tiny", conditioning=Prompt(prompt=prompt), noise=SeedNoise(seed=seed), **settings)

    return spec
