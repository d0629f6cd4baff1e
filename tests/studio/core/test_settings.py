"""What a model draws where something else is asked for."""

from dataclasses import replace

import pytest

from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio.core.settings import drawn_size

SKETCHBOOK = find_checkpoint().facts
STABLE_DIFFUSION = replace(SKETCHBOOK, native_size=512, multiple=64)


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ((256, 256), (128, 128)),
        ((384, 256), (192, 128)),
        ((256, 384), (128, 192)),
        ((1920, 1080), (160, 96)),
        ((640, 480), (160, 128)),
        ((400, 100), (256, 64)),
        ((100, 400), (64, 256)),
    ],
)
def test_the_sketchbook_draws_the_shape_that_is_asked_for_where_its_levels_let_it(asked: tuple[int, int], drawn: tuple[int, int]) -> None:
    assert drawn_size(*asked, SKETCHBOOK) == drawn


@pytest.mark.parametrize("asked", [(512, 512), (768, 512), (512, 768), (1920, 1080), (640, 480), (2100, 900), (400, 100)])
def test_a_drawing_is_near_in_shape_and_area(asked: tuple[int, int]) -> None:
    width, height = drawn_size(*asked, STABLE_DIFFUSION)
    assert width % 64 == height % 64 == 0
    assert 0.9 < (width / height) / (asked[0] / asked[1]) < 1.1
    assert 0.9 < width * height / 512**2 < 1.6
