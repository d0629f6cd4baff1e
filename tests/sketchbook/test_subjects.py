"""Subjects are recognizable, move, and shine at night; randomness ignores time."""

from typing import get_args

import numpy as np
import pytest

from sakuga.sketchbook.display_list import Shape
from sakuga.sketchbook.labels import Subject
from sakuga.sketchbook.subjects import draw_subject

SUBJECTS = [subject for subject in get_args(Subject) if subject != "none"]
LIT_AT_NIGHT = ["cottage", "cabin", "houses", "castle", "tower", "lighthouse", "windmill"]
MOVING = ["castle", "windmill", "tree", "boat", "dragon", "balloon", "whale"]


def shapes_of(subject: Subject, seed: int, t: float = 0.0, night: bool = False) -> list[Shape]:
    return draw_subject(subject, np.random.default_rng(seed), t, night)


def corners(shapes: list[Shape]) -> np.ndarray:
    """Everything but smoke, fire and rays of light."""
    return np.concatenate([shape.points for shape in shapes if not shape.glow and shape.material != "cloud"])


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_stands_on_its_foot_and_is_one_unit_high(subject: Subject) -> None:
    for seed in range(12):
        points = corners(shapes_of(subject, seed))
        assert np.isfinite(points).all()
        left, top = points.min(axis=0)
        right, bottom = points.max(axis=0)
        assert -1.2 < top < -0.5
        assert -0.15 < bottom < 0.25
        assert abs(left + right) < 0.45
        assert 0.4 < right - left < 2.3


@pytest.mark.parametrize("subject", SUBJECTS)
def test_time_moves_a_subject_but_never_chooses_another(subject: Subject) -> None:
    for seed in range(12):
        now, later = shapes_of(subject, seed, 0.3), shapes_of(subject, seed, 1.1)
        assert [(shape.color, shape.material, len(shape.points)) for shape in now] == [
            (shape.color, shape.material, len(shape.points)) for shape in later
        ]


@pytest.mark.parametrize("subject", MOVING)
def test_subjects_with_motion_move(subject: Subject) -> None:
    now, later = corners(shapes_of(subject, 3, 0.3)), corners(shapes_of(subject, 3, 1.1))
    assert np.abs(now - later).max() > 0.01


@pytest.mark.parametrize("subject", SUBJECTS)
def test_one_seed_gives_one_object_and_seeds_give_variety(subject: Subject) -> None:
    assert np.array_equal(corners(shapes_of(subject, 5)), corners(shapes_of(subject, 5)))
    assert len({tuple(shape.color for shape in shapes_of(subject, seed)) for seed in range(20)}) >= 4


@pytest.mark.parametrize("subject", SUBJECTS)
def test_random_draws_do_not_depend_on_time_or_night(subject: Subject) -> None:
    after = []
    for t, night in ((0.0, False), (2.7, True)):
        rng = np.random.default_rng(9)
        draw_subject(subject, rng, t, night)
        after.append(rng.random())
    assert after[0] == after[1]


@pytest.mark.parametrize("subject", LIT_AT_NIGHT)
def test_windows_shine_at_night_alone(subject: Subject) -> None:
    for seed in range(6):
        assert not any(shape.glow for shape in shapes_of(subject, seed, night=False))
        shining = [shape for shape in shapes_of(subject, seed, night=True) if shape.glow == 1.0 and shape.material == "light"]
        assert shining
        assert all(shape.color[0] > shape.color[2] for shape in shining)


@pytest.mark.parametrize("subject", ["cottage", "cabin", "houses"])
def test_smoke_rises_from_chimneys(subject: Subject) -> None:
    now, later = ([s.points for s in shapes_of(subject, 1, t) if s.material == "cloud"] for t in (0.0, 0.1))
    assert len(now) == len(later) == 4
    assert sum(after[:, 1].mean() < before[:, 1].mean() for before, after in zip(now, later, strict=True)) >= 3


def test_the_subject_none_raises_key_error() -> None:
    with pytest.raises(KeyError):
        shapes_of("none", 0)
