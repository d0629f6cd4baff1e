"""Faces are found where they are in a photograph, and without one the eye goes where the detail is."""

import numpy as np
import pytest
from skimage import data

from sakuga.datasets.buckets import Box
from sakuga.datasets.faces import find_faces, focus_of_detail, focus_of_face


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    """A photograph of a person (NASA, in scikit-image): 512 x 512, her face above the middle."""
    return np.asarray(data.astronaut())


@pytest.mark.parametrize("times", [1, 2])
def test_a_face_is_found_where_it_is_whatever_the_size(astronaut: np.ndarray, times: int) -> None:
    face, *others = find_faces(astronaut.repeat(times, axis=0).repeat(times, axis=1))
    assert others == []
    assert 160 * times < face.left < face.right < 285 * times
    assert 55 * times < face.top < face.bottom < 180 * times


def test_there_is_no_face_in_plain_colour_or_in_next_to_nothing() -> None:
    assert find_faces(np.full((80, 120, 3), 128, np.uint8)) == []
    assert find_faces(np.zeros((4, 300, 3), np.uint8)) == []


def test_the_focus_of_a_face_keeps_the_shoulders_in_and_stays_within() -> None:
    assert focus_of_face(Box(left=20, top=10, right=60, bottom=50), 200, 100) == (0.2, 0.5)
    assert focus_of_face(Box(left=0, top=60, right=40, bottom=110), 40, 100) == (0.5, 1.0)


def test_the_focus_of_detail_is_where_the_edges_are() -> None:
    picture = np.full((60, 200, 3), 90, np.uint8)
    assert focus_of_detail(picture) == (0.5, 0.5)
    picture[10:30, 150:190] = np.indices((20, 40)).sum(0)[..., None] // 4 % 2 * 255
    x, y = focus_of_detail(picture)
    assert x == pytest.approx(0.85, abs=0.02)
    assert y == pytest.approx(0.33, abs=0.03)
