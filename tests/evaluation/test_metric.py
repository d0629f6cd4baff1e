"""Metrics keep their n and interval in JSON, and refuse mismatched inputs."""

import json

import numpy as np
import pytest

from sakuga.evaluation.metric import Metric, MetricError, NotMeasured, along, difference, from_json, mean, paired, ratio, share, to_json


def test_metrics_round_trip_through_json() -> None:
    outcomes = (
        mean("clip.drawn", [20.0, 22.0, 30.0], ceiling=33.0, note="of three"),
        share("fidelity.time", [True, True, False, True]),
        NotMeasured(key="fd.classifier", reason="4 images in 256 features", instead="look at kid"),
        mean("ssim", [0.5]),
    )
    values = json.loads(json.dumps(to_json(outcomes)))
    assert from_json(values) == outcomes
    assert values["clip.drawn"] == 24.0
    assert values["n.clip.drawn"] == 3
    assert values["low.clip.drawn"] < 24.0 < values["high.clip.drawn"]
    assert values["ceiling.clip.drawn"] == 33.0
    assert "low.ssim" not in values
    assert str(outcomes[2]) == "not measured: 4 images in 256 features; look at kid"


def test_a_difference_is_clear_if_its_interval_excludes_zero() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 10, 40)
    assert paired("d", noise, noise + 1 + 0.1 * rng.normal(size=40)).excludes_zero
    assert not difference("d", noise, rng.permutation(noise) + 1).excludes_zero
    assert not paired("d", [1.0], [2.0]).excludes_zero
    assert paired("d", [1.0], [2.0]).value == 1.0
    assert difference("d", [1.0, 2.0], [4.0, 5.0, 6.0]).value == pytest.approx(3.5)


def test_a_short_clip_has_a_metric_without_interval() -> None:
    assert along("flicker", [1.0, 2.0]).interval is None
    assert along("flicker", np.arange(24.0)).interval is not None


def test_inputs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(MetricError, match="d: 2 images cannot be paired with 3: generate both from the same prompts and seeds"):
        paired("d", [1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(MetricError, match="clip: there is nothing to measure"):
        mean("clip", [])
    with pytest.raises(MetricError, match="2 values cannot belong to 1 groups"):
        mean("clip", [1.0, 2.0], groups=["a"])
    with pytest.raises(MetricError, match=r"kid has no n\.kid beside it"):
        from_json({"kid": 3.0})
    with pytest.raises(MetricError, match="kid is 'much': metrics are plain numbers"):
        from_json({"kid": "much", "n.kid": 3})
    with pytest.raises(ValueError, match=r"no metric may be named 'n\.kid'"):
        Metric(key="n.kid", value=1.0, n=1)
    with pytest.raises(ValueError, match="kid is nan with n 3"):
        Metric(key="kid", value=float("nan"), n=3)
    with pytest.raises(ValueError, match="kid was measured twice"):
        to_json([mean("kid", [1.0]), mean("kid", [2.0])])


def test_a_ratio_of_proportional_pairs_is_certain_and_one_to_nothing_is_not_measured() -> None:
    double = ratio("ratio.motion", [1.0, 2.0, 5.0], [2.0, 4.0, 10.0])
    assert isinstance(double, Metric)
    assert (double.value, double.low, double.high, double.n) == (2.0, 2.0, 2.0, 3)
    mixed = ratio("ratio.motion", [1.0, 2.0, 5.0], [5.0, 2.0, 1.0])
    assert isinstance(mixed, Metric)
    assert mixed.low is not None
    assert mixed.high is not None
    assert mixed.low < mixed.value == 1.0 < mixed.high
    assert isinstance(ratio("ratio.motion", [0.0, 0.0], [1.0, 1.0]), NotMeasured)
    with pytest.raises(MetricError, match="3 values cannot be paired with 2"):
        ratio("ratio.motion", [1.0, 2.0, 3.0], [1.0, 2.0])
