"""How near enlarged pictures come to the same pictures rendered large."""

from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
from PIL import Image

from sakuga.evaluation.figure import mean, numbers
from sakuga.evaluation.score import CPU, Progress, gather, held_out_cases, moment_of, render
from sakuga.models.reconstruction import Pixels, psnr, reconstruct
from sakuga.models.sketchbook import NATIVE_SIZE, open_vae
from sakuga.models.upscaler import load_upscaler

TWICE = 2 * NATIVE_SIZE


def score_upscaler(weights: Path, n: int) -> Generator[Progress, None, dict[str, float]]:
    """Double what the autoencoder makes of `n` held-out renders, by the upscaler and by Lanczos, and return the PSNR to large renders."""
    cases, vae = held_out_cases(n), open_vae(weights).requires_grad_(False)
    ways: dict[str, Callable[[Pixels], Pixels]] = {"upscaler": load_upscaler(weights / "upscaler"), "lanczos": _lanczos}

    def compared(chunk: range) -> Pixels:
        seeds = [cases[index].seed for index in chunk]
        small = reconstruct(vae, np.stack([render(seed) for seed in seeds]), CPU)
        large = np.stack([moment_of(seed).picture(TWICE, TWICE) for seed in seeds])
        return np.stack([psnr(np.stack([double(picture) for picture in small]), large) for double in ways.values()], axis=1)

    found = yield from gather("enlarging", n, compared)
    names = ("upscaler_psnr_db", "upscaler_psnr_db.lanczos")
    return numbers(*(mean(name, column) for name, column in zip(names, found.T, strict=True)))


def _lanczos(picture: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(picture).resize((TWICE, TWICE), Image.Resampling.LANCZOS))
