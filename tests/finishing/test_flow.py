"""Optical-flow in-betweens against true images of the moments between."""

import cv2
import numpy as np
import pytest

from sakuga.finishing import flow
from sakuga.finishing.flow import FULL_CONFIDENCE, MIN_CONFIDENCE, FlowPair, Motion, crossfade, flow_pair
from sakuga.finishing.inbetweens import interpolation_between


def scene(moment: float, size: int = 96) -> np.ndarray:
    """A ball and a box that drift over a striped hill under a deep sky, soft-edged."""
    down, right = np.mgrid[0:size, 0:size] / size
    image = np.stack([0.2 + 0.5 * down, 0.4 + 0.3 * down, 0.9 - 0.3 * down], axis=-1)
    hill = np.clip((down - 0.7 - 0.06 * np.sin(9 * (right + 0.1 * moment))) * size, 0, 1)[..., None]
    image = image * (1 - hill) + hill * (0.3 + 0.1 * np.sin(25 * (right + 0.1 * moment)))[..., None] * (0.6, 1.4, 0.7)
    ball = np.clip((0.13 - np.hypot(right - 0.25 - 0.2 * moment, down - 0.35)) * size, 0, 1)[..., None]
    image = image * (1 - ball) + ball * (0.95, 0.7, 0.3) * (0.6 + right[..., None])
    box = np.clip((0.1 - np.maximum(abs(right - 0.75 + 0.15 * moment), abs(down - 0.6))) * size, 0, 1)[..., None]
    return np.rint(np.clip(image * (1 - box) + box * (0.7, 0.2, 0.25), 0, 1) * 255).astype(np.uint8)


def error(made: np.ndarray, true: np.ndarray) -> float:
    return float(np.abs(made.astype(float) - true).mean())


def test_flow_halves_the_error_of_a_crossfade() -> None:
    first, second = scene(0.0), scene(1.0)
    measured = flow_pair(first, second)
    for place in (0.25, 0.5, 0.75):
        true = scene(place)
        assert error(measured.at(place), true) < 0.5 * error(crossfade(first, second, place), true)


def test_the_ends_are_the_images_themselves() -> None:
    first, second = scene(0.0), scene(1.0)
    for method in ("flow", "crossfade"):
        assert np.array_equal(interpolation_between(first, second, method)(0.0), first)
        assert np.array_equal(interpolation_between(first, second, method)(1.0), second)


def test_between_equal_images_nothing_changes() -> None:
    assert np.array_equal(interpolation_between(scene(0.0), scene(0.0))(0.5), scene(0.0))


def test_images_of_different_scenes_are_crossfaded() -> None:
    first, second = scene(0.0), np.random.default_rng(1).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    assert flow_pair(first, second).confidence < MIN_CONFIDENCE < flow_pair(first, scene(1.0)).confidence
    assert np.array_equal(interpolation_between(first, second)(0.3), crossfade(first, second, 0.3))


def blobs(seed: int, size: int = 96) -> np.ndarray:
    """Soft patches of color."""
    noise = np.random.default_rng(seed).normal(size=(size, size, 3)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 5) * 1200 + 128, 0, 255).astype(np.uint8)


def splinters(made: np.ndarray, *ends: np.ndarray) -> float:
    """How much more detail an image has than there is near by in both ends."""
    own, *others = (np.abs(cv2.Laplacian(image.astype(np.float32), cv2.CV_32F)).mean(axis=-1) for image in (made, *ends))
    return float(np.maximum(0, own - cv2.dilate(np.maximum(*others), np.ones((19, 19), np.uint8))).mean())


def test_what_only_one_image_shows_is_not_torn_into_splinters(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = scene(0.0), scene(0.2)
    first[30:70, 20:70], second[30:70, 20:70] = blobs(3)[30:70, 20:70], blobs(13)[30:70, 20:70]
    measured = flow_pair(first, second)
    assert measured.reliability > 0.5, "most of it is found again"
    made = splinters(measured.at(0.5), first, second)
    monkeypatch.setattr(flow, "TORN", (1e6, 2e6))
    assert made < 0.3 * splinters(measured.at(0.5), first, second)


def test_images_with_less_in_common_are_warped_less() -> None:
    def reliability(confidence: float) -> float:
        plane = np.full((8, 8), confidence)
        motion = Motion(image=scene(0.0, 8), flow=np.zeros((8, 8, 2), np.float32), confidence=plane, benefit=plane)
        return FlowPair(forward=motion, backward=motion).reliability

    assert reliability(MIN_CONFIDENCE) == 0.0
    assert reliability((MIN_CONFIDENCE + FULL_CONFIDENCE) / 2) == pytest.approx(0.5)
    assert reliability(FULL_CONFIDENCE) == pytest.approx(1.0)
    assert reliability(1.0) == 1.0


def test_a_change_of_light_alone_is_a_crossfade() -> None:
    first = scene(0.0)
    second = (first * 0.7).astype(np.uint8)
    assert error(interpolation_between(first, second)(0.5), crossfade(first, second, 0.5)) < 2.0


@pytest.mark.parametrize("size", [(64, 97), (97, 64), (16, 16)])
def test_any_size_works(size: tuple[int, int]) -> None:
    first, second = scene(0.0, 97)[: size[0], : size[1]], scene(0.3, 97)[: size[0], : size[1]]
    assert interpolation_between(first, second)(0.5).shape == (*size, 3)
