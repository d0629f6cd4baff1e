"""Degraded images, from which CLIP learns the words of quality."""

import numpy as np
import torch
from torch import Tensor, nn

from sakuga.sketchbook.words import QUALITIES

NAMES = tuple(QUALITIES)
GOOD = NAMES.index("good")


def _smooth(field: Tensor, size: tuple[int, int], parts: int) -> Tensor:
    small = nn.functional.interpolate(field, size=(parts, parts), mode="area")
    return nn.functional.interpolate(small, size=size, mode="bilinear")


def degrade(image: Tensor, quality: str, rng: np.random.Generator) -> Tensor:
    """Return a copy of an image of the given quality.

    Images are (3, height, width) in [-1, 1].
    """
    size = (image.shape[-2], image.shape[-1])
    match quality:
        case "blurred":
            return _smooth(image[None], size, int(size[0] / rng.uniform(5, 14)))[0]
        case "washed out":
            return image * rng.uniform(0.1, 0.35) + rng.uniform(0.2, 0.7)
        case "empty":
            ends = torch.from_numpy(rng.uniform(-1, 1, (1, 3, 2, 1)).astype(np.float32)).to(image.device)
            ends[:, :, 1] = ends[:, :, 0] + (ends[:, :, 1] - ends[:, :, 0]) * float(rng.choice([0.0, 0.15, 0.4]))
            return nn.functional.interpolate(ends, size=size, mode="bilinear")[0]
        case "texture":
            noise = torch.from_numpy(rng.standard_normal((1, 3, *size), dtype=np.float32)).to(image.device)
            rough = _smooth(noise, size, int(rng.choice([8, 16, 32, 64]))) if rng.random() < 0.7 else noise
            tint = torch.from_numpy(rng.uniform(-0.7, 0.7, (3, 1, 1)).astype(np.float32)).to(image.device)
            return (rough[0] / rough.std() * rng.uniform(0.1, 0.4) + tint).clamp(-1, 1)
        case _:
            return image


def add_quality_words(quality: str, text: str, rng: np.random.Generator) -> str:
    """Return a caption that states the quality.

    It names what the image shows where it shows something.
    """
    words = QUALITIES[quality][int(rng.integers(len(QUALITIES[quality])))]
    if quality in ("empty", "texture") or rng.random() < 0.25:
        return words
    return f"{words}, {text}" if rng.random() < 0.5 else f"{text}, {words}"
