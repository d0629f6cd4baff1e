"""SSIM agrees with torchmetrics; images of other sizes are refused."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from sakuga.evaluation.metric import Metric, MetricError, NotMeasured
from sakuga.evaluation.score import render
from sakuga.evaluation.similarity import diversity, similarity_metrics, ssim

FIRST, SECOND = render(7), render(8)


def test_ssim_is_that_of_torchmetrics() -> None:
    noisy = np.clip(FIRST + np.random.default_rng(0).normal(0, 20, FIRST.shape), 0, 255).astype(np.uint8)
    for second in (noisy, SECOND):
        x, y = (torch.from_numpy(image.astype(np.float64)).permute(2, 0, 1)[None] for image in (FIRST, second))
        _, everywhere = structural_similarity_index_measure(x, y, data_range=255.0, return_full_image=True)
        assert ssim(FIRST, second) == pytest.approx(float(everywhere[..., 5:-5, 5:-5].mean()), abs=1e-9), "where the window lies within"
    assert ssim(FIRST, FIRST) == pytest.approx(1.0)
    assert ssim(FIRST, noisy) > ssim(FIRST, SECOND)


def test_images_are_compared_in_pairs() -> None:
    similarity, ratio = similarity_metrics([FIRST, SECOND], [FIRST, FIRST])
    assert (similarity.n, ratio.key) == (2, "psnr_db")
    assert ratio.value > 50
    with pytest.raises(MetricError, match="2 images cannot be compared with 1: give as many of each"):
        similarity_metrics([FIRST, SECOND], [FIRST])
    with pytest.raises(MetricError, match=r"side of pair 1, 2 has 128x64 pixels and side of pair 1, 1 has 128x128: resize"):
        similarity_metrics([FIRST], [FIRST[:64]])
    with pytest.raises(MetricError, match="SSIM needs images of at least 11 px"):
        ssim(FIRST[:8], FIRST[:8])


def test_diversity_is_measured_within_a_prompt() -> None:
    def grey(first: np.ndarray, second: np.ndarray) -> float:
        return abs(float(first.mean()) - float(second.mean()))

    images = [np.full((4, 4, 3), level, np.uint8) for level in (0, 10, 100, 130)]
    found = diversity("diversity", images, ["a", "a", "b", "b"], grey)
    assert isinstance(found, Metric)
    assert (found.value, found.n) == (20.0, 2)
    assert isinstance(diversity("diversity", images, ["a", "b", "c", "d"], grey), NotMeasured)
    with pytest.raises(MetricError, match="4 images have 1 prompts"):
        diversity("diversity", images, ["a"], grey)
