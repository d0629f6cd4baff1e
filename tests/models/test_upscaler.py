"""The upscaler doubles images of any size, and starts as bicubic enlargement."""

from pathlib import Path

import numpy as np
import torch

from sakuga.models.upscaler import Upscaler, load_upscaler, load_upscaler_network


def _trained() -> Upscaler:
    torch.manual_seed(0)
    network = Upscaler()
    torch.nn.init.normal_(network.tail.weight, std=0.02)
    return network.eval()


def test_the_untrained_upscaler_equals_bicubic_interpolation() -> None:
    images = torch.rand(1, 3, 12, 20) * 2 - 1
    expected = torch.nn.functional.interpolate(images, scale_factor=2, mode="bicubic")
    torch.testing.assert_close(Upscaler()(images), expected)


def test_the_network_is_small() -> None:
    assert 120_000 < sum(parameter.numel() for parameter in Upscaler().parameters()) < 250_000


def test_a_saved_network_loads_unchanged(tmp_path: Path) -> None:
    network = _trained()
    network.save(tmp_path)
    images = torch.rand(1, 3, 16, 16)
    with torch.inference_mode():
        torch.testing.assert_close(load_upscaler_network(tmp_path)(images), network(images), atol=1e-2, rtol=1e-2)


def test_images_of_any_size_are_doubled(tmp_path: Path) -> None:
    _trained().save(tmp_path)
    double = load_upscaler(tmp_path)
    flat = np.full((10, 18, 3), 128, np.uint8)
    image = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    assert double(flat).shape == (20, 36, 3)
    doubled = double(image)
    assert doubled.shape == (48, 80, 3)
    assert doubled.dtype == np.uint8
    assert np.array_equal(doubled, double(image))
