"""In-betweens with rain: drops too fast for a flow are moved as a group, and nothing else is."""

from itertools import count

import numpy as np
import pytest

from sakuga.finishing import flow, specks
from sakuga.finishing.flow import both_flows, crossfade, flow_pair
from sakuga.finishing.inbetweens import crossfade_interpolation, flow_interpolation, interpolation_between
from sakuga.finishing.precipitation import Precipitation, find_precipitation

SIZE = 96


def hills(moment: float = 0.0) -> np.ndarray:
    """A land under a sky, the camera panning over it."""
    down, right = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    sky = np.stack([0.3 + 0.2 * down, 0.4 + 0.2 * down, 0.7 - 0.1 * down], axis=-1)
    land = (down > 0.6 + 0.08 * np.sin(7 * (right + 0.03 * moment)))[..., None]
    return np.rint(255 * np.where(land, (0.3, 0.45, 0.25), sky)).astype(np.uint8)


def rain(moment: float, fall: float = 25.0, drops: int = 16, seed: int = 1) -> np.ndarray:
    """Streaks, nine pixels long, that fall `fall` pixels from moment 0 to 1 and come in again at the top."""
    image, rng = hills(moment), np.random.default_rng(seed)
    for x, y in zip(rng.permutation(drops) * SIZE // drops, rng.uniform(0, 1.4 * SIZE, drops), strict=True):
        top = round((y + fall * moment) % (1.4 * SIZE) - 0.2 * SIZE)
        image[max(0, top) : max(0, top + 9), int(x) : int(x) + 2] = (235, 240, 250)
    return image


def falling(first: np.ndarray, second: np.ndarray) -> Precipitation | None:
    return find_precipitation(first, second, both_flows(first, second))


def error(made: np.ndarray, true: np.ndarray) -> float:
    return float(np.abs(made.astype(float) - true).mean())


def test_rain_too_fast_for_a_flow_keeps_falling() -> None:
    first, true, second = rain(0.0), rain(0.48), rain(1.0)
    fade = error(crossfade(first, second, 0.48), true)
    assert error(flow_pair(first, second).at(0.48), true) > 0.7 * fade
    assert error(flow_interpolation(first, second)(0.48), true) < 0.5 * fade


def test_the_background_behind_rain_is_restored() -> None:
    fall = falling(rain(0.0), rain(1.0))
    assert fall is not None
    for clean, moment in zip(fall.cleaned, (0.0, 1.0), strict=True):
        assert error(clean, hills(moment)) < 0.2 * error(rain(moment), hills(moment))


def test_the_path_of_the_rain_is_measured() -> None:
    fall = falling(rain(0.0), rain(1.0))
    assert fall is not None
    paths = np.array([one.path for one in fall.early if one.steady])
    assert len(paths) >= 8
    assert np.abs(np.median(paths, axis=0) - (0.0, 25.0)).max() < 1.5


def test_rain_at_random_places_is_no_group() -> None:
    assert falling(rain(0.0, seed=1), rain(0.0, seed=2)) is None


def test_nothing_falls_where_nothing_is_small_or_it_rises() -> None:
    assert falling(hills(0.0), hills(1.0)) is None
    assert falling(rain(1.0), rain(0.0)) is None


@pytest.mark.parametrize(("first", "second", "flows"), [(hills(0.0), hills(1.0), 3), (rain(0.0), rain(1.0), 6)])
def test_each_flow_is_computed_once(first: np.ndarray, second: np.ndarray, flows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of the images, two of them blurred against specks (one where the first has none), and two of the background of rain."""
    plain, calls = flow.optical_flow, count()

    def counting(before: np.ndarray, after: np.ndarray, finest_scale: int = 0) -> np.ndarray:
        next(calls)
        return plain(before, after, finest_scale)

    expected = flow_interpolation(first, second)(0.4)
    monkeypatch.setattr(flow, "optical_flow", counting)
    monkeypatch.setattr(specks, "optical_flow", counting)
    assert np.array_equal(flow_interpolation(first, second)(0.4), expected)
    assert next(calls) == flows


def test_a_shared_flow_gives_the_same_bits() -> None:
    first, second = hills(0.0), hills(1.0)
    assert np.array_equal(flow_interpolation(first, second)(0.4), flow_pair(first, second).at(0.4))


def test_the_ends_are_the_images_themselves() -> None:
    first, second = rain(0.0), rain(1.0)
    for method in ("flow", "crossfade"):
        assert np.array_equal(interpolation_between(first, second, method)(0.0), first)
        assert np.array_equal(interpolation_between(first, second, method)(1.0), second)


def test_a_pair_is_analyzed_once_and_a_latent_interpolator_is_passed_in() -> None:
    looks = count()

    def latent(first: np.ndarray, second: np.ndarray):
        next(looks)
        return crossfade_interpolation(second, first)

    between = interpolation_between(hills(), rain(0.0), "latent", latent)
    assert np.array_equal(between(0.25), crossfade(hills(), rain(0.0), 0.75))
    between(0.5)
    assert next(looks) == 1


@pytest.mark.parametrize("size", [(64, 90), (90, 64)])
def test_any_shape_goes(size: tuple[int, int]) -> None:
    first, second = rain(0.0)[: size[0], : size[1]], rain(1.0)[: size[0], : size[1]]
    assert flow_interpolation(first, second)(0.5).shape == (*size, 3)


def test_snow_over_another_sky_is_faded_without_discs_of_it() -> None:
    first, second = np.full_like(hills(), (40, 90, 220)), rain(1.0)
    rng = np.random.default_rng(2)
    first = np.clip(first + 60 * rng.normal(size=(SIZE, SIZE, 1)), 0, 255).astype(np.uint8)
    for x, y in rng.integers(4, SIZE - 4, (16, 2)):
        first[y : y + 3, x : x + 3] = 255
    assert flow_pair(first, second).confidence < flow.MIN_CONFIDENCE
    assert np.array_equal(flow_interpolation(first, second)(0.5), crossfade(first, second, 0.5))
