"""Depth and control are scored against the truth, and what all scenes share counts for nothing."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sakuga.evaluation.depth_control import Led, depth_figures, grey, score_layout, unplaced
from sakuga.evaluation.score import held_out_cases, moment_of
from sakuga.models.classifier import ATTRIBUTES, codes_stated
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.studio.core.work import Work


@pytest.fixture(scope="module")
def true() -> np.ndarray:
    return np.stack([moment_of(case.seed).depth(128, 128) for case in held_out_cases(24)])


def test_an_estimator_that_knows_the_truth_scores_one(true: np.ndarray) -> None:
    pictures = np.stack([grey(near) for near in true])
    figures = depth_figures(lambda picture: np.float32(picture[..., 0] / 255), true, pictures, 255 - pictures)
    assert figures["depth.rank_correlation"] == pytest.approx(1.0, abs=0.03)
    assert figures["depth.raw"] == pytest.approx(1.0, abs=0.03)
    assert figures["depth.drawn.raw"] == pytest.approx(-1.0, abs=0.03)
    assert figures["n.depth.drawn.rank_correlation"] == 24


def test_the_mean_map_alone_scores_nothing_but_in_the_raw_figure(true: np.ndarray) -> None:
    mean = np.broadcast_to(true.mean(axis=0), true.shape) + np.random.default_rng(0).normal(0, 1e-3, true.shape).astype(np.float32)
    figures = Led(control=true, drawn=np.zeros((24, 128, 128, 3), np.uint8), read=np.float32(mean)).figures()
    assert figures["control.raw"] > 0.7
    assert abs(figures["control.rank_correlation"]) < 0.05


def test_drawings_that_follow_their_control_do_not_follow_anothers(true: np.ndarray) -> None:
    figures = Led(control=true, drawn=np.zeros((24, 128, 128, 3), np.uint8), read=true).figures()
    assert figures["control.rank_correlation"] == pytest.approx(1.0)
    assert figures["control.shuffled_raw"] > 0.5
    assert figures["control.shuffled"] < 0.4


def test_prompts_of_control_say_nothing_of_the_layout() -> None:
    for case in held_out_cases(40):
        stated = codes_stated(read_labels(unplaced(case.labels)))
        said = {name for name, code in zip(ATTRIBUTES, stated, strict=True) if code >= 0} - {"portrait", "look"}
        assert said <= {"time", "weather"}


def test_a_folder_is_scored_with_its_own_estimator(weights: Path) -> None:
    asked: list[str] = []

    def lead(captions: Sequence[str], near: np.ndarray) -> np.ndarray:
        asked.extend(captions)
        return np.stack([grey(one) for one in near])

    figures, led = Work(score_layout(weights, lead, n=4)).result()
    assert asked == [unplaced(case.labels) for case in held_out_cases(4)]
    assert led is not None
    assert led.sheet(count=3, columns=2).shape == (2 * 132, 2 * (3 * 128 + 8), 3)
    names = {name for name in figures if not name.startswith("n.")}
    assert {"depth.rank_correlation", "depth.raw", "control.rank_correlation", "control.raw", "control.shuffled"} <= names
    assert {f"n.{name}" for name in names} <= figures.keys()
    alone, nothing = Work(score_layout(weights, None, n=2)).result()
    assert nothing is None
    assert not any(name.startswith("control") for name in alone)
