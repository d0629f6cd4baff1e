"""The camera moves as its spec says."""

import numpy as np
import pytest

from sakuga.rendering.warp import fit_image, warp_image
from sakuga.timeline.spec import Warp


@pytest.fixture
def dot() -> np.ndarray:
    """A white dot, 8 pixels right of and 4 below the middle of a grey field."""
    picture = np.full((64, 96, 3), 60, dtype=np.uint8)
    picture[34:38, 54:58] = 255
    return picture


def place(picture: np.ndarray) -> tuple[float, float]:
    """Where the dot is, right of and below the middle."""
    light = picture[..., 0].astype(float) > 150
    rows, columns = np.nonzero(light)
    return round(float(columns.mean() - 47.5), 1), round(float(rows.mean() - 31.5), 1)


@pytest.mark.parametrize(
    ("warp", "expected"),
    [
        (Warp(), (8, 4)),
        (Warp(zoom=2.0), (16, 8)),
        (Warp(pan=(0.25, 0.0)), (8 - 24, 4)),
        (Warp(pan=(0.0, -0.25)), (8, 4 + 16)),
        (Warp(rotate=90.0), (4, -8)),
        (Warp(zoom=2.0, pan=(0.25, 0.0)), (16 - 24, 8)),
    ],
)
def test_the_picture_moves_against_the_camera(dot: np.ndarray, warp: Warp, expected: tuple[float, float]) -> None:
    moved = warp_image(dot, warp)
    assert moved.shape == dot.shape
    assert place(moved) == pytest.approx(expected, abs=0.3)


def test_standing_still_changes_nothing(dot: np.ndarray) -> None:
    assert np.array_equal(warp_image(dot, Warp()), dot)


def test_edges_are_mirrored_and_never_black() -> None:
    picture = np.random.default_rng(0).integers(100, 200, (64, 64, 3), dtype=np.uint8)
    smooth = np.full_like(picture, 120) + (np.arange(64, dtype=np.uint8) // 2)[:, None]
    for warp in (Warp(zoom=0.5), Warp(pan=(0.4, 0.4)), Warp(rotate=30.0)):
        assert warp_image(smooth, warp).min() >= 115


def test_other_sizes_are_covered_and_cut_evenly() -> None:
    wide = np.zeros((32, 96, 3), dtype=np.uint8)
    wide[:, 32:64] = 200
    assert (fit_image(wide, 32, 32) == 200).all()
    assert fit_image(wide, 64, 48).shape == (48, 64, 3)
    assert fit_image(wide, 96, 32) is wide
    squeezed = fit_image(wide, 16, 16)
    assert squeezed.shape == (16, 16, 3)
    assert squeezed[:, 2:-2].min() > 190
