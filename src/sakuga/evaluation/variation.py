"""How much of a picture its variation keeps, and that it is another picture all the same."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeAlias

import numpy as np

from sakuga.evaluation.fidelity import read
from sakuga.evaluation.figure import counted, mean, numbers
from sakuga.evaluation.score import CPU, Progress, gather, render
from sakuga.models.classifier import ATTRIBUTES, Codes, load_classifier
from sakuga.models.image_tensors import Pixels, psnr, reconstruct
from sakuga.models.sketchbook import open_vae

Vary: TypeAlias = Callable[[Pixels], Pixels]
"""Draws a variation of each picture: (n, 128, 128, 3) to the same."""
CASES = 150_000_000
"""The seed of the first held-out scene that is varied; no training sees it."""
KEPT = ("subject", "place", "time")


def labels_kept(before: Codes, after: Codes) -> dict[str, tuple[float, int]]:
    """Return, for subject, place, time and all three together, the share of labels that stay, and of how many; both are (n, attributes).

    A portrait has no subject, so there it is not asked.
    """
    names = list(ATTRIBUTES)
    asked, stays = [], []
    for name in KEPT:
        column = names.index(name)
        asked.append((before[:, names.index("portrait")] == 0) | (name != "subject"))
        stays.append((before[:, column] == after[:, column])[asked[-1]])
    each = {name: (float(same.mean()), int(same.size)) for name, same in zip(KEPT, stays, strict=True) if same.size}
    every = np.concatenate(stays)
    return {**each, "labels_kept": (float(every.mean()), int(every.size))}


def score_variation(vary: Vary, weights: Path, n: int = 256) -> Generator[Progress, None, dict[str, float]]:
    """Score variations of `n` held-out renders, read by the label classifier; `ceiling.` is the same of the autoencoder's reconstructions.

    `variation.labels_kept` is the share of all labels read in the renders that are read in their variations too;
    `variation.psnr_db` says how near the pixels are: that of a copy would be the ceiling.
    """
    true = yield from gather("rendering", n, lambda chunk: np.stack([render(CASES + index) for index in chunk]))
    varied = yield from gather("drawing", n, lambda chunk: vary(true[chunk.start : chunk.stop]))
    vae = open_vae(weights).requires_grad_(False)
    passed = yield from gather("autoencoder", n, lambda chunk: reconstruct(vae, true[chunk.start : chunk.stop], CPU))
    classifier = load_classifier(weights / "classifier")
    before = read(classifier, true)[0]
    figures: dict[str, float] = {}
    for prefix, pictures in (("", varied), ("ceiling.", passed)):
        for name, (share, count) in labels_kept(before, read(classifier, pictures)[0]).items():
            figures |= {f"ceiling.variation.{name}": share} if prefix else numbers(counted(f"variation.{name}", share, count))
        near = mean("variation.psnr_db", psnr(pictures, true))
        figures |= {"ceiling.variation.psnr_db": near.value} if prefix else numbers(near)
    return figures
