"""How like two pictures of one size are, pixel by pixel, and how unlike the pictures of one prompt."""

from collections.abc import Callable, Hashable, Sequence
from itertools import combinations

import cv2
import numpy as np

from sakuga.evaluation.figure import Figure, Outcome, Refused, ScoreError, mean
from sakuga.evaluation.interval import Values
from sakuga.finishing.image import Picture
from sakuga.models.image_tensors import psnr

WINDOW, DEVIATION = 11, 1.5
STEADY = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def same_size(pictures: Sequence[Picture], called: str = "picture") -> None:
    """Refuse pictures of different sizes; raises ScoreError, which names the first that differs."""
    for place, picture in enumerate(pictures):
        if picture.shape != pictures[0].shape:
            height, width = picture.shape[:2]
            first = "x".join(str(length) for length in pictures[0].shape[1::-1])
            raise ScoreError(f"{called} {place + 1} has {width}x{height} pixels and {called} 1 has {first}: bring them to one size")


def likenesses(made: Sequence[Picture], wanted: Sequence[Picture]) -> tuple[Figure, Figure]:
    """Return mean SSIM and PSNR (dB) of pictures with those that they are to be: picture i with picture i."""
    if len(made) != len(wanted) or not len(made):
        raise ScoreError(f"{len(made)} pictures cannot be compared with {len(wanted)}: give as many of each")
    for place, pair in enumerate(zip(made, wanted, strict=True), 1):
        same_size(pair, called=f"side of pair {place},")
    ratios = [float(psnr(one[None], other[None])[0]) for one, other in zip(made, wanted, strict=True)]
    return mean("ssim", [ssim(*pair) for pair in zip(made, wanted, strict=True)]), mean("psnr_db", ratios)


def ssim(first: Picture, second: Picture) -> float:
    """Return the structural similarity of two pictures of 11 px or more (Wang et al. 2004, equation 13): 1.0 is the same.

    The mean over colours, and over all places where the window of 11 px (a Gaussian of 1.5) lies within the picture.
    """
    if min(first.shape[:2]) < WINDOW:
        raise ScoreError(f"SSIM looks at windows of {WINDOW} px: the picture is smaller")
    x, y = first.astype(np.float64), second.astype(np.float64)
    mean_x, mean_y, xx, yy, xy = (_blurred(one) for one in (x, y, x * x, y * y, x * y))
    low, high = STEADY
    alike = (2 * mean_x * mean_y + low) * (2 * (xy - mean_x * mean_y) + high)
    scale = (mean_x**2 + mean_y**2 + low) * (xx - mean_x**2 + yy - mean_y**2 + high)
    edge = WINDOW // 2
    return float((alike / scale)[edge:-edge, edge:-edge].mean())


def _blurred(plane: Values) -> Values:
    blurred: Values = cv2.GaussianBlur(plane, (WINDOW, WINDOW), DEVIATION)
    return blurred


def diversity(
    key: str, pictures: Sequence[Picture], prompts: Sequence[Hashable], distance: Callable[[Picture, Picture], float], *, note: str = ""
) -> Outcome:
    """Return the mean distance of pictures of the same prompt, over prompts (Zhu et al. 2017, section 4): 0.0 where seeds change nothing.

    `distance` is that of a perceptual trunk (`models.eyes.Eye.distance`). n counts pairs; the interval is over prompts.
    """
    if len(prompts) != len(pictures):
        raise ScoreError(f"{key}: {len(pictures)} pictures have {len(prompts)} prompts: give the prompt of each")
    pairs = [(i, j) for i, j in combinations(range(len(pictures)), 2) if prompts[i] == prompts[j]]
    if not pairs:
        return Refused(key=key, reason="no prompt has two pictures", instead="draw several seeds of each prompt")
    apart = [distance(pictures[i], pictures[j]) for i, j in pairs]
    return mean(key, apart, groups=[prompts[i] for i, _ in pairs], note=note)
