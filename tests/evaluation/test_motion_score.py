"""Metrics of clips against true ones, on made-up measurements."""

from dataclasses import replace

import numpy as np
import pytest

from sakuga.evaluation.clip_measures import NAMES, ClipMeasures
from sakuga.evaluation.metric import Measurement, Metric, NotMeasured
from sakuga.evaluation.motion_score import SIDES, MeasuredSides, joint_metrics, loop_metric, motion_metrics

CLIPS, FRAMES = 6, 5


def measures(*, flicker: float = 1.0, motion: float = 1.0, change: float = 0.1) -> ClipMeasures:
    rng = np.random.default_rng(3)
    spread = 1 + np.arange(CLIPS) / CLIPS
    features = rng.normal(size=(CLIPS, 1, 8)) + change * np.cumsum(rng.normal(size=(CLIPS, FRAMES, 8)), axis=1)
    codes = np.zeros((CLIPS, FRAMES, len(NAMES)), np.int64)
    return ClipMeasures(flicker=flicker * spread, motion=motion * spread, step=motion * spread, codes=codes, features=features)


def metrics(adapter: ClipMeasures, base: ClipMeasures | None = None) -> dict[str, Measurement]:
    sides = {side: measures() for side in SIDES} | {"base": base or measures(motion=0.1), "adapter": adapter}
    codes = np.zeros((CLIPS, len(NAMES)), np.int64)
    rng = np.random.default_rng(4)
    reference = rng.normal(size=(CLIPS, 1, 8)) + 0.1 * np.cumsum(rng.normal(size=(CLIPS, FRAMES, 8)), axis=1)
    measured = MeasuredSides(sides=sides, labels=codes, stated=codes, reference=reference)
    return {metric.key: metric for metric in motion_metrics(measured)}


def value(metric: Measurement) -> float:
    assert isinstance(metric, Metric)
    return metric.value


def test_clips_as_true_ones_reach_every_ratio() -> None:
    found = metrics(measures())
    assert value(found["ratio.adapter.flicker"]) == value(found["ratio.adapter.motion"]) == 1.0
    assert value(found["ratio.base.motion"]) == pytest.approx(0.1)
    assert value(found["adapter.identity"]) == value(found["adapter.scene"]) == value(found["adapter.stated"]) == 1.0


def test_the_ratio_of_proportional_clips_is_certain() -> None:
    found = metrics(measures(flicker=3.0))["ratio.adapter.flicker"]
    assert isinstance(found, Metric)
    assert (found.value, found.low, found.high) == pytest.approx((3.0, 3.0, 3.0))
    assert found.n == CLIPS


def test_a_subject_lost_in_one_frame_of_one_clip_counts_once() -> None:
    lost = measures()
    lost.codes[2, 3, NAMES.index("subject")] = 4
    found = metrics(lost)
    assert value(found["adapter.identity"]) == pytest.approx(1 - 1 / CLIPS)
    assert value(found["more.identity"]) == pytest.approx(-1 / CLIPS)
    assert value(found["adapter.scene"]) == 1.0


def test_wild_clips_are_farther_than_calm_ones() -> None:
    found = metrics(measures(change=2.0), measures())
    assert value(found["more.distance"]) > 0
    assert value(found["base.distance"]) == value(found["true.distance"])


def test_a_clip_without_flow_on_one_side_is_left_out_on_all() -> None:
    lost = measures()
    lost.flicker[1] = np.nan
    found = metrics(lost)
    assert {metric.n for key, metric in found.items() if key.endswith(".flicker") and isinstance(metric, Metric)} == {CLIPS - 1}
    none = metrics(replace(lost, flicker=np.full(CLIPS, np.nan)))
    assert isinstance(none["adapter.flicker"], NotMeasured)


def test_joints_and_loops_are_measured_on_clips_that_move() -> None:
    ramp = np.stack([np.full((16, 16, 3), level, np.uint8) for level in range(0, 80, 10)])
    still = np.zeros_like(ramp)
    assert [metric.n for metric in joint_metrics([ramp], [ramp], [4]) if isinstance(metric, Metric)] == [1, 1]
    assert isinstance(loop_metric([still]), NotMeasured)
    assert value(loop_metric([ramp, still])) > 2
