"""Figures carry their n and interval through JSON, and refuse what does not fit."""

import json

import numpy as np
import pytest

from sakuga.evaluation.figure import Figure, Refused, ScoreError, along, difference, from_json, mean, paired, share, to_json


def test_figures_come_back_from_json_as_they_went() -> None:
    outcomes = (
        mean("clip.drawn", [20.0, 22.0, 30.0], ceiling=33.0, note="of three"),
        share("fidelity.time", [True, True, False, True]),
        Refused(key="fd.classifier", reason="4 pictures in 256 features", instead="look at kid"),
        mean("ssim", [0.5]),
    )
    said = json.loads(json.dumps(to_json(outcomes)))
    assert from_json(said) == outcomes
    assert said["clip.drawn"] == 24.0
    assert said["n.clip.drawn"] == 3
    assert said["low.clip.drawn"] < 24.0 < said["high.clip.drawn"]
    assert said["ceiling.clip.drawn"] == 33.0
    assert "low.ssim" not in said
    assert str(outcomes[2]) == "not measured: 4 pictures in 256 features; look at kid"


def test_a_difference_is_clear_where_its_interval_leaves_out_nothing() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 10, 40)
    assert paired("d", noise, noise + 1 + 0.1 * rng.normal(size=40)).clear
    assert not difference("d", noise, rng.permutation(noise) + 1).clear
    assert not paired("d", [1.0], [2.0]).clear
    assert paired("d", [1.0], [2.0]).value == 1.0
    assert difference("d", [1.0, 2.0], [4.0, 5.0, 6.0]).value == pytest.approx(3.5)


def test_a_clip_of_few_frames_has_a_figure_without_interval() -> None:
    assert along("flicker", [1.0, 2.0]).interval is None
    assert along("flicker", np.arange(24.0)).interval is not None


def test_what_does_not_fit_is_refused_in_words() -> None:
    with pytest.raises(ScoreError, match="d: 2 pictures cannot be paired with 3: draw both from the same prompts and seeds"):
        paired("d", [1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ScoreError, match="clip: there is nothing to measure"):
        mean("clip", [])
    with pytest.raises(ScoreError, match="2 values cannot belong to 1 groups"):
        mean("clip", [1.0, 2.0], groups=["a"])
    with pytest.raises(ScoreError, match=r"kid has no n\.kid beside it"):
        from_json({"kid": 3.0})
    with pytest.raises(ScoreError, match="kid is 'much': figures are plain numbers"):
        from_json({"kid": "much", "n.kid": 3})
    with pytest.raises(ValueError, match=r"no figure may be called 'n\.kid'"):
        Figure(key="n.kid", value=1.0, n=1)
    with pytest.raises(ValueError, match="kid is nan of 3"):
        Figure(key="kid", value=float("nan"), n=3)
    with pytest.raises(ValueError, match="kid was measured twice"):
        to_json([mean("kid", [1.0]), mean("kid", [2.0])])
