"""Specks are measured all together, each as if it were the only one."""

import numpy as np
import pytest

from sakuga.finishing.channels import channel_maximum, channel_mean, squared_length
from sakuga.finishing.flow import both_flows
from sakuga.finishing.specks import Speck, find_specks

SIZE = 90
PLACES = ((12, 20), (40, 14), (70, 60), (25, 75))


def snow(*places: tuple[int, int]) -> np.ndarray:
    """Flakes of 2 by 4 pixels on a blue sky, by their upper left corners."""
    image = np.full((SIZE, SIZE, 3), (60, 80, 120), np.uint8)
    for number, (x, y) in enumerate(places):
        image[y : y + 4, x : x + 2] = 200 + 10 * number
    return image


def specks(*places: tuple[int, int]) -> tuple[Speck, ...]:
    first, second = snow(*places), snow()
    found = find_specks(first, second, both_flows(first, second), 0, 20)
    assert found
    return found[0].specks


def test_center_color_and_size_are_those_of_the_pixels() -> None:
    for speck, (x, y) in zip(sorted(specks(*PLACES), key=lambda one: one.color[0]), PLACES, strict=True):
        assert speck.center == pytest.approx((x + 0.5, y + 1.5))
        assert np.exp(2 * speck.spread) == pytest.approx((2 / 7, 10 / 7))
        assert np.abs(speck.axis) == pytest.approx((0.0, 1.0))
        assert speck.color == pytest.approx([200 + 10 * PLACES.index((x, y))] * 3)
        assert speck.alpha.sum() == 8
        assert (speck.patch[speck.alpha == 1] == speck.color).all()


def test_a_speck_does_not_depend_on_others() -> None:
    together = {tuple(speck.corner): speck for speck in specks(*PLACES)}
    (alone,) = specks(PLACES[0])
    same = together[alone.corner]
    assert np.array_equal(alone.center, same.center)
    assert np.array_equal(alone.spread, same.spread)
    assert np.array_equal(alone.alpha, same.alpha)
    assert np.array_equal(alone.patch, same.patch)


def test_only_those_at_the_edge_are_at_the_edge() -> None:
    assert {speck.corner: speck.at_edge for speck in specks((0, 30), (40, 40))} == {(0, 28): True, (38, 38): False}


def test_too_many_or_too_few_are_none() -> None:
    first, second = snow(*PLACES), snow()
    flows = both_flows(first, second)
    assert find_specks(first, second, flows, 0, 3) is None
    assert find_specks(first, second, flows, 5, 9) is None


def test_reductions_over_channels_have_the_bits_of_numpys() -> None:
    values = np.random.default_rng(0).normal(size=(20, 30, 3)).astype(np.float32) * 100
    assert np.array_equal(channel_mean(values), values.mean(axis=-1))
    assert np.array_equal(channel_maximum(values), values.max(axis=-1))
    assert np.array_equal(squared_length(values[..., :2]), np.square(values[..., :2]).sum(axis=-1))
