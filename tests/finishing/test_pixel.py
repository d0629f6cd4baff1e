"""Pixel art: colours that are measured as published, a palette that keeps what is small, a grid and a dither that stand still."""

from itertools import pairwise

import numpy as np
import pytest

from sakuga.finishing.color_difference import ciede2000
from sakuga.finishing.color_match import to_lab
from sakuga.finishing.console_palettes import PALETTES, TONES
from sakuga.finishing.palette import count_colors, fit_palette, map_to_palette
from sakuga.finishing.pixel import downscale, pixel_art, suppress_flicker

# From table 1 of Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula", 2005.
PUBLISHED = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
    ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
    ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (56, -27, -3), 31.9030),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("first", "second", "difference"), PUBLISHED)
def test_differences_are_those_published(first: tuple[float, ...], second: tuple[float, ...], difference: float) -> None:
    pair = np.array((first, second))
    assert ciede2000(pair[0], pair[1]) == pytest.approx(difference, abs=1e-4)
    assert ciede2000(pair[1], pair[0]) == pytest.approx(difference, abs=1e-4)


def sky(frames: int = 6, shimmer: int = 0) -> list[np.ndarray]:
    """A sky from blue to orange, 48 x 64, with a small red thing that wanders; `shimmer` grey levels of noise."""
    rng = np.random.default_rng(0)
    down = np.linspace(0, 1, 48)[:, None, None]
    ground = np.array((40, 70, 200)) * (1 - down) + np.array((250, 170, 90)) * down
    images = []
    for place in range(frames):
        image = np.broadcast_to(ground, (48, 64, 3)) + rng.integers(-shimmer, shimmer + 1, (48, 64, 1))
        image[20:24, 8 + 4 * place : 12 + 4 * place] = (220, 10, 30)
        images.append(image.clip(0, 255).astype(np.uint8))
    return images


def changed(frames: list[np.ndarray] | tuple[np.ndarray, ...]) -> float:
    """The share of cells that change from frame to frame, without the rows through which the red thing wanders."""
    still = [np.delete(frame, np.s_[20:24], axis=0) for frame in frames]
    return float(np.mean([before != after for before, after in pairwise(still)]))


def test_a_fitted_palette_includes_small_objects() -> None:
    frames = sky()
    palette = fit_palette(*count_colors(frames), 8)
    assert len(palette) == 8
    far = ciede2000(to_lab(palette[None])[0], to_lab(np.array([[[220, 10, 30]]], np.uint8))[0])
    assert far.min() < 6, "16 red cells of 3072 have a colour of the eight"
    assert (np.diff(to_lab(palette[None])[0, :, 0]) >= 0).all(), "dark to light"
    assert np.array_equal(palette, fit_palette(*count_colors(frames[::-1]), 8)), "the order of frames says nothing"


def test_fewer_colors_than_requested_are_kept_exactly() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    image[:4] = 255
    art = pixel_art([image], palette=16)
    assert art.palette.tolist() == [[0, 0, 0], [255, 255, 255]]
    assert np.array_equal(art.image(0), image)


def test_nothing_changes_where_nothing_moves() -> None:
    assert changed(pixel_art(sky()).frames) == 0
    assert changed(pixel_art(sky(shimmer=2)).frames) < 0.002
    each_alone = [pixel_art([frame]).image(0) for frame in sky(shimmer=2)]
    assert changed([(frame.astype(int) @ (1 << 16, 1 << 8, 1)) for frame in each_alone]) > 0.2, "a palette for each frame flickers"


def test_a_wanderer_leaves_no_trail() -> None:
    last = list(suppress_flicker(sky(shimmer=2)))[-1]
    assert np.abs(last.astype(int) - sky(shimmer=2)[-1]).max() < 16


def test_the_dither_mixes_missing_colors() -> None:
    grey = np.full((16, 16, 3), 158, np.uint8)  # half of the light of 100 and of 200
    for dither, shares in ((True, {8}), (False, {0, 16})):
        codes, _ = count_colors([grey])
        assert int(map_to_palette(codes, np.array([[100] * 3, [200] * 3], np.uint8), dither=dither).share[0]) in shares
    plain, dithered = (pixel_art(sky(1), palette="pico-8", dither=dither) for dither in ("none", "ordered"))
    blur = [to_lab(art.image(0).reshape(12, 4, 16, 4, 3).mean(axis=(1, 3)).astype(np.float32)) for art in (plain, dithered)]
    truth = to_lab(sky(1)[0].reshape(12, 4, 16, 4, 3).mean(axis=(1, 3)).astype(np.float32))
    far = [float(ciede2000(shown, truth).mean()) for shown in blur]
    assert far[1] < 0.8 * far[0], far


def test_a_screen_shows_with_few_colors_and_lightens_nothing() -> None:
    ramp = np.broadcast_to(np.linspace(60, 180, 64).astype(np.uint8)[:, None, None], (64, 64, 3))
    plain, screen = (pixel_art([ramp], palette=4, dither=dither).image(0).astype(int) for dither in ("none", "bayer"))
    steps = [int((np.abs(np.diff(shown[..., 0], axis=1)) > 0).sum()) for shown in (plain, screen)]
    assert steps[0] == 0
    assert steps[1] > 1000
    assert screen.mean() == pytest.approx(ramp.mean(), abs=4)


@pytest.mark.parametrize("name", PALETTES)
def test_every_named_palette_is_respected(name: str) -> None:
    shown = pixel_art(sky(2), palette=name).image(1)
    there = {tuple(colour) for colour in PALETTES[name].tolist()}
    assert {tuple(colour) for colour in shown.reshape(-1, 3).tolist()} <= there
    assert len(np.unique(PALETTES[name], axis=0)) == len(PALETTES[name])


def test_few_tones_use_their_full_range() -> None:
    faint = [(frame // 8 + 100).astype(np.uint8) for frame in sky(1)]
    for name in TONES:
        assert len(np.unique(pixel_art(faint, palette=name).frames[0])) == len(PALETTES[name])


def test_a_thin_line_survives_the_grid() -> None:
    image = np.full((60, 60, 3), 200, np.uint8)
    image[:, 31] = 20
    column = downscale(image, 6)[:, 5].mean()
    assert column < image[:, 30:36].mean() - 40, "darker than the plain mean"
    assert downscale(image[:59, :50], 6).shape == (9, 8, 3)
    assert np.array_equal(downscale(image, 1), image)


def test_scaling_mixes_no_pixels() -> None:
    art = pixel_art(sky(1))
    large = art.image(0, 3)
    assert np.array_equal(large[1::3, 2::3], art.image(0))
    assert large.shape == (144, 192, 3)
