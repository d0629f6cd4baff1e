"""Portraits show what their labels state, and keep their appearance over time."""

from dataclasses import replace
from itertools import product
from typing import get_args

import numpy as np
import pytest

from sakuga.sketchbook.display_list import Shape
from sakuga.sketchbook.hair import HAIR
from sakuga.sketchbook.labels import DressColor, Expression, HairColor, HairLength, Person, Portrait
from sakuga.sketchbook.people import DRESS, draw_figure, draw_portrait

CALM_GIRL = Portrait(person="girl", hair="red", hair_length="long", dress="blue", expression="calm")


def shapes_of(portrait: Portrait, seed: int = 0, t: float = 0.0, aspect: float = 1.0) -> list[Shape]:
    return draw_portrait(portrait, np.random.default_rng(seed), t, aspect)


def extent(shapes: list[Shape]) -> np.ndarray:
    return np.ptp(np.concatenate([shape.points for shape in shapes]), axis=0)


@pytest.mark.parametrize("person", get_args(Person))
def test_every_label_can_be_drawn(person: Person) -> None:
    for hair, length, expression in product(get_args(HairColor), get_args(HairLength), get_args(Expression)):
        shapes = shapes_of(Portrait(person=person, hair=hair, hair_length=length, dress="red", expression=expression), seed=4)
        assert all(np.isfinite(shape.points).all() and 0.7 < shape.near[0] <= 1.0 for shape in shapes)


@pytest.mark.parametrize("aspect", [0.56, 1.0, 1.78])
def test_the_head_is_large_and_in_the_middle_and_the_dress_runs_off_the_lower_edge(aspect: float) -> None:
    for seed in range(10):
        shapes = shapes_of(CALM_GIRL, seed, aspect=aspect)
        face = [shape for shape in shapes if shape.material == "skin" and shape.ink]
        points = np.concatenate([shape.points for shape in face])
        assert 0.38 < np.ptp(points[:, 1]) < 0.75
        assert abs(points[:, 0].mean() - aspect / 2) < 0.1 * aspect + 0.02
        dress = [shape for shape in shapes if shape.color == DRESS["blue"]]
        assert max(shape.points[:, 1].max() for shape in dress) > 1.0
        assert max(np.ptp(shape.points[:, 0]) for shape in dress) > 0.5


@pytest.mark.parametrize("color", get_args(HairColor))
def test_hair_has_its_color(color: HairColor) -> None:
    shapes = shapes_of(replace(CALM_GIRL, hair=color))
    assert any(shape.color == HAIR[color] and shape.material == "hair" for shape in shapes)


@pytest.mark.parametrize("color", get_args(DressColor))
def test_a_dress_has_its_color(color: DressColor) -> None:
    assert any(shape.color == DRESS[color] and shape.material == "cloth" for shape in shapes_of(replace(CALM_GIRL, dress=color)))


@pytest.mark.parametrize("person", get_args(Person))
def test_long_hair_falls_lower_than_short_hair(person: Person) -> None:
    ends = []
    for length in ("short", "long"):
        hair = [s for s in shapes_of(replace(CALM_GIRL, person=person, hair_length=length)) if s.material == "hair"]
        ends.append(max(shape.points[:, 1].max() for shape in hair))
    assert ends[1] > ends[0] + 0.12


def test_expressions_have_different_faces() -> None:
    faces = [shapes_of(replace(CALM_GIRL, expression=expression)) for expression in get_args(Expression)]
    details = [np.concatenate([s.points for s in face if s.material == "detail"]).sum() for face in faces]
    assert len(set(details)) == len(details)


def test_only_green_hair_has_the_red_star() -> None:
    def stars(portrait: Portrait) -> int:
        return sum(shape.material == "detail" and shape.ink for shape in shapes_of(portrait))

    assert stars(replace(CALM_GIRL, hair="green", dress="yellow")) == 1
    assert stars(CALM_GIRL) == 0


def test_a_portrait_keeps_its_appearance_while_it_moves() -> None:
    now, later = shapes_of(CALM_GIRL, 7, 0.0), shapes_of(CALM_GIRL, 7, 0.5)
    colors = [[shape.color for shape in shapes if shape.material in ("hair", "cloth")] for shapes in (now, later)]
    assert colors[0] == colors[1]
    hair = [next(shape.points for shape in shapes if shape.material == "hair") for shapes in (now, later)]
    assert not np.array_equal(*hair)


def test_eyes_blink_but_rarely() -> None:
    counts = [len(shapes_of(CALM_GIRL, 2, t)) for t in np.arange(0.0, 20.0, 0.05)]
    closed = sum(count < max(counts) for count in counts) / len(counts)
    assert 0.01 < closed < 0.12


def test_a_figure_stands_one_unit_high_and_walks() -> None:
    for seed in range(20):
        now, later = draw_figure(np.random.default_rng(seed), 0.2), draw_figure(np.random.default_rng(seed), 0.6)
        width, height = extent(now)
        assert 0.9 < height < 1.35
        assert width < 0.9
        assert [shape.color for shape in now] == [shape.color for shape in later]
        assert any(not np.array_equal(a.points, b.points) for a, b in zip(now, later, strict=True))
