"""Metrics of the upscaler against large renders."""

from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from sakuga.evaluation.held_out import held_out_cases, held_out_moment
from sakuga.evaluation.metric import mean, to_numbers
from sakuga.evaluation.score import CPU, Progress, gather
from sakuga.models.image_tensors import Images, downscale_half, psnr, reconstruct
from sakuga.models.sketchbook import NATIVE_SIZE, load_vae
from sakuga.models.upscaler import load_upscaler

TWICE = 2 * NATIVE_SIZE


def score_upscaler(weights: Path, n: int) -> Generator[Progress, None, dict[str, float]]:
    """Score the upscaler and Lanczos on held-out renders.

    `n` large renders, upscaled from reconstructions at half size.

    Besides PSNR, the mean error of neighbouring-pixel differences, which measures edges. Inputs are halved large renders, as small renders
    place their edges on their own pixel grid and differ by 32 dB.
    """
    cases, vae = held_out_cases(n), load_vae(weights).requires_grad_(False)
    methods: dict[str, Callable[[Images], Images]] = {"upscaler": load_upscaler(weights / "upscaler"), "lanczos": _lanczos}

    def compare(chunk: range) -> Images:
        large = np.stack([held_out_moment(cases[index].seed).image(TWICE, TWICE) for index in chunk])
        small = reconstruct(vae, downscale_half(large), CPU)
        made = [np.stack([double(image) for image in small]) for double in methods.values()]
        return np.stack([measure(one, large) for measure in (psnr, edge_error) for one in made], axis=1)

    found = yield from gather("upscaling", n, compare)
    names = [f"{metric}{method}" for metric in ("upscaler_psnr_db", "upscaler_edge_error") for method in ("", ".lanczos")]
    return to_numbers(*(mean(name, column) for name, column in zip(names, found.T, strict=True)))


def edge_error(first: Images, second: Images) -> NDArray[np.float64]:
    """Return the edge error of each pair of images.

    The mean difference of their neighbouring-pixel differences, 0 to 510.
    """
    apart = first.astype(np.float64) - second.astype(np.float64)
    across, down = (np.abs(np.diff(apart, axis=axis)).mean(axis=(1, 2, 3)) for axis in (2, 1))
    both: NDArray[np.float64] = (across + down) / 2
    return both


def _lanczos(image: Images) -> Images:
    return np.asarray(PILImage.fromarray(image).resize((TWICE, TWICE), PILImage.Resampling.LANCZOS))
