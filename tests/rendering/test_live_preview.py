"""Whoever watches a render sees the newest preview, and each is numbered."""

import numpy as np

from sakuga.rendering.live_preview import LivePreviews

IMAGE = np.zeros((8, 8, 3), dtype=np.uint8)


def test_previews_count_up_from_one() -> None:
    live, seen = LivePreviews(every=0), []
    for done in (3, 5, 9):
        live.show(lambda: IMAGE, done)
        assert live.newest
        seen.append((live.newest.number, live.newest.done))
    assert seen == [(1, 3), (2, 5), (3, 9)]


def test_steps_that_follow_at_once_are_not_decoded() -> None:
    live, decoded = LivePreviews(every=3600), list[int]()
    for done in (1, 2, 3):
        live.show(lambda done=done: decoded.append(done) or IMAGE, done)
    assert decoded == [1]
    assert live.newest
    assert live.newest.number == 1
