"""Fidelity at other aspect ratios than square."""

from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np

from sakuga.evaluation.fidelity import fidelity_figures
from sakuga.evaluation.held_out import held_out_cases, held_out_moment
from sakuga.evaluation.score import CPU, GenerateImages, Progress, gather
from sakuga.models.classifier import classify, load_classifier
from sakuga.models.image_tensors import Images, reconstruct
from sakuga.models.sketchbook import load_vae

SIZES = ((192, 128), (128, 192), (256, 144))
"""Sizes of 3:2, 2:3 and 16:9."""


def score_aspects(generate_at: Callable[[int, int], GenerateImages], weights: Path, n: int) -> Generator[Progress, None, dict[str, float]]:
    """Score the fidelity of `n` images at each size.

    `generate_at(width, height)` returns the generator.

    The classifier reads images resized to its square; `ceiling.` is the same for the autoencoder's reconstructions of the same scenes,
    rendered at that aspect ratio.
    """
    figures: dict[str, float] = {}
    for width, height in SIZES:
        figures |= yield from _score_size(generate_at(width, height), width, height, weights, n)
    return figures


def _score_size(generate: GenerateImages, width: int, height: int, weights: Path, n: int) -> Generator[Progress, None, dict[str, float]]:
    cases, classifier, vae = held_out_cases(n), load_classifier(weights / "classifier"), load_vae(weights).requires_grad_(False)

    def reconstruct_chunk(chunk: range) -> Images:
        moments = [held_out_moment(cases[index].seed, width / height) for index in chunk]
        return reconstruct(vae, np.stack([moment.image(width, height) for moment in moments]), CPU)

    generated = yield from gather("generating", n, lambda chunk: generate([cases[index].caption for index in chunk]))
    copies = yield from gather("autoencoder", n, reconstruct_chunk)
    stated = np.stack([case.stated for case in cases])
    return fidelity_figures(
        f"aspects.{width}x{height}", classify(classifier, generated)[0], stated, ceiling=classify(classifier, copies)[0]
    )  # fmt: skip
