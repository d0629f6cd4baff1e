"""Training scenes show the requested kinds and numbers, with true captions."""

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
    HELD_OUT,
    Taught,
    TrainingScene,
    class_scenes,
    style_scenes,
    subject_scenes,
    trigger_of,
)


def style(count: int, seed: int = 9, figures: int | None = None) -> list[TrainingScene]:
    return list(style_scenes(count, portraits=count // 2, figures=figures, trigger="ink wash", seed=seed))


def kinds(scenes: list[TrainingScene]) -> Counter[str]:
    return Counter(composition_of(scene.moment.labels) for scene in scenes)


def test_a_style_set_has_the_requested_portraits_and_figures_mixed() -> None:
    scenes = style(40, figures=8)
    assert kinds(scenes) == {"portrait": 20, "figure": 8, "landscape": 12}
    first = kinds(scenes[:20])
    assert all(first[kind] < count for kind, count in kinds(scenes).items()), "no kind comes first as a block"


def test_without_a_number_of_figures_they_are_as_common_as_in_the_world() -> None:
    found = kinds(style(120))
    assert found["portrait"] == 60
    assert 1 < found["figure"] < 30


def test_a_style_names_its_trigger_once_and_nothing_held_out() -> None:
    for scene in style(40):
        assert len(re.findall("ink wash", scene.text)) == 1
        labels = scene.moment.labels
        assert labels.subject not in HELD_OUT
        assert labels.portrait is None or labels.portrait.hair != CHARACTER.hair


def test_captions_of_a_style_state_everything() -> None:
    for scene in style(40):
        stated = read_labels(scene.text.removesuffix(", ink wash"))
        shown = scene.moment.labels
        assert (stated.time, stated.weather, stated.place) == (shown.time, shown.weather, shown.place)
        assert stated.extras == shown.extras


def test_the_same_seed_gives_the_same_scenes_and_another_seed_others() -> None:
    def captions(scenes: list[TrainingScene]) -> list[tuple[str, int]]:
        return [(scene.text, scene.seed) for scene in scenes]

    assert captions(style(12)) == captions(style(12))
    assert not set(captions(style(12))) & set(captions(style(12, seed=10)))
    first, again = (scenes[0].moment.image(64, 64, "cel") for scenes in (style(2), style(2)))
    assert np.array_equal(first, again)
    assert all(scene.seed >= FIRST_SEED for scene in style(12, seed=0))


@pytest.mark.parametrize("subject", HELD_OUT)
def test_a_subject_is_in_every_image_and_called_by_its_name_alone(subject: Taught) -> None:
    scenes = list(subject_scenes(24, subject=subject, name="<it>", seed=1))
    for scene in scenes:
        assert scene.text.count("<it>") == 1
        assert not re.search(r"balloon|whale|hair|girl|dress|yellow|green hair", scene.text)
        labels = scene.moment.labels
        if subject == "character":
            assert labels.portrait is not None
            assert replace(labels.portrait, expression="calm") == CHARACTER
        else:
            assert labels.subject == subject
    assert len({scene.moment.labels.place for scene in scenes}) > 1
    assert len({scene.moment.labels.time for scene in scenes}) == 4


def test_the_character_has_one_face_whatever_the_seed() -> None:
    def colors(seed: int) -> list[tuple[float, float, float]]:
        """All but the eyes, which may blink."""
        shapes = draw_portrait(CHARACTER, np.random.default_rng(seed), 0.0, 1.0)
        return sorted({shape.color for shape in shapes if shape.material in ("skin", "hair", "cloth")})

    assert all(colors(seed) == colors(0) for seed in range(1, 12))


def test_an_object_looks_the_same_in_every_place() -> None:
    def outlines(seed: int) -> set[bytes]:
        """The outlines of a scene, wherever and however large they are."""
        shapes = next(subject_scenes(1, subject="balloon", name="b", seed=seed)).moment.drawing.shapes
        return {((shape.points - shape.points[0]) / np.ptp(shape.points, axis=0).max() + 0.0).round(4).tobytes() for shape in shapes}

    first, second = outlines(1), outlines(2)
    assert len(first & second) >= 6, "the balloon is the same"
    assert len(first - second) >= 6, "the place is not"


@pytest.mark.parametrize("subject", HELD_OUT)
def test_a_class_shows_others_of_its_kind_and_never_the_subject(subject: Taught) -> None:
    scenes = list(class_scenes(24, subject=subject, seed=1))
    for scene in scenes:
        labels = scene.moment.labels
        if subject == "character":
            assert labels.portrait is not None
            assert labels.portrait.person == "girl"
            assert labels.portrait.hair != CHARACTER.hair
        else:
            assert labels.subject not in ("none", *HELD_OUT)
    own = {scene.seed for scene in subject_scenes(24, subject=subject, name="x", seed=1)}
    assert not own & {scene.seed for scene in scenes}


def test_the_trigger_of_a_look_is_its_canonical_word() -> None:
    assert trigger_of("watercolor") == "watercolor"
