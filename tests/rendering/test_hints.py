"""Hints are between 0 and 1."""

from typing import Any

import numpy as np
import pytest

from sakuga.rendering.hints import hint_of

NONE: Any = None
"""In place of the checkpoint, which only depth needs."""
HALVES = np.repeat(np.array([[[0, 0, 0]] * 16 + [[255, 255, 255]] * 16], dtype=np.uint8), 32, axis=0)


@pytest.mark.parametrize("hint", ["canny", "lineart", "scribble"])
def test_an_edge_is_white_on_black(hint: Any) -> None:
    found = hint_of(HALVES, hint, NONE)
    assert (found.shape, found.dtype, found.min()) == ((32, 32, 3), np.float32, 0)
    assert 0 < found.max() <= 1
    assert (found == found[..., :1]).all()


def test_the_edges_of_canny_are_ones_along_the_border_alone() -> None:
    found = hint_of(HALVES, "canny", NONE)[..., 0]
    assert set(np.unique(found)) == {0, 1}
    assert set(np.nonzero(found)[1]) <= {15, 16}


def test_an_image_is_its_own_hint() -> None:
    assert (hint_of(HALVES, "image", NONE) == HALVES / np.float32(255)).all()
