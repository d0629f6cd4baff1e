"""Other shapes than the square: does what was asked for still come, at the sizes that people ask for?"""

from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np

from sakuga.evaluation.fidelity import fidelity_figures, read
from sakuga.evaluation.score import CPU, Draw, Progress, gather, held_out_cases, moment_of
from sakuga.models.classifier import load_classifier
from sakuga.models.image_tensors import Pixels, reconstruct
from sakuga.models.sketchbook import open_vae

SIZES = ((192, 128), (128, 192), (256, 144))
"""Of 3:2, 2:3 and 16:9."""


def score_aspects(drawing: Callable[[int, int], Draw], weights: Path, n: int) -> Generator[Progress, None, dict[str, float]]:
    """Return the fidelity of `n` drawings of each size, where `drawing(width, height)` is what draws captions at one.

    The classifier reads pictures squashed to its square; `ceiling.` is the same for the autoencoder's reconstructions of the same scenes,
    rendered in that shape.
    """
    figures: dict[str, float] = {}
    for width, height in SIZES:
        figures |= yield from _score_size(drawing(width, height), width, height, weights, n)
    return figures


def _score_size(draw: Draw, width: int, height: int, weights: Path, n: int) -> Generator[Progress, None, dict[str, float]]:
    cases, classifier, vae = held_out_cases(n), load_classifier(weights / "classifier"), open_vae(weights).requires_grad_(False)

    def passed(chunk: range) -> Pixels:
        moments = [moment_of(cases[index].seed, width / height) for index in chunk]
        return reconstruct(vae, np.stack([moment.picture(width, height) for moment in moments]), CPU)

    drawn = yield from gather("drawing", n, lambda chunk: draw([cases[index].caption for index in chunk]))
    copies = yield from gather("autoencoder", n, passed)
    stated = np.stack([case.stated for case in cases])
    return fidelity_figures(
        f"aspects.{width}x{height}", read(classifier, drawn)[0], stated, ceiling=read(classifier, copies)[0]
    )  # fmt: skip
