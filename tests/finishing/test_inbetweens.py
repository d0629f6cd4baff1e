"""In-betweens of falling things: rain that no flow can follow is moved as a whole, and what does not fall is left alone."""

from itertools import count

import numpy as np
import pytest

from sakuga.finishing.flow import crossfade, pair
from sakuga.finishing.inbetweens import crossfaded, flowed, inbetweener
from sakuga.finishing.precipitation import falling

SIZE = 96


def hills(moment: float = 0.0) -> np.ndarray:
    """A land under a sky, the camera panning over it."""
    down, right = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    sky = np.stack([0.3 + 0.2 * down, 0.4 + 0.2 * down, 0.7 - 0.1 * down], axis=-1)
    land = (down > 0.6 + 0.08 * np.sin(7 * (right + 0.03 * moment)))[..., None]
    return np.rint(255 * np.where(land, (0.3, 0.45, 0.25), sky)).astype(np.uint8)


def rain(moment: float, fall: float = 25.0, drops: int = 16, seed: int = 1) -> np.ndarray:
    """Streaks, nine pixels long, that fall `fall` pixels from moment 0 to 1 and come in again at the top."""
    picture, rng = hills(moment), np.random.default_rng(seed)
    for x, y in zip(rng.permutation(drops) * SIZE // drops, rng.uniform(0, 1.4 * SIZE, drops), strict=True):
        top = round((y + fall * moment) % (1.4 * SIZE) - 0.2 * SIZE)
        picture[max(0, top) : max(0, top + 9), int(x) : int(x) + 2] = (235, 240, 250)
    return picture


def error(drawn: np.ndarray, true: np.ndarray) -> float:
    return float(np.abs(drawn.astype(float) - true).mean())


def test_rain_too_fast_for_a_flow_falls_on() -> None:
    first, true, second = rain(0.0), rain(0.48), rain(1.0)
    fade = error(crossfade(first, second, 0.48), true)
    assert error(pair(first, second).at(0.48), true) > 0.7 * fade
    assert error(flowed(first, second)(0.48), true) < 0.5 * fade


def test_what_is_behind_the_rain_is_found() -> None:
    fall = falling(rain(0.0), rain(1.0))
    assert fall is not None
    for clean, moment in zip(fall.cleaned, (0.0, 1.0), strict=True):
        assert error(clean, hills(moment)) < 0.2 * error(rain(moment), hills(moment))


def test_the_way_of_the_rain_is_measured() -> None:
    fall = falling(rain(0.0), rain(1.0))
    assert fall is not None
    ways = np.array([one.way for one in fall.early if one.steady])
    assert len(ways) >= 8
    assert np.abs(np.median(ways, axis=0) - (0.0, 25.0)).max() < 1.5


def test_rain_at_random_places_is_no_group() -> None:
    assert falling(rain(0.0, seed=1), rain(0.0, seed=2)) is None


def test_nothing_falls_where_nothing_is_small_or_it_rises() -> None:
    assert falling(hills(0.0), hills(1.0)) is None
    assert falling(rain(1.0), rain(0.0)) is None


def test_the_ends_are_the_pictures_themselves() -> None:
    first, second = rain(0.0), rain(1.0)
    for way in ("flow", "crossfade"):
        assert np.array_equal(inbetweener(first, second, way)(0.0), first)
        assert np.array_equal(inbetweener(first, second, way)(1.0), second)


def test_a_way_is_looked_at_once_and_a_latent_one_is_handed_in() -> None:
    looks = count()

    def latent(first: np.ndarray, second: np.ndarray):
        next(looks)
        return crossfaded(second, first)

    between = inbetweener(hills(), rain(0.0), "latent", latent)
    assert np.array_equal(between(0.25), crossfade(hills(), rain(0.0), 0.75))
    between(0.5)
    assert next(looks) == 1


@pytest.mark.parametrize("size", [(64, 90), (90, 64)])
def test_any_shape_goes(size: tuple[int, int]) -> None:
    first, second = rain(0.0)[: size[0], : size[1]], rain(1.0)[: size[0], : size[1]]
    assert flowed(first, second)(0.5).shape == (*size, 3)
