"""Crops keep faces and detail and lose little; the preview shows the loss."""

from itertools import product

import numpy as np
import pytest
from skimage import data

from sakuga.datasets.buckets import Box, buckets
from sakuga.datasets.cropping import FRAME, Crop, apply_crop, crop_preview, plan_crop


def person_in(width: int, height: int, left: int, top: int) -> np.ndarray:
    """A plain wall with a photograph's head and shoulders somewhere on it."""
    wall = np.full((height, width, 3), (120, 130, 140), np.uint8)
    wall[top : top + 240, left : left + 200] = np.asarray(data.astronaut())[20:260, 120:320]
    return wall


@pytest.mark.parametrize("left", [0, 250, 500])
def test_a_face_stays_inside_the_crop(left: int) -> None:
    crop = plan_crop(person_in(700, 260, left, 10), [(256, 256)])
    assert len(crop.faces) == 1
    assert crop.keeps_faces
    middle = (crop.faces[0].left + crop.faces[0].right) / 2
    edges = crop.box.left == 0 or crop.box.right == 700
    assert edges or abs(middle - (crop.box.left + crop.box.right) / 2) <= 2


def test_the_center_is_used_on_request_and_a_cut_face_is_detected() -> None:
    image = person_in(700, 260, 0, 10)
    assert plan_crop(image, [(256, 256)], "centre").box == Box(left=220, top=0, right=480, bottom=260)
    face = plan_crop(image, [(256, 256)]).faces[0]
    assert not Crop(box=Box(left=face.left + 1, top=0, right=400, bottom=260), bucket=(1, 1), lost=0, enlarged=1, faces=(face,)).keeps_faces


def test_without_a_face_the_detail_stays_inside_the_crop() -> None:
    image = np.full((100, 400, 3), 90, np.uint8)
    image[20:80, 320:380] = np.indices((60, 60)).sum(0)[..., None] // 4 % 2 * 255
    crop = plan_crop(image, [(64, 64)])
    assert crop.faces == ()
    assert crop.box.left <= 320
    assert crop.box.right == 400


@pytest.mark.parametrize(("width", "height"), list(product((40, 128, 333), repeat=2)))
def test_a_cropped_image_has_its_buckets_size(width: int, height: int) -> None:
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    crop = plan_crop(image, buckets(128, 8))
    cropped = apply_crop(image, crop)
    assert cropped.shape == (crop.bucket[1], crop.bucket[0], 3)
    assert crop.lost < 0.04 or max(width, height) / min(width, height) > 4
    assert crop.enlarged == pytest.approx(crop.bucket[0] / crop.box.width)


def test_an_image_of_its_buckets_size_is_unchanged() -> None:
    image = np.random.default_rng(0).integers(0, 255, (96, 160, 3), dtype=np.uint8)
    crop = plan_crop(image, [(128, 128), (160, 96)])
    assert (crop.lost, crop.enlarged) == (0.0, 1.0)
    assert np.array_equal(apply_crop(image, crop), image)


def test_the_preview_dims_the_cropped_area_and_frames_the_rest() -> None:
    image = np.full((100, 200, 3), 200, np.uint8)
    shown = crop_preview(image, plan_crop(image, [(64, 64)], "centre"), 100)
    assert shown.shape == (100, 100, 3)
    assert tuple(shown[50, 10]) == (70, 70, 70), "cut off"
    assert tuple(shown[50, 50]) == (200, 200, 200), "kept"
    assert tuple(shown[50, 25]) == FRAME
    assert tuple(shown[10, 50]) == (24, 24, 24), "outside of the image"
    uncropped = crop_preview(image, plan_crop(image, [(128, 64)]), 100)
    assert FRAME not in {tuple(pixel) for pixel in uncropped.reshape(-1, 3)}
