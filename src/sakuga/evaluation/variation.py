"""Metrics of image variations: labels preserved, and pixel distance."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeAlias

import numpy as np

from sakuga.evaluation.metric import counted_share, mean, to_numbers
from sakuga.evaluation.score import CPU, Progress, gather, render
from sakuga.models.classifier import classify, load_classifier
from sakuga.models.image_tensors import Images, psnr, reconstruct
from sakuga.models.sketchbook import load_vae
from sakuga.sketchbook.label_codes import ATTRIBUTES, Codes

Vary: TypeAlias = Callable[[Images], Images]
"""Generates a variation of each image: (n, 128, 128, 3) to the same."""
CASES = 150_000_000
"""The seed of the first held-out scene; never trained on."""
COMPARED = ("subject", "place", "time")


def labels_kept(before: Codes, after: Codes) -> dict[str, tuple[float, int]]:
    """Return the share of preserved labels, and their number.

    For subject, place, time and all three.

    `before` and `after` are (n, attributes). Portraits have no subject and are left out there.
    """
    names = list(ATTRIBUTES)
    relevant, stays = [], []
    for name in COMPARED:
        column = names.index(name)
        relevant.append((before[:, names.index("portrait")] == 0) | (name != "subject"))
        stays.append((before[:, column] == after[:, column])[relevant[-1]])
    each = {name: (float(same.mean()), int(same.size)) for name, same in zip(COMPARED, stays, strict=True) if same.size}
    every = np.concatenate(stays)
    return {**each, "labels_kept": (float(every.mean()), int(every.size))}


def score_variation(vary: Vary, weights: Path, n: int = 256) -> Generator[Progress, None, dict[str, float]]:
    """Score variations of `n` held-out renders.

    `ceiling.` is the same of their reconstructions.

    `variation.labels_kept` is the share of the renders' labels that the classifier finds in the variations too; `variation.psnr_db` is the
    pixel similarity, at most that of a reconstruction.
    """
    true = yield from gather("rendering", n, lambda chunk: np.stack([render(CASES + index) for index in chunk]))
    varied = yield from gather("generating", n, lambda chunk: vary(true[chunk.start : chunk.stop]))
    vae = load_vae(weights).requires_grad_(False)
    reconstructed = yield from gather("autoencoder", n, lambda chunk: reconstruct(vae, true[chunk.start : chunk.stop], CPU))
    classifier = load_classifier(weights / "classifier")
    before = classify(classifier, true)[0]
    figures: dict[str, float] = {}
    for prefix, images in (("", varied), ("ceiling.", reconstructed)):
        for name, (share, count) in labels_kept(before, classify(classifier, images)[0]).items():
            figures |= {f"ceiling.variation.{name}": share} if prefix else to_numbers(counted_share(f"variation.{name}", share, count))
        near = mean("variation.psnr_db", psnr(images, true))
        figures |= {"ceiling.variation.psnr_db": near.value} if prefix else to_numbers(near)
    return figures
