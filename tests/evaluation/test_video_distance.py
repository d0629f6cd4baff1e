"""Video distance on made-up features."""

import numpy as np

from sakuga.evaluation.metric import Metric, NotMeasured
from sakuga.evaluation.video_distance import FrameFeatures, video_distances

FEATURES = 12


def clips(seed: int, n: int = 24, *, shown: float = 0.0, change: float = 0.1) -> FrameFeatures:
    """Clips of 6 frames that walk from a random start."""
    rng = np.random.default_rng(seed)
    start = rng.normal(shown, 1.0, (n, 1, FEATURES))
    return start + np.cumsum(rng.normal(0.0, change, (n, 6, FEATURES)), axis=1)


def value(metric: object) -> Metric:
    assert isinstance(metric, Metric)
    return metric


def test_other_content_and_other_motion_are_both_far_and_true_clips_are_not() -> None:
    sets = {"true": clips(1), "content": clips(1, shown=1.0), "still": clips(1, change=0.0), "wild": clips(1, change=0.3)}
    found = video_distances(sets, clips(2, 48))
    floor = value(found.metric("true", "true"))
    assert floor.low is not None
    assert floor.low < 0.05
    assert abs(floor.value) < 0.1
    for name in ("content", "still", "wild"):
        assert value(found.metric(name, name)).value > 5 * max(abs(floor.value), 0.02), name
        assert value(found.difference("more", "true", name)).excludes_zero, name


def test_an_equal_set_differs_by_nothing_and_is_once_as_far() -> None:
    far = clips(1, shown=1.0)
    found = video_distances({"base": far, "adapter": far.copy()}, clips(2, 48))
    assert value(found.difference("more", "base", "adapter")).value == 0.0
    same = value(found.ratio("ratio", "base", "adapter"))
    assert (same.value, same.low, same.high) == (1.0, 1.0, 1.0)


def test_clips_do_not_depend_on_the_scale_of_their_features() -> None:
    one, ten = (video_distances({"base": factor * clips(1, shown=1.0)}, factor * clips(2)).metric("base", "base") for factor in (1.0, 10.0))
    assert np.isclose(value(one).value, value(ten).value)


def test_a_single_clip_and_a_distance_below_0_are_not_measured() -> None:
    alone = video_distances({"base": clips(1, 1)}, clips(2))
    assert isinstance(alone.metric("base", "base"), NotMeasured)
    assert isinstance(alone.ratio("ratio", "base", "base"), NotMeasured)
    reference = clips(2)
    assert isinstance(video_distances({"base": reference}, reference).ratio("ratio", "base", "base"), NotMeasured)
