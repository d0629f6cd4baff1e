"""Duplicates are found whatever was done to them, and different pictures are not; faults are told from styles."""

from collections.abc import Callable
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from sakuga.datasets import image_checks
from sakuga.datasets.near_duplicates import fingerprint, groups_alike
from sakuga.sketchbook.labels import LOOKS
from sakuga.sketchbook.scene import sample


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Forty-eight scenes in six looks, every third a portrait."""
    return [sample(70_000_000 + n, portrait=n % 3 == 0).at(0.0).picture(128, 128, LOOKS[n % 6]) for n in range(48)]


def as_jpeg(picture: np.ndarray) -> np.ndarray:
    content = BytesIO()
    Image.fromarray(picture).save(content, format="JPEG", quality=40)
    return np.asarray(Image.open(content))


@pytest.mark.parametrize(
    "change",
    [
        as_jpeg,
        lambda picture: cv2.resize(picture, (70, 70), interpolation=cv2.INTER_AREA),
        lambda picture: np.ascontiguousarray(picture[:, ::-1]),
        lambda picture: np.clip(picture * 1.15 + 8, 0, 255).astype(np.uint8),
        lambda picture: cv2.GaussianBlur(picture, (0, 0), 1.5),
    ],
    ids=["jpeg", "smaller", "mirrored", "brighter", "softer"],
)
def test_a_changed_picture_is_still_the_same(pictures: list[np.ndarray], change: Callable[[np.ndarray], np.ndarray]) -> None:
    changed = [change(picture) for picture in pictures[:12]]
    groups = groups_alike([fingerprint(picture) for picture in pictures + changed])
    assert groups == [[place, len(pictures) + place] for place in range(12)]


def test_different_pictures_are_no_duplicates_and_groups_join(pictures: list[np.ndarray]) -> None:
    prints = [fingerprint(picture) for picture in pictures]
    assert groups_alike(prints) == []
    assert groups_alike([prints[0], prints[1], prints[0], prints[2], prints[0], prints[1]]) == [[0, 2, 4], [1, 5]]
    assert groups_alike([]) == []


def test_blur_is_told_from_every_look(pictures: list[np.ndarray]) -> None:
    assert max(map(image_checks.blur, pictures)) < image_checks.BLURRED
    assert min(image_checks.blur(cv2.GaussianBlur(picture, (0, 0), 2.5)) for picture in pictures) > image_checks.BLURRED
    assert image_checks.blur(np.full((20, 20, 3), 7, np.uint8)) == 1.0


def test_borders_are_measured_and_subjects_on_even_ground_have_none(pictures: list[np.ndarray]) -> None:
    assert not any(any(image_checks.borders(picture)) for picture in pictures)
    framed = np.pad(pictures[1], ((0, 0), (9, 12), (0, 0)), constant_values=255)
    assert image_checks.borders(framed) == (9, 0, 12, 0)
    assert image_checks.borders(np.pad(pictures[1], ((8, 8), (8, 8), (0, 0)))) == (8, 8, 8, 8)
    assert image_checks.borders(np.pad(pictures[1], ((8, 0), (0, 0), (0, 0)))) == (0, 0, 0, 0)
    alone = np.full((64, 64, 3), 255, np.uint8)
    cv2.circle(alone, (32, 32), 20, (200, 0, 0), -1)
    assert image_checks.borders(alone) == (0, 0, 0, 0)
    assert image_checks.borders(np.zeros((9, 9, 3), np.uint8)) == (0, 0, 0, 0)


def marked(picture: np.ndarray) -> np.ndarray:
    clear = Image.new("RGBA", (128, 128), (0, 0, 0, 0))
    ImageDraw.Draw(clear).text((80, 114), "stock.io", fill=(255, 255, 255, 150))
    return np.asarray(Image.alpha_composite(Image.fromarray(picture).convert("RGBA"), clear).convert("RGB"))


def test_a_watermark_is_found_where_it_is(pictures: list[np.ndarray]) -> None:
    assert image_checks.mark(pictures) is None
    assert image_checks.mark([marked(picture) for picture in pictures]) == "bottom right"
    assert image_checks.mark([marked(picture) for picture in pictures[: image_checks.LEAST_FOR_MARKS - 1]]) is None
    for look in ("comic", "pixel", "watercolor"):
        alike = [sample(80_000_000 + n, portrait=n % 2 == 0).at(0.0).picture(128, 128, look) for n in range(24)]
        assert image_checks.mark(alike) is None, f"the {look} look's own texture is no watermark"
