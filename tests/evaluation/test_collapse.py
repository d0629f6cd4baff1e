"""Variance is measured over directions, and fading chains are detected."""

import numpy as np
import pytest

from sakuga.evaluation.collapse import chain_growth, chain_variance, variance
from sakuga.sketchbook.scene import sample


def test_variance_is_the_mean_squared_distance_to_the_mean_direction() -> None:
    embeddings = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    assert variance(embeddings) == pytest.approx(np.square(unit - unit.mean(axis=0)).sum(axis=1).mean(), abs=1e-6)
    assert variance(embeddings * np.arange(1, 8, dtype=np.float32)[:, None]) == pytest.approx(variance(embeddings), abs=1e-6)
    assert variance(embeddings[:1].repeat(4, axis=0)) == pytest.approx(0.0, abs=1e-6)


def test_a_chain_has_collapsed_if_its_last_images_are_nearly_alike() -> None:
    rng = np.random.default_rng(1)
    lively = rng.normal(size=(40, 16)).astype(np.float32)
    assert not chain_variance(lively).collapsed
    fading = lively.copy()
    fading[25:] = fading[25] + 0.02 * lively[25:]
    measured = chain_variance(fading)
    assert measured.collapsed
    assert measured.last < 0.01 < 0.5 < measured.first < 1
    assert not chain_variance(lively[:3]).collapsed
    assert not chain_variance(lively[:1]).collapsed


def test_a_chain_is_oversaturated_if_its_last_images_are_bright_patches() -> None:
    scenes = [sample(seed).at(1.0).image(64, 64) for seed in range(4)]
    patches = np.random.default_rng(2).integers(0, 2, (10, 16, 16, 3), np.uint8) * 255
    assert chain_growth([scenes[0], *patches.repeat(4, axis=1).repeat(4, axis=2)]).oversaturated
    grey = [scene.mean(axis=-1, keepdims=True).repeat(3, axis=-1).astype(np.uint8) for scene in scenes]
    for chain in (scenes, scenes[:1], grey[:1] + scenes[:1], [scenes[0]] + [255 - scene for scene in scenes]):
        assert not chain_growth(chain).oversaturated
