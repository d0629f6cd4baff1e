"""Depth and control are scored against the truth, without what all scenes share."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sakuga.evaluation.depth_control import ControlledImages, caption_without_layout, depth_figures, grey, score_layout
from sakuga.evaluation.held_out import held_out_cases, held_out_moment
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.label_codes import ATTRIBUTES, stated_codes
from sakuga.studio.core.work import Work


@pytest.fixture(scope="module")
def true() -> np.ndarray:
    return np.stack([held_out_moment(case.seed).depth(128, 128) for case in held_out_cases(24)])


def test_a_perfect_estimator_scores_1(true: np.ndarray) -> None:
    images = np.stack([grey(near) for near in true])
    figures = depth_figures(lambda image: np.float32(image[..., 0] / 255), true, images, 255 - images)
    assert figures["depth.rank_correlation"] == pytest.approx(1.0, abs=0.03)
    assert figures["depth.raw"] == pytest.approx(1.0, abs=0.03)
    assert figures["depth.drawn.raw"] == pytest.approx(-1.0, abs=0.03)
    assert figures["n.depth.drawn.rank_correlation"] == 24


def test_the_mean_map_scores_only_in_the_raw_metric(true: np.ndarray) -> None:
    mean = np.broadcast_to(true.mean(axis=0), true.shape) + np.random.default_rng(0).normal(0, 1e-3, true.shape).astype(np.float32)
    figures = ControlledImages(control=true, generated=np.zeros((24, 128, 128, 3), np.uint8), estimated=np.float32(mean)).metrics()
    assert figures["control.raw"] > 0.7
    assert abs(figures["control.rank_correlation"]) < 0.05


def test_controlled_images_match_their_own_map_only(true: np.ndarray) -> None:
    figures = ControlledImages(control=true, generated=np.zeros((24, 128, 128, 3), np.uint8), estimated=true).metrics()
    assert figures["control.rank_correlation"] == pytest.approx(1.0)
    assert figures["control.shuffled_raw"] > 0.5
    assert figures["control.shuffled"] < 0.4


def test_control_prompts_do_not_state_the_layout() -> None:
    for case in held_out_cases(40):
        stated = stated_codes(read_labels(caption_without_layout(case.labels)))
        names = {name for name, code in zip(ATTRIBUTES, stated, strict=True) if code >= 0} - {"portrait", "look"}
        assert names <= {"time", "weather"}


def test_a_folder_is_scored_with_its_own_estimator(weights: Path) -> None:
    requested: list[str] = []

    def generate(captions: Sequence[str], near: np.ndarray) -> np.ndarray:
        requested.extend(captions)
        return np.stack([grey(nearness) for nearness in near])

    figures, controlled = Work(score_layout(weights, generate, n=4)).result()
    assert requested == [caption_without_layout(case.labels) for case in held_out_cases(4)]
    assert controlled is not None
    assert controlled.sheet(count=3, columns=2).shape == (2 * 132, 2 * (3 * 128 + 8), 3)
    names = {name for name in figures if not name.startswith("n.")}
    assert {"depth.rank_correlation", "depth.raw", "control.rank_correlation", "control.raw", "control.shuffled"} <= names
    assert {f"n.{name}" for name in names} <= figures.keys()
    alone, nothing = Work(score_layout(weights, None, n=2)).result()
    assert nothing is None
    assert not any(name.startswith("control") for name in alone)
