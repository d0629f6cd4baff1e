"""Paper stands still and grain does not; both come from their seed alone."""

import numpy as np
import pytest

from sakuga.finishing.texture import add_texture


def grey(level: int, size: tuple[int, int] = (64, 96)) -> np.ndarray:
    return np.full((*size, 3), level, np.uint8)


def strayed(image: np.ndarray, level: int) -> np.ndarray:
    return image.astype(float) - level


def test_none_is_the_image_itself() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(add_texture(image, seed=3, number=5), image)


def test_paper_stays_and_grain_changes_with_every_frame() -> None:
    assert np.array_equal(add_texture(grey(180), paper=0.3, number=1), add_texture(grey(180), paper=0.3, number=2))
    first, second = (strayed(add_texture(grey(128), grain=0.3, number=number), 128)[..., 0] for number in (1, 2))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1


@pytest.mark.parametrize("given", [{"grain": 0.2}, {"paper": 0.3}])
def test_the_seed_decides_it_and_the_amount_scales_it(given: dict[str, float]) -> None:
    made = add_texture(grey(128), seed=1, **given)
    assert np.array_equal(made, add_texture(grey(128), seed=1, **given))
    assert not np.array_equal(made, add_texture(grey(128), seed=2, **given))
    twice = add_texture(grey(128), seed=1, **{name: 2 * value for name, value in given.items()})
    assert strayed(twice, 128).std() == pytest.approx(2 * strayed(made, 128).std(), rel=0.1)


@pytest.mark.parametrize("given", [{"grain": 0.4}, {"paper": 0.4}])
def test_brightness_stays_and_no_color_appears(given: dict[str, float]) -> None:
    made = strayed(add_texture(grey(128, (128, 128)), **given), 128)
    assert abs(made.mean()) < 0.5
    assert np.abs(made[..., 0] - made[..., 2]).max() <= 1


def test_grain_is_strongest_in_the_middle_tones_and_paper_in_the_light() -> None:
    grains = [strayed(add_texture(grey(level), grain=0.3), level).std() for level in (16, 128, 239)]
    assert grains[1] > 2 * max(grains[0], grains[2])
    papers = [strayed(add_texture(grey(level), paper=0.2), level).std() for level in (40, 120, 200)]
    assert papers[0] < papers[1] < papers[2]
