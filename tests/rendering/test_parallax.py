"""What is near moves more than what is far."""

import numpy as np
import pytest

from sakuga.rendering.depth import luminance_depth, read_depth_map
from sakuga.rendering.warp import warp_image
from sakuga.sketchbook.scene import sample
from sakuga.timeline.spec import Parallax, Warp

MAP = Parallax(depth="map")


@pytest.fixture(scope="module")
def room() -> tuple[np.ndarray, np.ndarray]:
    """A red square, near, before stripes that are far; and the depth of that."""
    picture = np.full((64, 96, 3), 90, dtype=np.uint8)
    picture[:, ::12] = 200
    depth = np.zeros((64, 96), dtype=np.float32)
    depth[24:40, 40:56] = 1.0
    picture[24:40, 40:56] = (220, 20, 20)
    return picture, depth


def red(picture: np.ndarray) -> tuple[float, float, int]:
    rows, columns = np.nonzero((picture[..., 0] > 150) & (picture[..., 1] < 70))
    return float(columns.mean()), float(rows.mean()), len(rows)


def test_the_near_moves_and_the_far_stands_still(room: tuple[np.ndarray, np.ndarray]) -> None:
    picture, depth = room
    moved = warp_image(picture, Warp(pan=(0.125, 0.0), parallax=MAP), lambda _: depth)
    across, along, size = red(moved)
    assert (across, along) == pytest.approx((47.5 - 12, 31.5), abs=0.5)
    assert size == pytest.approx(256, abs=20)
    assert np.array_equal(moved[:20], picture[:20])
    assert np.array_equal(moved[24:40, 60:], picture[24:40, 60:])


def test_what_is_uncovered_is_filled_from_around(room: tuple[np.ndarray, np.ndarray]) -> None:
    picture, depth = room
    moved = warp_image(picture, Warp(pan=(0.125, 0.0), parallax=MAP), lambda _: depth)
    uncovered = moved[26:38, 44:56].astype(int)
    assert uncovered.min() > 80
    assert (uncovered[..., 0] - uncovered[..., 1]).max() < 30


def test_coming_closer_the_near_grows(room: tuple[np.ndarray, np.ndarray]) -> None:
    picture, depth = room
    nearer = warp_image(picture, Warp(zoom=1.5, parallax=MAP), lambda _: depth)
    assert red(nearer)[2] == pytest.approx(256 * 1.5**2, rel=0.1)
    assert np.array_equal(nearer[:, :12], picture[:, :12])


@pytest.mark.parametrize("move", [{"pan": (0.1, -0.05)}, {"zoom": 1.3}, {"zoom": 0.8}, {"rotate": 12.0}, {"zoom": 1.2, "rotate": -8.0}])
def test_at_one_depth_parallax_is_the_flat_move(move: dict) -> None:
    picture = sample(3).at(0.0).image(64, 64)
    flat = warp_image(picture, Warp(**move))
    deep = warp_image(picture, Warp(**move, parallax=MAP), lambda seen: np.ones(seen.shape[:2], dtype=np.float32))
    assert np.abs(flat.astype(int) - deep).mean() < 1.5


def test_a_share_of_parallax_leaves_the_rest_of_the_move_to_the_far(room: tuple[np.ndarray, np.ndarray]) -> None:
    picture, depth = room
    moved = warp_image(picture, Warp(pan=(0.25, 0.0), parallax=Parallax(depth="map", share=0.5)), lambda _: depth)
    assert np.array_equal(moved[:20, :80], picture[:20, 12:92])
    assert red(moved)[0] == pytest.approx(47.5 - 24, abs=0.5)


def test_true_depth_of_a_scene_keeps_its_sky_and_moves_its_ground() -> None:
    moment = next(scene.at(0.0) for scene in map(sample, range(50)) if scene.labels.portrait is None and scene.labels.place == "meadow")
    picture, depth = moment.image(96, 96), moment.depth(96, 96)
    moved = warp_image(picture, Warp(pan=(0.15, 0.0), parallax=MAP), lambda _: depth)
    change = np.abs(moved.astype(int) - picture).mean(axis=-1)
    assert change[depth < 0.02].mean() < 0.3 * change[depth > 0.5].mean()


def test_brightness_stands_in_for_depth() -> None:
    picture = np.zeros((4, 6, 3), dtype=np.uint8)
    picture[:, 3:] = 50
    assert luminance_depth(picture)[:, 3:].min() == 1.0
    assert read_depth_map(picture)[:, 3:].max() == pytest.approx(50 / 255)
    assert luminance_depth(np.full((4, 6, 3), 80, dtype=np.uint8)).max() == 0.0
