"""Motion and labels of made-up clips."""

import numpy as np
import pytest
import torch

from sakuga.evaluation.clip_measures import (
    IDENTITY,
    NAMES,
    closing_gap,
    identity_attributes,
    joint_ratio,
    joint_steps,
    labels_kept,
    labels_shown,
    measure_clips,
)
from sakuga.models.classifier import LabelClassifier
from sakuga.models.image_tensors import Images
from sakuga.sketchbook.label_codes import label_codes
from sakuga.sketchbook.labels import Labels, Portrait
from sakuga.studio.core.work import Work

SUBJECT, TIME = NAMES.index("subject"), NAMES.index("time")


def greys(*levels: int) -> Images:
    return np.stack([np.full((16, 16, 3), level, np.uint8) for level in levels])


def codes(frames: int = 4) -> np.ndarray:
    return np.zeros((frames, len(NAMES)), np.int64)


def test_a_label_is_kept_only_if_no_frame_loses_it() -> None:
    read = codes()
    assert labels_kept(read, ("subject", "time")) == [True, True]
    read[2, SUBJECT] = 3
    assert labels_kept(read, ("subject", "time")) == [False, True]


def test_a_label_that_the_prompt_leaves_open_does_not_count() -> None:
    read, stated = codes(), np.full(len(NAMES), -1)
    read[1:, TIME], stated[TIME] = 2, 2
    assert labels_shown(read, stated, ("subject", "time")) == [0.75]


def test_a_portrait_is_known_by_its_person_and_a_landscape_by_its_subject() -> None:
    person = Portrait(person="girl", hair="red", hair_length="long", dress="blue", expression="calm")
    landscape = Labels(time="day", weather="clear", place="sea", subject="boat", side="left")
    portrait = Labels(time="day", weather="clear", place="sea", subject="none", side="left", portrait=person)
    assert identity_attributes(label_codes(landscape)) == ("subject",)
    assert identity_attributes(label_codes(portrait)) == IDENTITY[1:]


def test_contexts_meet_between_the_frames_they_share() -> None:
    assert joint_steps(28, 16, 4) == [12, 13, 14, 15, 16]
    assert joint_steps(16, 16, 4) == []


def test_a_jump_where_contexts_meet_shows_as_a_large_step() -> None:
    even = greys(*range(0, 80, 10))
    jump = greys(0, 10, 20, 30, 110, 120, 130, 140)
    assert joint_ratio(even, [4]) == pytest.approx(1.0, abs=0.2)
    assert joint_ratio(jump, [4]) > 5
    assert np.isnan(joint_ratio(greys(9, 9, 9, 9), [2]))


def test_a_loop_that_comes_back_has_a_small_gap() -> None:
    assert closing_gap(greys(40, 50, 60, 50)) == pytest.approx(1.0, abs=0.2)
    assert closing_gap(greys(40, 60, 80, 100, 120)) > 3
    assert np.isnan(closing_gap(greys(9, 9, 9)))


def test_a_moving_texture_moves_by_its_shift_and_does_not_flicker() -> None:
    torch.manual_seed(0)
    wide = np.random.default_rng(0).integers(0, 255, (20, 40, 3)).astype(np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    pan = np.stack([wide[16:144, 2 * frame : 2 * frame + 128] for frame in range(3)])
    still = np.repeat(pan[:1], 3, axis=0)
    found = Work(measure_clips([pan, still], LabelClassifier().eval())).result()
    assert found.motion[0] == pytest.approx(100 * 2 / 128, rel=0.25)
    assert found.motion[1] == found.flicker[1] == found.step[1] == 0.0
    assert found.codes.shape == (2, 3, len(NAMES))
    assert found.features.shape[:2] == (2, 3)
