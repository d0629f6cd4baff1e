"""In-betweens in latent space begin and end in the pictures themselves, and are not a cross-fade."""

from pathlib import Path

import numpy as np
import pytest

from sakuga.models.checkpoint import Checkpoint, load
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.latent_inbetweens import latent_between


@pytest.fixture(scope="module")
def checkpoint(tiny_v_folder: Path) -> Checkpoint:
    return load(find_checkpoint(str(tiny_v_folder)))


def pictures(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.random.default_rng(3).integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    return first, second


@pytest.mark.parametrize("size", [(32, 32), (30, 41)])
def test_the_ends_are_the_pictures_and_nothing_jumps_there(checkpoint: Checkpoint, size: tuple[int, int]) -> None:
    first, second = pictures(*size)
    at = latent_between(checkpoint, first, second)
    assert np.array_equal(at(0.0), first)
    assert np.array_equal(at(1.0), second)
    assert np.abs(at(1e-4).astype(int) - first).max() <= 1
    assert np.abs(at(1 - 1e-4).astype(int) - second).max() <= 1


def test_the_middle_lies_on_the_arc_between_the_latents(checkpoint: Checkpoint) -> None:
    first, second = pictures(32, 32)
    middle = latent_between(checkpoint, first, second)(0.5)
    assert middle.shape == first.shape
    assert not np.array_equal(middle, np.rint((first + second.astype(float)) / 2).astype(np.uint8))
    assert np.array_equal(middle, latent_between(checkpoint, second, first)(0.5))
