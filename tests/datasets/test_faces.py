"""Faces are located in a photograph; without one the focus is on detail."""

import numpy as np
import pytest
from skimage import data

from sakuga.datasets.buckets import Box
from sakuga.datasets.faces import detail_focus, face_focus, find_faces


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    """A photograph of a person (NASA, in scikit-image): 512 x 512, her face above the middle."""
    return np.asarray(data.astronaut())


@pytest.mark.parametrize("times", [1, 2])
def test_a_face_is_located_at_any_size(astronaut: np.ndarray, times: int) -> None:
    face, *others = find_faces(astronaut.repeat(times, axis=0).repeat(times, axis=1))
    assert others == []
    assert 160 * times < face.left < face.right < 285 * times
    assert 55 * times < face.top < face.bottom < 180 * times


def test_a_plain_or_tiny_image_has_no_face() -> None:
    assert find_faces(np.full((80, 120, 3), 128, np.uint8)) == []
    assert find_faces(np.zeros((4, 300, 3), np.uint8)) == []


def test_the_focus_of_a_face_includes_the_shoulders_and_stays_inside() -> None:
    assert face_focus(Box(left=20, top=10, right=60, bottom=50), 200, 100) == (0.2, 0.5)
    assert face_focus(Box(left=0, top=60, right=40, bottom=110), 40, 100) == (0.5, 1.0)


def test_the_focus_of_detail_is_where_the_edges_are() -> None:
    image = np.full((60, 200, 3), 90, np.uint8)
    assert detail_focus(image) == (0.5, 0.5)
    image[10:30, 150:190] = np.indices((20, 40)).sum(0)[..., None] // 4 % 2 * 255
    x, y = detail_focus(image)
    assert x == pytest.approx(0.85, abs=0.02)
    assert y == pytest.approx(0.33, abs=0.03)
