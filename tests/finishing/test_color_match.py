"""Colour match undoes drift and nothing else."""

import numpy as np

from sakuga.finishing.color_match import lab_distance, match_color


def landscape(seed: int = 0) -> np.ndarray:
    soft = np.array([90, 120, 150]) + np.cumsum(np.random.default_rng(seed).normal(0, 2, (64, 64, 3)), axis=1)
    return np.clip(soft, 0, 255).astype(np.uint8)


def test_drift_is_corrected() -> None:
    true = landscape()
    drifted = np.clip(true * np.array([1.12, 0.95, 1.05]) + (8, -4, 6), 0, 255).astype(np.uint8)
    assert lab_distance(drifted, true) > 6.0
    assert lab_distance(match_color(drifted, true), true) < 1.0
    assert np.abs(match_color(drifted, true).astype(int) - true).mean() < 2.0


def test_amount_goes_from_nothing_to_all() -> None:
    drifted, true = np.clip(landscape() + np.array([14, 0, 10]), 0, 255).astype(np.uint8), landscape()
    distances = [lab_distance(match_color(drifted, true, amount), true) for amount in (0.0, 0.5, 1.0)]
    assert distances[0] > 1.5 * distances[1] > 3 * distances[2]
    assert np.abs(match_color(drifted, true, 0.0).astype(int) - drifted).max() <= 1


def test_an_image_matched_to_itself_is_unchanged() -> None:
    assert np.abs(match_color(landscape(), landscape()).astype(int) - landscape()).max() <= 1


def test_a_small_bright_thing_is_no_drift() -> None:
    true, with_sun = landscape(), landscape()
    with_sun[4:12, 4:12] = (255, 250, 200)
    assert np.abs(match_color(with_sun, true)[20:].astype(int) - true[20:]).mean() < 1.5


def test_plain_images_are_not_distorted() -> None:
    grey = np.full((16, 16, 3), 120, np.uint8)
    assert np.abs(match_color(grey, grey).astype(int) - grey).max() <= 1
    assert (match_color(grey, landscape()) == match_color(grey, landscape())[0, 0]).all()


def test_lab_distance_knows_black_and_white() -> None:
    black, white = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    assert abs(lab_distance(black, white) - 100.0) < 0.1
