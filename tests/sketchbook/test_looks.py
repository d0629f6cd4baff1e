"""Every look paints the same drawing in its own way."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from sakuga.sketchbook import looks
from sakuga.sketchbook.display_list import Color, DisplayList, Material, Shape
from sakuga.sketchbook.labels import LOOKS, Look


def ring(x: float, y: float, radius: float, count: int = 24) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=-1)


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def land(height: float, swell: float, phase: float, color: Color, material: Material, near: tuple[float, float]) -> Shape:
    x = np.linspace(-0.1, 1.6, 40)
    top = np.stack([x, height + swell * np.sin(4 * x + phase)], axis=-1)
    return Shape(points=np.concatenate([top, [(1.6, 1.1), (-0.1, 1.1)]]), color=color, material=material, near=near)


def cottage_drawing(seed: int = 0) -> DisplayList:
    """A cottage and a tree on hills under sun and clouds."""
    shapes = [Shape(points=ring(0.75, 0.2, 0.07), color=(1.0, 0.93, 0.6), material="light", glow=1.0, ink=False)]
    for x, y, size in [(0.15, 0.18, 0.06), (0.23, 0.16, 0.08), (0.32, 0.19, 0.06), (0.55, 0.3, 0.04), (0.6, 0.29, 0.05)]:
        shapes.append(Shape(points=ring(x, y, size), color=(0.97, 0.97, 0.98), material="cloud", soft=0.006, alpha=0.95, ink=False))
    shapes += [
        land(0.5, 0.06, 0.5, (0.55, 0.68, 0.78), "far", (0.12, 0.2)),
        land(0.62, 0.05, 2.0, (0.5, 0.72, 0.42), "ground", (0.25, 0.5)),
        land(0.74, 0.04, 4.0, (0.38, 0.62, 0.3), "ground", (0.4, 1.0)),
        Shape(points=box(0.3, 0.56, 0.54, 0.76), color=(0.93, 0.85, 0.7), material="building", near=(0.5, 0.5)),
        Shape(points=np.array([(0.26, 0.57), (0.42, 0.42), (0.58, 0.57)]), color=(0.75, 0.3, 0.22), material="building", near=(0.5, 0.5)),
        Shape(points=box(0.4, 0.65, 0.46, 0.76), color=(0.45, 0.28, 0.18), material="detail", near=(0.5, 0.5)),
        Shape(points=box(0.33, 0.61, 0.38, 0.66), color=(1.0, 0.85, 0.4), material="light", near=(0.5, 0.5), glow=0.8),
        Shape(points=box(0.47, 0.61, 0.52, 0.66), color=(1.0, 0.85, 0.4), material="light", near=(0.5, 0.5), glow=0.8),
        Shape(points=box(0.79, 0.6, 0.82, 0.8), color=(0.4, 0.26, 0.17), material="detail", near=(0.6, 0.6)),
    ]
    for x, y, size in [(0.74, 0.56, 0.08), (0.86, 0.56, 0.08), (0.8, 0.49, 0.1)]:
        shapes.append(Shape(points=ring(x, y, size), color=(0.25, 0.52, 0.27), material="foliage", near=(0.6, 0.6)))
    rng = np.random.default_rng(seed)
    for x, y in rng.uniform((0, 0.82), (1, 0.98), (20, 2)):
        shapes.append(Shape(points=ring(x, y, 0.01, 6), color=(0.9, 0.4, 0.5), material="detail", near=(y, y), ink=False))
    for x, y in rng.uniform((0.3, 0.1), (0.5, 0.3), (4, 2)):
        wings = np.array([(x - 0.02, y - 0.01), (x, y), (x + 0.02, y - 0.01)])
        shapes.append(Shape(points=wings, color=(0.2, 0.2, 0.25), material="detail", stroke=0.006, ink=False))
    shapes.append(Shape(points=box(-0.1, 0.55, 1.6, 0.68), color=(1.0, 1.0, 1.0), material="mist", alpha=0.15, soft=0.04, ink=False))
    return DisplayList(
        aspect=1.0,
        sky=((0.0, (0.35, 0.6, 0.9)), (0.6, (0.85, 0.92, 0.96))),
        shapes=tuple(shapes),
        light_from=(0.75, 0.2),
        light=(1.0, 0.93, 0.75),
        seed=seed,
    )


COTTAGE = cottage_drawing()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("width", "height"), [(64, 64), (130, 70), (96, 160), (256, 256)])
def test_every_look_paints_any_size_and_the_same_bytes_again(look: Look, width: int, height: int) -> None:
    image = looks.paint(COTTAGE, width, height, look)
    assert image.shape == (height, width, 3)
    assert image.dtype == np.uint8
    assert np.array_equal(image, looks.paint(cottage_drawing(), width, height, look))


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_paints_an_empty_sky(look: Look) -> None:
    image = looks.paint(replace(COTTAGE, shapes=()), 64, 64, look)
    assert image[8:-8, 8:-8].mean() > 120


@pytest.mark.parametrize(("first", "second"), list(combinations(LOOKS, 2)))
def test_no_look_is_like_another(first: Look, second: Look) -> None:
    difference = np.abs(looks.paint(COTTAGE, 128, 128, first).astype(float) - looks.paint(COTTAGE, 128, 128, second))
    assert difference.mean() > 8


@pytest.mark.parametrize("look", LOOKS)
def test_paper_and_grain_do_not_crawl_when_something_moves(look: Look) -> None:
    first, *others = COTTAGE.shapes
    bird = Shape(points=ring(0.3, 0.9, 0.02), color=(0.1, 0.1, 0.1), material="detail")
    moved = replace(bird, points=bird.points + np.array((0.05, 0.01)))
    before, after = (looks.paint(replace(COTTAGE, shapes=(first, *others, shape)), 128, 128, look) for shape in (bird, moved))
    assert np.array_equal(before[:64], after[:64])
    assert not np.array_equal(before[64:], after[64:])


def test_flat_edges_move_by_less_than_a_pixel() -> None:
    shape = Shape(points=box(0.3, 0.3, 0.7, 0.7), color=(1.0, 0.0, 0.0), material="detail")
    sums = []
    for step in range(5):
        moved = replace(shape, points=shape.points + np.array((step * 0.2 / 128, 0.0)))
        image = looks.paint(replace(COTTAGE, sky=((0.0, (0.0, 0.0, 0.0)),), shapes=(moved,)), 128, 128)
        sums.append((image[64, :, 0] * np.arange(128)).sum() / image[64, :, 0].sum())
    assert np.all(np.diff(sums) > 0.08)


def test_a_soft_or_clear_shape_lets_the_sky_through() -> None:
    black = Shape(points=box(0.25, 0.25, 0.75, 0.75), color=(0.0, 0.0, 0.0), material="detail")
    white = replace(COTTAGE, sky=((0.0, (1.0, 1.0, 1.0)),))
    half = looks.paint(replace(white, shapes=(replace(black, alpha=0.5),)), 64, 64)
    assert abs(int(half[32, 32, 0]) - 128) <= 1
    soft = looks.paint(replace(white, shapes=(replace(black, soft=0.08),)), 64, 64)[32, :, 0].astype(int)
    assert soft[32] < 10
    assert np.all(np.diff(soft[4:28]) <= 0)
    assert np.ptp(soft[11:21]) > 100
    assert np.abs(np.diff(soft[4:28])).max() < 60


def test_a_pixel_image_is_on_its_grid_and_of_its_palette() -> None:
    image = looks.paint(COTTAGE, 256, 256, "pixel")
    cells = image[::4, ::4]
    assert np.array_equal(image, cells.repeat(4, axis=0).repeat(4, axis=1))
    assert len(np.unique(cells.reshape(-1, 3), axis=0)) <= 24


def test_cel_and_comic_draw_dark_lines_that_flat_has_not() -> None:
    wall = (slice(75, 95), slice(34, 44))  # over the left edge of the cottage
    darkest = {look: looks.paint(COTTAGE, 128, 128, look)[wall].sum(axis=-1).min() for look in LOOKS}
    assert darkest["comic"] < darkest["cel"] < 0.5 * darkest["flat"]
    dark = {look: (looks.paint(COTTAGE, 128, 128, look)[wall].sum(axis=-1) < 200).mean() for look in LOOKS}
    assert dark["comic"] > 1.5 * dark["cel"]


def test_comic_prints_dots_in_the_sky() -> None:
    bands = {look: looks.paint(COTTAGE, 128, 128, look)[8:12, 64:96].astype(float).std(axis=(0, 1)).max() for look in LOOKS}
    assert bands["comic"] > 20
    assert bands["comic"] > 3 * max(bands["flat"], bands["cel"])


def test_watercolor_is_pale_and_leaves_a_rim_of_paper() -> None:
    flat, pale = looks.paint(COTTAGE, 128, 128), looks.paint(COTTAGE, 128, 128, "watercolor")
    assert pale[8:-8, 8:-8].mean() > flat[8:-8, 8:-8].mean() + 8
    assert np.ptp(pale, axis=-1).mean() < 0.8 * np.ptp(flat, axis=-1).mean()
    assert pale[0].min() > 225


def test_luminous_is_brightest_about_the_sun() -> None:
    image = looks.paint(COTTAGE, 128, 128, "luminous").astype(float).mean(axis=-1)
    assert image[20:32, 90:102].mean() > 240
    assert image[40, 96] > image[40, 4] + 20


def test_depth_is_of_the_front_most_solid_thing() -> None:
    near = looks.depth(COTTAGE, 128, 128)
    assert near.dtype == np.float32
    assert near[80, 45] == 0.5
    assert near[5, 5] == 0
    assert near[int(0.18 * 128), int(0.23 * 128)] == 0, "a cloud is as far as the sky"
    assert np.all(np.diff(near[100:, 1]) >= 0)
    assert 0.8 < near[-1, 1] <= 1


def test_mist_has_no_depth() -> None:
    solid = [shape for shape in COTTAGE.shapes if shape.material != "mist"]
    assert np.array_equal(looks.depth(COTTAGE, 96, 96), looks.depth(replace(COTTAGE, shapes=tuple(solid)), 96, 96))
