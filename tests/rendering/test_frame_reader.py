"""Names become pictures, in order, with few of them in memory."""

import weakref
from collections.abc import Callable

import numpy as np
import pytest

from sakuga.rendering.frame_reader import crossfade, develop
from sakuga.rendering.store import FrameStore, StoreError
from sakuga.timeline.spec import Between, Drawn, digest


def grey(value: int) -> np.ndarray:
    return np.full((8, 8, 3), value, dtype=np.uint8)


def test_drawn_given_and_between_frames_come_in_the_order_asked(store: FrameStore, draw: Callable[..., Drawn]) -> None:
    first, second = draw(seed=1), store.given(grey(200))
    store.write(first, grey(100))
    quarter = Between(first=digest(first), second=digest(second), at=0.25)
    nested = Between(first=digest(quarter), second=digest(second), at=0.5, way="crossfade")
    specs = {digest(spec): spec for spec in (first, second, quarter, nested)}
    order = [digest(spec) for spec in (first, quarter, nested, second, second, first)]
    assert [picture[0, 0, 0] for picture in develop(specs, order, store.read, crossfade)] == [100, 125, 162, 200, 200, 100]


def test_two_pictures_are_looked_at_once_for_all_their_inbetweens(store: FrameStore, draw: Callable[..., Drawn]) -> None:
    first, second = draw(seed=1), draw(seed=2)
    store.write(first, grey(1))
    store.write(second, grey(2))
    looked, made = [], []

    def inbetweener(one: np.ndarray, other: np.ndarray, way: str) -> Callable[[float], np.ndarray]:
        looked.append((one[0, 0, 0], other[0, 0, 0], way))
        return lambda at: made.append(at) or one

    betweens = [Between(first=digest(first), second=digest(second), at=at) for at in (0.25, 0.5)]
    specs = {digest(spec): spec for spec in (first, second, *betweens)}
    list(develop(specs, map(digest, betweens), store.read, inbetweener))
    assert looked == [(1, 2, "flow")]
    assert made == [0.25, 0.5]


def test_few_pictures_are_alive_at_a_time(store: FrameStore, draw: Callable[..., Drawn]) -> None:
    frames = [draw(seed=seed) for seed in range(30)]
    for seed, frame in enumerate(frames):
        store.write(frame, grey(seed))
    alive: list[weakref.ref[np.ndarray]] = []
    for picture in develop({digest(frame): frame for frame in frames}, map(digest, frames), store.read, crossfade):
        alive.append(weakref.ref(picture))
        del picture
        assert sum(one() is not None for one in alive) <= 7


def test_a_frame_that_was_never_drawn_is_named(store: FrameStore, draw: Callable[..., Drawn]) -> None:
    frame = draw(seed=1)
    with pytest.raises(StoreError, match=digest(frame)[:12]):
        list(develop({digest(frame): frame}, [digest(frame)], store.read, crossfade))
