"""Masks are found of what stands out, and of faces; where there is nothing there is none."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from sakuga.datasets.mask_finding import face_mask, subject_mask
from sakuga.sketchbook import scene


def overlap(found: np.ndarray, true: np.ndarray) -> float:
    return float((found & true).sum() / (found | true).sum())


def test_a_subject_is_cut_out() -> None:
    image = np.full((96, 160, 3), (90, 140, 200), np.uint8)
    image[60:] = (60, 120, 60)
    image = cv2.add(image, np.random.default_rng(0).integers(0, 8, image.shape).astype(np.uint8))
    true = np.zeros(image.shape[:2], np.uint8)
    cv2.circle(true, (110, 50), 24, 1, -1)
    image[true == 1] = (220, 60, 40)
    mask = subject_mask(image)
    assert mask is not None
    assert (mask.shape, mask.dtype) == ((96, 160), np.uint8)
    assert overlap(mask > 127, true == 1) > 0.95
    assert np.array_equal(subject_mask(image), mask), "the same image has the same mask"  # type: ignore[arg-type]


def test_subjects_of_the_world_are_mostly_covered() -> None:
    overlaps = []
    for seed in (0, 1, 2, 3, 4, 6, 7, 8):
        shown = scene.sample(seed, portrait=False)
        whole, empty = (
            replace(shown, labels=labels).at(0.0).image(128, 128) for labels in (shown.labels, replace(shown.labels, subject="none"))
        )
        true = np.abs(whole.astype(int) - empty).max(axis=2) > 24
        mask = subject_mask(whole)
        if true.mean() > 0.01 and mask is not None:
            overlaps.append(overlap(mask > 127, true))
    assert len(overlaps) >= 4
    assert np.mean(overlaps) > 0.5


@pytest.mark.parametrize("shape", [(1, 1, 3), (64, 64, 3), (5, 200, 3)])
def test_a_plain_image_has_no_mask(shape: tuple[int, int, int]) -> None:
    plain = np.full(shape, 120, np.uint8)
    assert subject_mask(plain) is None
    assert face_mask(plain) is None


def test_a_head_is_covered() -> None:
    mask = face_mask(astronaut())
    assert mask is not None
    assert mask[100, 220] == 255, "her face"
    assert mask[400, 100] == 0
    assert 0.02 < (mask > 0).mean() < 0.3
