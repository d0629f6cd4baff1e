"""Metrics of the depth estimator and of depth control."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sakuga.diffusion.correlation import mean_rank_correlation
from sakuga.evaluation.held_out import held_out_cases, held_out_moment
from sakuga.evaluation.score import CPU, Progress, gather
from sakuga.models.depth import DepthMap, load_depth_estimator
from sakuga.models.image_tensors import Images, reconstruct
from sakuga.models.sketchbook import NATIVE_SIZE, load_vae
from sakuga.sketchbook.labels import Labels

Estimate: TypeAlias = Callable[[Images], DepthMap]
"""Estimates one image's depth, (height, width, 3) to (height, width), 1.0 near."""
GenerateControlled: TypeAlias = Callable[[Sequence[str], NDArray[np.float32]], Images]
"""Generates n captions with depth maps (n, height, width): (n, height, width, 3)."""
CASES = 128
"""The default number of held-out scenes."""


def caption_without_layout(labels: Labels) -> str:
    """Return a caption of time and weather alone, without layout."""
    return f"{labels.time}, {labels.weather}"


def estimate_depths(estimate: Estimate, images: Images) -> NDArray[np.float32]:
    """Estimate the depth of images, (n, height, width)."""
    return np.stack([estimate(image) for image in images])


def depth_figures(estimate: Estimate, true: NDArray[np.float32], renders: Images, reconstructions: Images) -> dict[str, float]:
    """Score the depth estimator against true depths.

    On renders and their reconstructions; depths are (n, height, width).

    `rank_correlation` is computed after subtracting the mean true map, `raw` on whole maps, where any two scenes agree on sky and ground.
    Keys of reconstructions begin with "depth.drawn.".
    """
    mean, figures = true.mean(axis=0), dict[str, float]()
    for prefix, images in (("depth", renders), ("depth.drawn", reconstructions)):
        depths = estimate_depths(estimate, images)
        figures |= {
            f"{prefix}.rank_correlation": mean_rank_correlation(depths, true, mean),
            f"{prefix}.raw": mean_rank_correlation(depths, true),
        }
    return figures | {f"n.{name}": len(true) for name in figures}


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlledImages:
    """Control maps, generated images and their estimated depths."""

    control: NDArray[np.float32]
    generated: Images
    estimated: NDArray[np.float32]

    def metrics(self) -> dict[str, float]:
        """Return rank correlations with true and shuffled maps."""
        mean = self.control.mean(axis=0)
        figures = {
            "control.rank_correlation": mean_rank_correlation(self.estimated, self.control, mean),
            "control.raw": mean_rank_correlation(self.estimated, self.control),
            "control.shuffled": mean_rank_correlation(self.estimated, np.roll(self.control, 1, axis=0), mean),
            "control.shuffled_raw": mean_rank_correlation(self.estimated, np.roll(self.control, 1, axis=0)),
        }
        return figures | {f"n.{name}": len(self.control) for name in figures}

    def sheet(self, count: int = 24, columns: int = 4) -> Images:
        """Return a contact sheet of maps and images.

        Control, image and estimated depth beside each other.
        """
        shown = range(min(count, len(self.control)))
        cells = [np.concatenate([grey(self.control[k]), self.generated[k], grey(self.estimated[k])], axis=1) for k in shown]
        cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
        padded = [np.pad(cell, ((0, 4), (0, 8), (0, 0)), constant_values=255) for cell in cells]
        return np.concatenate([np.concatenate(padded[k : k + columns], axis=1) for k in range(0, len(padded), columns)])


def score_layout(
    weights: Path, generate: GenerateControlled | None, n: int = CASES
) -> Generator[Progress, None, tuple[dict[str, float], ControlledImages | None]]:
    """Score the depth estimator, and control with `generate`.

    On held-out scenes.

    Yields progress, returns metrics by dotted key and the controlled images.
    """
    cases, estimate = held_out_cases(n), load_depth_estimator(weights / "depth")
    moments = [held_out_moment(case.seed) for case in cases]
    true = np.stack([moment.depth(NATIVE_SIZE, NATIVE_SIZE) for moment in moments])
    renders = np.stack([moment.image(NATIVE_SIZE, NATIVE_SIZE) for moment in moments])
    vae = load_vae(weights).requires_grad_(False)
    reconstructions = yield from gather("autoencoder", n, lambda chunk: reconstruct(vae, renders[chunk.start : chunk.stop], CPU))
    figures = depth_figures(estimate, true, renders, reconstructions)
    if generate is None:
        return figures, None
    captions = [caption_without_layout(case.labels) for case in cases]
    generated = yield from gather("generating", n, lambda part: generate(captions[part.start : part.stop], true[part.start : part.stop]))
    controlled = ControlledImages(control=true, generated=generated, estimated=estimate_depths(estimate, generated))
    return figures | controlled.metrics(), controlled


def grey(near: DepthMap) -> Images:
    """Return a depth map as a grey image.

    (height, width, 3) uint8, near is white.
    """
    return np.rint(255 * np.clip(near, 0.0, 1.0)).astype(np.uint8)[..., None].repeat(3, axis=-1)
