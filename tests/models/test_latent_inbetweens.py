"""In-betweens in latent space start and end at the images, and are no cross-fade."""

from pathlib import Path

import numpy as np
import pytest

from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.latent_inbetweens import latent_interpolator


@pytest.fixture(scope="module")
def checkpoint(tiny_v_folder: Path) -> Checkpoint:
    return load_checkpoint(find_checkpoint(str(tiny_v_folder)))


def images(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.random.default_rng(3).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    return first, second


@pytest.mark.parametrize("size", [(32, 32), (30, 41)])
def test_interpolation_starts_and_ends_at_the_images(checkpoint: Checkpoint, size: tuple[int, int]) -> None:
    first, second = images(*size)
    at = latent_interpolator(checkpoint, first, second)
    assert np.array_equal(at(0.0), first)
    assert np.array_equal(at(1.0), second)
    assert np.abs(at(1e-4).astype(int) - first).max() <= 1
    assert np.abs(at(1 - 1e-4).astype(int) - second).max() <= 1


def test_the_middle_is_the_slerp_of_the_latents(checkpoint: Checkpoint) -> None:
    first, second = images(32, 32)
    middle = latent_interpolator(checkpoint, first, second)(0.5)
    assert middle.shape == first.shape
    assert not np.array_equal(middle, np.rint((first + second.astype(float)) / 2).astype(np.uint8))
    assert np.array_equal(middle, latent_interpolator(checkpoint, second, first)(0.5))
