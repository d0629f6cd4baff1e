"""Precision, recall and the inception score agree with their definitions and with torchmetrics."""

import numpy as np
import pytest
import torch
from torch import nn
from torchmetrics.image.inception import InceptionScore

from sakuga.evaluation.metric import Metric, NotMeasured
from sakuga.evaluation.precision_recall import inception_score, precision_recall, within_manifold


def normal(n: int, width: int, seed: int, shift: float = 0.0) -> np.ndarray:
    mixed = np.random.default_rng(5).normal(size=(width, width)) / width**0.5
    return np.random.default_rng(seed).normal(size=(n, width)) @ mixed + shift


def test_an_image_is_within_a_manifold_by_third_neighbours() -> None:
    generated, true = normal(40, 3, 1), normal(60, 3, 2, shift=0.8)
    expected = []
    for sample in generated:
        reaches = [sorted(np.linalg.norm(true - other, axis=1))[3] for other in true]
        expected.append(any(np.linalg.norm(sample - other) <= reach for other, reach in zip(true, reaches, strict=True)))
    assert 0 < np.mean(expected) < 1
    assert within_manifold(generated, true).tolist() == expected


def test_outliers_lower_precision_and_missing_modes_recall() -> None:
    true = normal(200, 3, 1)
    narrow, wide = 0.2 * normal(200, 3, 2), 5 * normal(200, 3, 3)
    for generated, precise, covered in ((narrow, True, False), (wide, False, True)):
        precision, recall = precision_recall("classifier", generated, true)
        assert isinstance(precision, Metric)
        assert isinstance(recall, Metric)
        assert (precision.value > 0.9) == precise
        assert (recall.value > 0.6) == covered
    assert {type(outcome) for outcome in precision_recall("classifier", true[:20], true)} == {NotMeasured}


class IdentityExtractor(nn.Module):
    """Use the given images as logits."""

    num_features = 5

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


@pytest.mark.filterwarnings(r"ignore:std\(\):UserWarning", "ignore:Metric .* will save all extracted features")
def test_the_inception_score_is_that_of_torchmetrics() -> None:
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(80, 5)) * 3)
    reference = InceptionScore(feature=IdentityExtractor(), splits=1)
    reference.update(logits)
    found = inception_score("is", logits.softmax(dim=1).numpy())
    assert isinstance(found, Metric)
    assert found.value == pytest.approx(float(reference.compute()[0]), rel=1e-5)
    assert found.low is not None
    assert found.low < found.value
    certain = inception_score("is", np.eye(5)[np.arange(80) % 5])
    assert isinstance(certain, Metric)
    assert certain.value == pytest.approx(5.0)
    refused = inception_score("is", np.eye(5)[np.arange(49) % 5])
    assert isinstance(refused, NotMeasured)
    assert refused.reason == "49 images do not fill 5 classes"
