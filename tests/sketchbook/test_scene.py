"""Scenes show what their labels state, at any time, and move."""

from collections import Counter
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from sakuga.sketchbook.labels import HELD_OUT_HAIR, HELD_OUT_SUBJECTS, Extra, Labels, Place, Side, Subject, Time, Weather
from sakuga.sketchbook.sampling import AFLOAT, WINDOWED, sample_labels
from sakuga.sketchbook.scene import Scene, compose, sample

LABELS = [sample_labels(np.random.default_rng(seed)) for seed in range(3000)]
LANDSCAPES = [labels for labels in LABELS if labels.portrait is None]
PLAIN = Labels(time="day", weather="clear", place="meadow", subject="none", side="centre")


def _image(scene: Scene, t: float = 0.0) -> np.ndarray:
    return scene.at(t).image(96, 96).astype(float)


def _difference(first: Labels, second: Labels, seed: int = 3) -> float:
    return float(np.abs(_image(compose(first, seed)) - _image(compose(second, seed))).mean())


def test_the_same_seed_gives_the_same_image() -> None:
    assert np.array_equal(_image(sample(7), 1.5), _image(sample(7), 1.5))
    assert sample(7).labels != sample(8).labels


@pytest.mark.parametrize(("kind", "field"), [(Time, "time"), (Weather, "weather"), (Place, "place"), (Subject, "subject"), (Side, "side")])
def test_every_label_is_common_enough_to_learn(kind: object, field: str) -> None:
    names = [name for name in get_args(kind) if name not in HELD_OUT_SUBJECTS]
    counts = Counter(getattr(labels, field) for labels in LANDSCAPES)
    assert set(counts) == set(names)
    assert min(counts.values()) > 0.55 * len(LANDSCAPES) / len(names)


def test_every_extra_is_common_enough_to_learn() -> None:
    counts = Counter(extra for labels in LANDSCAPES for extra in labels.extras)
    assert set(counts) == set(get_args(Extra))
    assert min(counts.values()) > 0.03 * len(LANDSCAPES)


def test_about_a_fifth_are_portraits_and_the_caller_may_choose() -> None:
    assert 0.18 < 1 - len(LANDSCAPES) / len(LABELS) < 0.26
    assert sample(1, portrait=True).labels.portrait is not None
    assert sample(1, portrait=False).labels.portrait is None


def test_held_out_subjects_are_sampled_only_on_request() -> None:
    assert not {labels.subject for labels in LABELS} & set(HELD_OUT_SUBJECTS)
    assert HELD_OUT_HAIR not in {labels.portrait.hair for labels in LABELS if labels.portrait}
    opened = [sample_labels(np.random.default_rng(seed), with_held_out=True) for seed in range(1000)]
    assert {labels.subject for labels in opened} >= set(HELD_OUT_SUBJECTS)
    assert HELD_OUT_HAIR in {labels.portrait.hair for labels in opened if labels.portrait}


def test_labels_make_sense_together() -> None:
    for labels in LABELS:
        assert not labels.extras & {"moon", "stars"} or labels.time == "night"
        assert "sun" not in labels.extras or (labels.time != "night" and labels.weather in ("clear", "cloudy"))
        assert labels.subject not in AFLOAT or labels.place in ("sea", "lake")
        assert "lit windows" not in labels.extras or labels.subject in WINDOWED or labels.place == "village"


@pytest.mark.parametrize("place", get_args(Place))
@pytest.mark.parametrize("subject", get_args(Subject))
def test_any_subject_can_be_drawn_in_any_place(place: Place, subject: Subject) -> None:
    labels = replace(PLAIN, place=place, subject=subject, side="left", time="night", weather="fog", extras=frozenset(get_args(Extra)))
    moment = compose(labels, 5, aspect=1.5).at(2.0)
    assert moment.image(96, 64).shape == (64, 96, 3)
    for shape in moment.drawing.shapes:
        assert np.isfinite(shape.points).all()
        assert 0 <= min(shape.color) <= max(shape.color) <= 1
        assert 0 <= min(shape.near) <= max(shape.near) <= 1


@pytest.mark.parametrize("subject", get_args(Subject)[1:])
def test_the_side_is_where_the_subject_is(subject: Subject) -> None:
    """The center of the pixels that the subject changes follows left, center, right."""
    place: Place = "sea" if subject in ("boat", "whale", "lighthouse") else "meadow"
    middles = []
    for side in get_args(Side):
        labels = replace(PLAIN, place=place, subject=subject, side=side)
        drawing = compose(labels, 11).at(0.0).drawing
        solid = [
            shape.points for shape in drawing.shapes if shape.material in ("building", "skin", "cloth") or _is_big_foliage(shape.points)
        ]
        middles.append(float(np.median(np.concatenate(solid)[:, 0])))
    assert middles[0] + 0.08 < middles[1] < middles[2] - 0.08


def _is_big_foliage(points: np.ndarray) -> bool:
    return bool(0.15 < np.ptp(points[:, 1]) < 0.7 and np.ptp(points[:, 0]) < 0.8)


@pytest.mark.parametrize("extra", get_args(Extra))
def test_every_extra_is_visible(extra: Extra) -> None:
    time: Time = "night" if extra in ("moon", "stars", "lit windows") else "day"
    plain = replace(PLAIN, time=time, subject="cottage", side="left")
    assert _difference(plain, replace(plain, extras=frozenset({extra}))) > 0.4


def test_every_hour_weather_and_place_looks_different() -> None:
    for name, kind, least in (("time", Time, 15.0), ("weather", Weather, 3.0), ("place", Place, 8.0)):
        images = [_image(compose(replace(PLAIN, **{name: value}), 3)) for value in get_args(kind)]
        gaps = [np.abs(first - second).mean() for index, first in enumerate(images) for second in images[:index]]
        assert min(gaps) > least, name


@pytest.mark.parametrize("weather", get_args(Weather))
def test_scenes_move_but_slowly(weather: Weather) -> None:
    scene = compose(replace(PLAIN, weather=weather, place="sea", subject="boat"), 4)
    step = np.abs(_image(scene, 1.0) - _image(scene, 1.0 + 1 / 12)).mean()
    assert 0.01 < step < 12


def test_a_camera_that_is_told_to_pan_moves_the_ground_to_the_left_and_starts_in_the_middle() -> None:
    still, panned = (replace(compose(replace(PLAIN, subject="castle"), 2), pan=reach) for reach in (0.0, 0.1))
    assert np.array_equal(_image(still), _image(panned))
    here, there = (scene.at(1.0).depth(96, 96)[40:] for scene in (still, panned))
    shifts = {shift: np.abs(here[:, 16:-16] - np.roll(there, shift, axis=1)[:, 16:-16]).mean() for shift in range(-12, 13)}
    assert 4 <= min(shifts, key=lambda shift: shifts[shift]) <= 12


def test_nearness_grows_from_sky_to_ground() -> None:
    depth = compose(replace(PLAIN, subject="castle"), 2).at(0.0).depth(64, 64)
    assert depth[0].max() < 0.1 < 0.3 < depth[44:48].mean() < depth[-1].mean() <= 1


def test_captions_are_always_the_same_for_one_scene() -> None:
    captions = sample(5).at(0.0).captions(4)
    assert captions == sample(5).at(3.0).captions(4)
    assert len(captions) == 4
