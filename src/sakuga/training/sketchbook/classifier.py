"""The label classifier stage.

It trains on rendered images only, never on generated ones.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sakuga.models.classifier import LabelClassifier, load_classifier, resize_square, with_all_attributes
from sakuga.models.image_tensors import to_tensor
from sakuga.sketchbook.label_codes import ATTRIBUTES, label_codes
from sakuga.training.sketchbook.image_dataset import EVERYTHING, HELD_OUT, HELD_OUT_LOOKS, ImageDataset
from sakuga.training.sketchbook.loop import StagePlan, StageSetup
from sakuga.training.step_random import StepRandom

PLAN = StagePlan(samples=160_000, batch=32, rate=2e-3, images=32_768, warmup=1_600, decay=0.05)


SQUASHED = 0.2
"""The share of batches in another aspect ratio, squashed to a square."""
ASPECTS = (
    replace(EVERYTHING, first_seed=30_000_000, width=160, height=96),
    replace(EVERYTHING, first_seed=40_000_000, width=96, height=160),
)


def all_codes(images: ImageDataset) -> Tensor:
    """Return the codes of every image, (images, attributes)."""
    described = zip(images.labels, images.looks, strict=True)
    return torch.from_numpy(np.stack([label_codes(labels, look) for labels, look in described]))


def augment(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Degrade images as an autoencoder or sampler might.

    Images are (n, 3, height, width); nothing moves.
    """
    if rng.random() < 0.3:
        size = [int(side / rng.uniform(1.1, 1.8)) for side in images.shape[-2:]]
        small = nn.functional.interpolate(images, size=size, mode="bilinear", antialias=True)
        images = nn.functional.interpolate(small, size=images.shape[-2:], mode="bilinear")
    shape = (len(images), 1, 1, 1)
    strength = torch.from_numpy(rng.normal(1.0, 0.05, shape).astype(np.float32)).to(images.device)
    light = torch.from_numpy(rng.normal(0.0, 0.03, (len(images), 3, 1, 1)).astype(np.float32)).to(images.device)
    if rng.random() < 0.3:
        noise = rng.standard_normal(images.shape, dtype=np.float32) * 0.05
        images = images + torch.from_numpy(noise).to(images.device)
    return images * strength + light


class ClassifierTask:
    """The label classifier in training."""

    def __init__(self, setup: StageSetup) -> None:
        self.plan, self.device = plan, device = setup.plan, setup.device
        torch.manual_seed(plan.seed)
        classifier: Any = LabelClassifier() if setup.start is None else with_all_attributes(load_classifier(setup.start / "classifier"))
        self.classifier: Any = classifier.to(device=device, memory_format=torch.channels_last).train()
        self.networks = self.classifier
        counts = (plan.images, *(max(1, plan.images // len(ASPECTS) // 4) for _ in ASPECTS))
        datasets = zip((EVERYTHING, *ASPECTS), counts, strict=True)
        self.images = [ImageDataset(dataset, count, setup.work, setup.processes) for dataset, count in datasets]
        self.codes = [all_codes(images) for images in self.images]
        self.held_out = [ImageDataset(dataset, min(512, plan.images), setup.work) for dataset in (HELD_OUT, HELD_OUT_LOOKS)]

    def losses(self, random: StepRandom) -> dict[str, Tensor]:
        """Return the cross-entropy over all labels of a batch."""
        rng = random.rng()
        dataset = 1 + int(rng.integers(len(ASPECTS))) if rng.random() < SQUASHED else 0
        chosen = rng.integers(len(self.images[dataset]), size=self.plan.batch)
        images = resize_square(augment(to_tensor(self.images[dataset].pixels(chosen), self.device), rng)).to(
            memory_format=torch.channels_last
        )
        features = self.classifier.features(images)
        return {"labels": self.classifier.heads.loss(features, self.codes[dataset][chosen].to(self.device))}

    def measure(self) -> dict[str, float]:
        """Return the accuracy of each label.

        On flat images and (after "looks.") on every look.
        """
        metrics: dict[str, float] = {}
        for prefix, images in zip(("", "looks."), self.held_out, strict=True):
            codes = all_codes(images)
            pixels = images.pixels(range(len(images)))
            read = torch.cat([self._predict(to_tensor(pixels[k : k + 64], self.device)) for k in range(0, len(pixels), 64)])
            for column, name in enumerate(ATTRIBUTES):
                known = codes[:, column] >= 0
                if not known.any():
                    continue
                metrics[f"{prefix}{name}"] = float((read[known, column] == codes[known, column]).float().mean())
        return metrics

    def _predict(self, images: Tensor) -> Tensor:
        return torch.stack([logits.argmax(-1) for logits in self.classifier(images)], dim=1).cpu()

    def sheet(self) -> None:
        """Return nothing: the network makes no images."""

    def save(self, weights: Path) -> None:
        """Write classifier/."""
        self.classifier.save(weights / "classifier")
