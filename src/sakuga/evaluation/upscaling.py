"""How near enlarged pictures come to the same pictures rendered large."""

from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sakuga.evaluation.figure import mean, numbers
from sakuga.evaluation.score import CPU, Progress, gather, held_out_cases, moment_of
from sakuga.models.image_tensors import Pixels, halved, psnr, reconstruct
from sakuga.models.sketchbook import NATIVE_SIZE, open_vae
from sakuga.models.upscaler import load_upscaler

TWICE = 2 * NATIVE_SIZE


def score_upscaler(weights: Path, n: int) -> Generator[Progress, None, dict[str, float]]:
    """Return how near the upscaler and Lanczos come to `n` held-out large renders from what the autoencoder makes of them halved.

    Besides the PSNR, the mean error of the differences of neighbouring pixels, which is that of edges. Renders at the small size would not
    do: they place their edges by their own pixels, and are 32 dB from the large ones halved.
    """
    cases, vae = held_out_cases(n), open_vae(weights).requires_grad_(False)
    ways: dict[str, Callable[[Pixels], Pixels]] = {"upscaler": load_upscaler(weights / "upscaler"), "lanczos": _lanczos}

    def compared(chunk: range) -> Pixels:
        large = np.stack([moment_of(cases[index].seed).picture(TWICE, TWICE) for index in chunk])
        small = reconstruct(vae, halved(large), CPU)
        made = [np.stack([double(picture) for picture in small]) for double in ways.values()]
        return np.stack([measure(one, large) for measure in (psnr, edge_error) for one in made], axis=1)

    found = yield from gather("enlarging", n, compared)
    names = [f"{figure}{way}" for figure in ("upscaler_psnr_db", "upscaler_edge_error") for way in ("", ".lanczos")]
    return numbers(*(mean(name, column) for name, column in zip(names, found.T, strict=True)))


def edge_error(first: Pixels, second: Pixels) -> NDArray[np.float64]:
    """Return how far the differences of neighbouring pixels, across and down, are apart on average in each pair of pictures, 0 to 510."""
    apart = first.astype(np.float64) - second.astype(np.float64)
    across, down = (np.abs(np.diff(apart, axis=axis)).mean(axis=(1, 2, 3)) for axis in (2, 1))
    both: NDArray[np.float64] = (across + down) / 2
    return both


def _lanczos(picture: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(picture).resize((TWICE, TWICE), Image.Resampling.LANCZOS))
