"""Edited duplicates are found, and faults are distinguished from styles."""

from collections.abc import Callable
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from sakuga.datasets import image_checks
from sakuga.datasets.near_duplicates import fingerprint, group_duplicates
from sakuga.sketchbook.labels import LOOKS
from sakuga.sketchbook.scene import sample


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    """Forty-eight scenes in six looks, every third a portrait."""
    return [sample(70_000_000 + n, portrait=n % 3 == 0).at(0.0).image(128, 128, LOOKS[n % 6]) for n in range(48)]


def as_jpeg(image: np.ndarray) -> np.ndarray:
    content = BytesIO()
    Image.fromarray(image).save(content, format="JPEG", quality=40)
    return np.asarray(Image.open(content))


@pytest.mark.parametrize(
    "change",
    [
        as_jpeg,
        lambda image: cv2.resize(image, (70, 70), interpolation=cv2.INTER_AREA),
        lambda image: np.ascontiguousarray(image[:, ::-1]),
        lambda image: np.clip(image * 1.15 + 8, 0, 255).astype(np.uint8),
        lambda image: cv2.GaussianBlur(image, (0, 0), 1.5),
    ],
    ids=["jpeg", "smaller", "mirrored", "brighter", "softer"],
)
def test_an_edited_image_is_still_a_duplicate(images: list[np.ndarray], change: Callable[[np.ndarray], np.ndarray]) -> None:
    changed = [change(image) for image in images[:12]]
    groups = group_duplicates([fingerprint(image) for image in images + changed])
    assert groups == [[index, len(images) + index] for index in range(12)]


def test_different_images_are_no_duplicates_and_groups_join(images: list[np.ndarray]) -> None:
    prints = [fingerprint(image) for image in images]
    assert group_duplicates(prints) == []
    assert group_duplicates([prints[0], prints[1], prints[0], prints[2], prints[0], prints[1]]) == [[0, 2, 4], [1, 5]]
    assert group_duplicates([]) == []


def test_blur_is_detected_in_every_look(images: list[np.ndarray]) -> None:
    assert max(map(image_checks.measure_blur, images)) < image_checks.BLURRED
    assert min(image_checks.measure_blur(cv2.GaussianBlur(image, (0, 0), 2.5)) for image in images) > image_checks.BLURRED
    assert image_checks.measure_blur(np.full((20, 20, 3), 7, np.uint8)) == 1.0


def test_borders_are_measured_and_subjects_on_even_ground_have_none(images: list[np.ndarray]) -> None:
    assert not any(any(image_checks.measure_borders(image)) for image in images)
    framed = np.pad(images[1], ((0, 0), (9, 12), (0, 0)), constant_values=255)
    assert image_checks.measure_borders(framed) == (9, 0, 12, 0)
    assert image_checks.measure_borders(np.pad(images[1], ((8, 8), (8, 8), (0, 0)))) == (8, 8, 8, 8)
    assert image_checks.measure_borders(np.pad(images[1], ((8, 0), (0, 0), (0, 0)))) == (0, 0, 0, 0)
    alone = np.full((64, 64, 3), 255, np.uint8)
    cv2.circle(alone, (32, 32), 20, (200, 0, 0), -1)
    assert image_checks.measure_borders(alone) == (0, 0, 0, 0)
    assert image_checks.measure_borders(np.zeros((9, 9, 3), np.uint8)) == (0, 0, 0, 0)


def marked(image: np.ndarray) -> np.ndarray:
    clear = Image.new("RGBA", (128, 128), (0, 0, 0, 0))
    ImageDraw.Draw(clear).text((80, 114), "stock.io", fill=(255, 255, 255, 150))
    return np.asarray(Image.alpha_composite(Image.fromarray(image).convert("RGBA"), clear).convert("RGB"))


def test_a_watermark_is_found_where_it_is(images: list[np.ndarray]) -> None:
    assert image_checks.find_watermark(images) is None
    assert image_checks.find_watermark([marked(image) for image in images]) == "bottom right"
    assert image_checks.find_watermark([marked(image) for image in images[: image_checks.LEAST_FOR_MARKS - 1]]) is None
    for look in ("comic", "pixel", "watercolor"):
        alike = [sample(80_000_000 + n, portrait=n % 2 == 0).at(0.0).image(128, 128, look) for n in range(24)]
        assert image_checks.find_watermark(alike) is None, f"the {look} look's own texture is no watermark"
