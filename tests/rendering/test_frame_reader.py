"""Frames are read by name, in order, with few in memory."""

import weakref
from collections.abc import Callable

import numpy as np
import pytest

from sakuga.rendering.frame_reader import read_frames
from sakuga.rendering.store import FrameStore, StoreError
from sakuga.timeline.spec import Generated, InBetween, digest


def crossfade(first: np.ndarray, second: np.ndarray, method: str) -> Callable[[float], np.ndarray]:
    return lambda at: np.round(first * (1 - at) + second * at).astype(np.uint8)


def grey(value: int) -> np.ndarray:
    return np.full((8, 8, 3), value, dtype=np.uint8)


def test_frames_come_in_the_order_requested(store: FrameStore, draw: Callable[..., Generated]) -> None:
    first, second = draw(seed=1), store.write_given(grey(200))
    store.write(first, grey(100))
    quarter = InBetween(first=digest(first), second=digest(second), at=0.25)
    nested = InBetween(first=digest(quarter), second=digest(second), at=0.5, method="crossfade")
    specs = {digest(spec): spec for spec in (first, second, quarter, nested)}
    order = [digest(spec) for spec in (first, quarter, nested, second, second, first)]
    assert [picture[0, 0, 0] for picture in read_frames(specs, order, store.read, crossfade)] == [100, 125, 162, 200, 200, 100]


def test_motion_is_measured_once_for_all_in_betweens_of_a_pair(store: FrameStore, draw: Callable[..., Generated]) -> None:
    first, second = draw(seed=1), draw(seed=2)
    store.write(first, grey(1))
    store.write(second, grey(2))
    measured, made = [], []

    def interpolate(one: np.ndarray, other: np.ndarray, way: str) -> Callable[[float], np.ndarray]:
        measured.append((one[0, 0, 0], other[0, 0, 0], way))
        return lambda at: made.append(at) or one

    betweens = [InBetween(first=digest(first), second=digest(second), at=at) for at in (0.25, 0.5)]
    specs = {digest(spec): spec for spec in (first, second, *betweens)}
    list(read_frames(specs, map(digest, betweens), store.read, interpolate))
    assert measured == [(1, 2, "flow")]
    assert made == [0.25, 0.5]


def test_few_images_are_in_memory_at_a_time(store: FrameStore, draw: Callable[..., Generated]) -> None:
    frames = [draw(seed=seed) for seed in range(30)]
    for seed, frame in enumerate(frames):
        store.write(frame, grey(seed))
    alive: list[weakref.ref[np.ndarray]] = []
    for picture in read_frames({digest(frame): frame for frame in frames}, map(digest, frames), store.read, crossfade):
        alive.append(weakref.ref(picture))
        del picture
        assert sum(one() is not None for one in alive) <= 7


def test_a_missing_frame_is_named(store: FrameStore, draw: Callable[..., Generated]) -> None:
    frame = draw(seed=1)
    with pytest.raises(StoreError, match=digest(frame)[:12]):
        list(read_frames({digest(frame): frame}, [digest(frame)], store.read, crossfade))
