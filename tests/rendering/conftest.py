"""A checkpoint, a store and specs to render."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sakuga.models.checkpoint import Checkpoint, load
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.frame_reader import crossfade
from sakuga.rendering.store import FrameStore
from sakuga.timeline.spec import Drawn, Seeded, Text


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    return FrameStore(tmp_path / "frames")


@pytest.fixture
def executor(tiny_v_folder: Path, store: FrameStore) -> LocalExecutor:
    @cache
    def open_checkpoint(digest: str, precision: Any) -> Checkpoint:
        return load(find_checkpoint(str(tiny_v_folder)), precision=precision)

    return LocalExecutor(open_checkpoint=open_checkpoint, store=store, inbetweener=crossfade)


@pytest.fixture
def draw() -> Callable[..., Drawn]:
    """Make the spec of a small frame."""

    def spec(prompt: str = "a castle", seed: int = 0, **changes: Any) -> Drawn:
        settings = {"width": 32, "height": 32, "steps": 3, "guidance": 3.0} | changes
        return Drawn(checkpoint="tiny", conditioning=Text(prompt=prompt), noise=Seeded(seed=seed), **settings)

    return spec
