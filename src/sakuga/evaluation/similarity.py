"""Pixel similarity and diversity of images."""

from collections.abc import Callable, Hashable, Sequence
from itertools import combinations

import cv2
import numpy as np

from sakuga.evaluation.confidence import Values
from sakuga.evaluation.metric import Measurement, Metric, MetricError, NotMeasured, mean
from sakuga.finishing.image import Image

WINDOW, DEVIATION = 11, 1.5
STEADY = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def same_size(images: Sequence[Image], name: str = "image") -> None:
    """Raise MetricError for images of different sizes."""
    for place, image in enumerate(images):
        if image.shape != images[0].shape:
            height, width = image.shape[:2]
            first = "x".join(str(length) for length in images[0].shape[1::-1])
            raise MetricError(f"{name} {place + 1} has {width}x{height} pixels and {name} 1 has {first}: resize them to one size")


def similarity_metrics(made: Sequence[Image], wanted: Sequence[Image]) -> tuple[Metric, Metric]:
    """Return mean SSIM and PSNR over image pairs."""
    from sakuga.models.image_tensors import psnr

    if len(made) != len(wanted) or not len(made):
        raise MetricError(f"{len(made)} images cannot be compared with {len(wanted)}: give as many of each")
    for place, pair in enumerate(zip(made, wanted, strict=True), 1):
        same_size(pair, name=f"side of pair {place},")
    ratios = [float(psnr(one[None], other[None])[0]) for one, other in zip(made, wanted, strict=True)]
    return mean("ssim", [ssim(*pair) for pair in zip(made, wanted, strict=True)]), mean("psnr_db", ratios)


def ssim(first: Image, second: Image) -> float:
    """Return the structural similarity of two images.

    Wang et al. 2004, equation 13.

    1.0 is equal.

    The mean over channels and over all positions of a Gaussian window of 11 px, sigma 1.5. Raises MetricError below 11 px.
    """
    if min(first.shape[:2]) < WINDOW:
        raise MetricError(f"SSIM needs images of at least {WINDOW} px")
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
    key: str, images: Sequence[Image], prompts: Sequence[Hashable], distance: Callable[[Image, Image], float], *, note: str = ""
) -> Measurement:
    """Return the diversity of one prompt's images.

    Zhu et al. 2017, section 4.

    0.0 where seeds change nothing. `distance` is such as `FeatureExtractor.distance`; n counts pairs, the interval is over prompts.
    """
    if len(prompts) != len(images):
        raise MetricError(f"{key}: {len(images)} images have {len(prompts)} prompts: give the prompt of each")
    pairs = [(i, j) for i, j in combinations(range(len(images)), 2) if prompts[i] == prompts[j]]
    if not pairs:
        return NotMeasured(key=key, reason="no prompt has two images", instead="use several seeds for each prompt")
    apart = [distance(images[i], images[j]) for i, j in pairs]
    return mean(key, apart, groups=[prompts[i] for i, _ in pairs], note=note)
