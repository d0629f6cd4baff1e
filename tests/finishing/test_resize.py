"""Enlargement covers the size, squashes nothing and calls the upscaler no more often than it must."""

import numpy as np
import pytest

from sakuga.finishing.resize import enlarge


def disc(height: int, width: int) -> np.ndarray:
    down, right = np.mgrid[0:height, 0:width]
    inside = np.hypot(down - (height - 1) / 2, right - (width - 1) / 2) < min(height, width) / 3
    return np.where(inside[..., None], (250, 180, 40), (30, 60, 120)).astype(np.uint8)


@pytest.mark.parametrize(("width", "height", "doublings"), [(128, 64, 0), (140, 70, 0), (256, 128, 1), (300, 150, 2), (512, 256, 2)])
def test_doubles_until_the_size_is_covered(width: int, height: int, doublings: int) -> None:
    calls: list[int] = []

    def double(image: np.ndarray) -> np.ndarray:
        calls.append(image.shape[1])
        return image.repeat(2, axis=0).repeat(2, axis=1)

    assert enlarge(disc(64, 128), width, height, double).shape == (height, width, 3)
    assert len(calls) == doublings


def test_another_aspect_is_cropped_not_squashed() -> None:
    wide = enlarge(disc(64, 64), 192, 128)
    inside = wide[..., 0] > 128
    across, along = inside.any(axis=0).sum(), inside.any(axis=1).sum()
    assert abs(int(across) - int(along)) <= 2


def test_the_same_size_is_the_same_image() -> None:
    assert np.array_equal(enlarge(disc(32, 48), 48, 32), disc(32, 48))


@pytest.mark.parametrize(("width", "height"), [(512, 512), (511, 341), (257, 512), (300, 300)])
def test_any_target_keeps_aspect_and_colors(width: int, height: int) -> None:
    def double(image: np.ndarray) -> np.ndarray:
        return image.repeat(2, axis=0).repeat(2, axis=1)

    made = enlarge(disc(128, 128), width, height, double)
    assert made.shape == (height, width, 3)
    inside = made[..., 0] > 140
    down, right = np.nonzero(inside)
    assert abs(down.mean() - (height - 1) / 2) < 1
    assert abs(right.mean() - (width - 1) / 2) < 1
    radius = max(width, height) / 3
    assert inside.sum() == pytest.approx(
        sum(2 * min(np.sqrt(max(radius**2 - y**2, 0)), width / 2) for y in np.arange(height) - (height - 1) / 2), rel=0.03
    )
