"""Lessons show what was asked for, so many of each kind, and their words are true."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from sakuga.sketchbook.captions import read_labels
from sakuga.sketchbook.labels import CHARACTER, composition_of
from sakuga.sketchbook.people import draw_portrait
from sakuga.sketchbook.training_scenes import (
    FIRST_SEED,
    HELD_BACK,
    Lesson,
    Taught,
    class_lessons,
    style_lessons,
    subject_lessons,
    trigger_of,
)


def style(count: int, seed: int = 9, figures: int | None = None) -> list[Lesson]:
    return list(style_lessons(count, portraits=count // 2, figures=figures, trigger="ink wash", seed=seed))


def kinds(lessons: list[Lesson]) -> Counter[str]:
    return Counter(composition_of(lesson.moment.labels) for lesson in lessons)


def test_a_style_has_so_many_portraits_and_figures_as_asked_for_mixed() -> None:
    lessons = style(40, figures=8)
    assert kinds(lessons) == {"portrait": 20, "figure": 8, "landscape": 12}
    first = kinds(lessons[:20])
    assert all(first[kind] < count for kind, count in kinds(lessons).items()), "no kind comes first as a block"


def test_with_no_word_about_figures_the_rest_is_as_the_world_is() -> None:
    found = kinds(style(120))
    assert found["portrait"] == 60
    assert 1 < found["figure"] < 30


def test_a_style_names_its_trigger_once_and_nothing_held_back() -> None:
    for lesson in style(40):
        assert len(re.findall("ink wash", lesson.text)) == 1
        labels = lesson.moment.labels
        assert labels.subject not in HELD_BACK
        assert labels.portrait is None or labels.portrait.hair != CHARACTER.hair


def test_captions_of_a_style_say_everything_that_is_there() -> None:
    for lesson in style(40):
        stated = read_labels(lesson.text.removesuffix(", ink wash"))
        shown = lesson.moment.labels
        assert (stated.time, stated.weather, stated.place) == (shown.time, shown.weather, shown.place)
        assert stated.extras == shown.extras


def test_the_same_seed_gives_the_same_lessons_and_another_others() -> None:
    def said(lessons: list[Lesson]) -> list[tuple[str, int]]:
        return [(lesson.text, lesson.seed) for lesson in lessons]

    assert said(style(12)) == said(style(12))
    assert not set(said(style(12))) & set(said(style(12, seed=10)))
    first, again = (lessons[0].moment.picture(64, 64, "cel") for lessons in (style(2), style(2)))
    assert np.array_equal(first, again)
    assert all(lesson.seed >= FIRST_SEED for lesson in style(12, seed=0))


@pytest.mark.parametrize("subject", HELD_BACK)
def test_a_subject_is_in_every_picture_and_called_by_its_name_alone(subject: Taught) -> None:
    lessons = list(subject_lessons(24, subject=subject, name="<it>", seed=1))
    for lesson in lessons:
        assert lesson.text.count("<it>") == 1
        assert not re.search(r"balloon|whale|hair|girl|dress|yellow|green hair", lesson.text)
        labels = lesson.moment.labels
        if subject == "character":
            assert labels.portrait is not None
            assert replace(labels.portrait, expression="calm") == CHARACTER
        else:
            assert labels.subject == subject
    assert len({lesson.moment.labels.place for lesson in lessons}) > 1
    assert len({lesson.moment.labels.time for lesson in lessons}) == 4


def test_the_character_has_one_face_whatever_the_seed() -> None:
    def colours(seed: int) -> list[tuple[float, float, float]]:
        """All but the eyes, which may blink."""
        shapes = draw_portrait(CHARACTER, np.random.default_rng(seed), 0.0, 1.0)
        return sorted({shape.colour for shape in shapes if shape.material in ("skin", "hair", "cloth")})

    assert all(colours(seed) == colours(0) for seed in range(1, 12))


def test_an_object_looks_the_same_in_every_place() -> None:
    def outlines(seed: int) -> set[bytes]:
        """The outlines of a scene, wherever and however large they are."""
        shapes = next(subject_lessons(1, subject="balloon", name="b", seed=seed)).moment.drawing.shapes
        return {((shape.points - shape.points[0]) / np.ptp(shape.points, axis=0).max() + 0.0).round(4).tobytes() for shape in shapes}

    first, second = outlines(1), outlines(2)
    assert len(first & second) >= 6, "the balloon is the same"
    assert len(first - second) >= 6, "the place is not"


@pytest.mark.parametrize("subject", HELD_BACK)
def test_a_class_shows_others_of_its_kind_and_never_the_subject(subject: Taught) -> None:
    lessons = list(class_lessons(24, subject=subject, seed=1))
    for lesson in lessons:
        labels = lesson.moment.labels
        if subject == "character":
            assert labels.portrait is not None
            assert labels.portrait.person == "girl"
            assert labels.portrait.hair != CHARACTER.hair
        else:
            assert labels.subject not in ("none", *HELD_BACK)
    own = {lesson.seed for lesson in subject_lessons(24, subject=subject, name="x", seed=1)}
    assert not own & {lesson.seed for lesson in lessons}


def test_the_trigger_of_a_look_is_its_usual_word() -> None:
    assert trigger_of("watercolor") == "watercolor"
