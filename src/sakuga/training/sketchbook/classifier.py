"""Train the label classifier, on rendered pictures only: what drawn pictures are read by must never have seen one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sakuga.models.classifier import ATTRIBUTES, LabelClassifier, codes_of, load_classifier, squared
from sakuga.models.image_tensors import to_tensor
from sakuga.training.sketchbook.loop import Plan
from sakuga.training.sketchbook.pictures import EVERYTHING, HELD_OUT, HELD_OUT_LOOKS, Pictures
from sakuga.training.step_random import Chance

PLAN = Plan(samples=160_000, batch=32, rate=2e-3, pictures=32_768, warmup=1_600, decay=0.05)


SQUASHED = 0.2
"""The share of batches of another aspect, which are read squashed to a square."""
ASPECTS = (
    replace(EVERYTHING, first_seed=30_000_000, width=160, height=96),
    replace(EVERYTHING, first_seed=40_000_000, width=96, height=160),
)


def all_codes(pictures: Pictures) -> Tensor:
    """Return the codes of every picture, (pictures, attributes)."""
    described = zip(pictures.labels, pictures.looks, strict=True)
    return torch.from_numpy(np.stack([codes_of(labels, look) for labels, look in described]))


def vary(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Change pictures (n, 3, height, width) as an autoencoder or a sampler might: softer, paler or stronger, noisy; nothing moves."""
    if rng.random() < 0.3:
        size = [int(side / rng.uniform(1.1, 1.8)) for side in pictures.shape[-2:]]
        small = nn.functional.interpolate(pictures, size=size, mode="bilinear", antialias=True)
        pictures = nn.functional.interpolate(small, size=pictures.shape[-2:], mode="bilinear")
    shape = (len(pictures), 1, 1, 1)
    strength = torch.from_numpy(rng.normal(1.0, 0.05, shape).astype(np.float32)).to(pictures.device)
    light = torch.from_numpy(rng.normal(0.0, 0.03, (len(pictures), 3, 1, 1)).astype(np.float32)).to(pictures.device)
    if rng.random() < 0.3:
        noise = rng.standard_normal(pictures.shape, dtype=np.float32) * 0.05
        pictures = pictures + torch.from_numpy(noise).to(pictures.device)
    return pictures * strength + light


class ClassifierTask:
    """The label classifier in training."""

    def __init__(self, plan: Plan, work: Path, device: torch.device, processes: int, start: Path | None = None) -> None:
        self.plan, self.device = plan, device
        torch.manual_seed(plan.seed)
        classifier: Any = LabelClassifier() if start is None else load_classifier(start / "classifier")
        self.classifier: Any = classifier.to(device=device, memory_format=torch.channels_last).train()
        self.networks = self.classifier
        counts = (plan.pictures, *(max(1, plan.pictures // len(ASPECTS) // 4) for _ in ASPECTS))
        self.pictures = [Pictures(album, count, work, processes) for album, count in zip((EVERYTHING, *ASPECTS), counts, strict=True)]
        self.codes = [all_codes(pictures) for pictures in self.pictures]
        self.held_out = [Pictures(album, min(512, plan.pictures), work) for album in (HELD_OUT, HELD_OUT_LOOKS)]

    def losses(self, chance: Chance) -> dict[str, Tensor]:
        """Return the cross-entropy over all labels of a batch."""
        rng = chance.rng()
        album = 1 + int(rng.integers(len(ASPECTS))) if rng.random() < SQUASHED else 0
        chosen = rng.integers(len(self.pictures[album]), size=self.plan.batch)
        pictures = squared(vary(to_tensor(self.pictures[album].pixels(chosen), self.device), rng)).to(memory_format=torch.channels_last)
        features = self.classifier.features(pictures)
        return {"labels": self.classifier.heads.loss(features, self.codes[album][chosen].to(self.device))}

    def measure(self) -> dict[str, float]:
        """Return the share of labels read rightly, on flat pictures and (after "looks.") on every look."""
        figures: dict[str, float] = {}
        for prefix, pictures in zip(("", "looks."), self.held_out, strict=True):
            codes = all_codes(pictures)
            pixels = pictures.pixels(range(len(pictures)))
            read = torch.cat([self._read(to_tensor(pixels[k : k + 64], self.device)) for k in range(0, len(pixels), 64)])
            for column, name in enumerate(ATTRIBUTES):
                known = codes[:, column] >= 0
                if not known.any():
                    continue
                figures[f"{prefix}{name}"] = float((read[known, column] == codes[known, column]).float().mean())
        return figures

    def _read(self, pictures: Tensor) -> Tensor:
        return torch.stack([logits.argmax(-1) for logits in self.classifier(pictures)], dim=1).cpu()

    def sheet(self) -> None:
        """Show nothing: it makes no pictures."""

    def save(self, weights: Path) -> None:
        """Write classifier/."""
        self.classifier.save(weights / "classifier")
