"""Labels are counted as preserved or lost; a copy preserves all of them."""

from pathlib import Path

import numpy as np
import pytest

from sakuga.evaluation.score import render
from sakuga.evaluation.variation import CASES, labels_kept, score_variation
from sakuga.models.image_tensors import Images
from sakuga.sketchbook.label_codes import label_codes
from sakuga.sketchbook.labels import Labels, Portrait
from sakuga.studio.core.work import Work

SCENE = label_codes(Labels(time="night", weather="snow", place="forest", subject="cabin", side="left"))
PERSON = Portrait(person="girl", hair="red", hair_length="long", dress="blue", expression="calm")
FACE = label_codes(Labels(time="day", weather="clear", place="sea", subject="none", side="left", portrait=PERSON))


def test_preserved_labels_are_counted() -> None:
    other = label_codes(Labels(time="night", weather="rain", place="hills", subject="cabin", side="right"))
    assert labels_kept(np.stack([SCENE]), np.stack([other])) == {
        "subject": (1.0, 1), "place": (0.0, 1), "time": (1.0, 1), "labels_kept": (pytest.approx(2 / 3), 3)
    }  # fmt: skip


def test_portraits_have_no_subject() -> None:
    preserved = labels_kept(np.stack([SCENE, FACE]), np.stack([SCENE, SCENE]))
    assert preserved["subject"] == (1.0, 1)
    assert preserved["place"] == (0.5, 2)
    assert preserved["labels_kept"] == (3 / 5, 5)


def test_a_copy_preserves_all_labels_and_an_unrelated_image_does_not(weights: Path) -> None:
    captured: list[Images] = []

    def copy(images: Images) -> Images:
        captured.append(images)
        return images

    figures = Work(score_variation(copy, weights, n=6)).result()
    assert np.array_equal(np.concatenate(captured), np.stack([render(CASES + index) for index in range(6)]))
    assert figures["variation.labels_kept"] == 1.0
    assert figures["variation.psnr_db"] > 100 > figures["ceiling.variation.psnr_db"]
    assert figures["n.variation.place"] == 6
    turned = Work(score_variation(lambda images: 255 - images, weights, n=6)).result()
    assert turned["variation.psnr_db"] < 15
