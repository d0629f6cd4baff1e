"""Depth and control: does the estimator read how near things are, and does a drawing lie where its control says?"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sakuga.diffusion.correlation import mean_rank_correlation
from sakuga.evaluation.score import CPU, Progress, gather, held_out_cases, moment_of
from sakuga.models.depth import Depth, load_depth
from sakuga.models.image_tensors import Pixels, reconstruct
from sakuga.models.sketchbook import NATIVE_SIZE, open_vae
from sakuga.sketchbook.labels import Labels

Estimate: TypeAlias = Callable[[Pixels], Depth]
"""Reads one picture, (height, width, 3) to (height, width) with 1.0 near."""
DrawLed: TypeAlias = Callable[[Sequence[str], NDArray[np.float32]], Pixels]
"""Draws captions (n) led by depth maps (n, height, width): (n, height, width, 3)."""
CASES = 128
"""Held-out scenes that depth and control are scored on, no more."""


def unplaced(labels: Labels) -> str:
    """Say of a scene only its light and weather, nothing of what is where."""
    return f"{labels.time}, {labels.weather}"


def estimated(estimate: Estimate, pictures: Pixels) -> NDArray[np.float32]:
    """Read the depth of pictures, (n, height, width)."""
    return np.stack([estimate(picture) for picture in pictures])


def depth_figures(estimate: Estimate, true: NDArray[np.float32], pictures: Pixels, passed: Pixels) -> dict[str, float]:
    """Score the estimator against true depths (n, height, width), on renders and on what the autoencoder makes of them ("depth.drawn.").

    `rank_correlation` is that of what is left when the mean true map is taken away, `raw` that of the whole maps: any two scenes have
    their sky above and their ground below, so random pairs agree in the whole.
    """
    mean, figures = true.mean(axis=0), dict[str, float]()
    for prefix, shown in (("depth", pictures), ("depth.drawn", passed)):
        made = estimated(estimate, shown)
        figures |= {
            f"{prefix}.rank_correlation": mean_rank_correlation(made, true, mean),
            f"{prefix}.raw": mean_rank_correlation(made, true),
        }
    return figures | {f"n.{name}": len(true) for name in figures}


@dataclass(frozen=True, slots=True, kw_only=True)
class Led:
    """Depth maps that led drawings, the drawings, and the depth that is read in them."""

    control: NDArray[np.float32]
    drawn: Pixels
    read: NDArray[np.float32]

    def figures(self) -> dict[str, float]:
        """Return how far drawings lie where their controls say, and, after "shuffled", where another's says."""
        mean = self.control.mean(axis=0)
        figures = {
            "control.rank_correlation": mean_rank_correlation(self.read, self.control, mean),
            "control.raw": mean_rank_correlation(self.read, self.control),
            "control.shuffled": mean_rank_correlation(self.read, np.roll(self.control, 1, axis=0), mean),
            "control.shuffled_raw": mean_rank_correlation(self.read, np.roll(self.control, 1, axis=0)),
        }
        return figures | {f"n.{name}": len(self.control) for name in figures}

    def sheet(self, count: int = 24, columns: int = 4) -> Pixels:
        """Return the first of them, each as control, drawing, and depth read in it, beside each other."""
        shown = range(min(count, len(self.control)))
        cells = [np.concatenate([grey(self.control[k]), self.drawn[k], grey(self.read[k])], axis=1) for k in shown]
        cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
        padded = [np.pad(cell, ((0, 4), (0, 8), (0, 0)), constant_values=255) for cell in cells]
        return np.concatenate([np.concatenate(padded[k : k + columns], axis=1) for k in range(0, len(padded), columns)])


def score_layout(weights: Path, lead: DrawLed | None, n: int = CASES) -> Generator[Progress, None, tuple[dict[str, float], Led | None]]:
    """Score the depth estimator of a folder of weights on held-out scenes, and control by it where `lead` can draw.

    Yields progress, returns figures by dotted keys, and what was drawn.
    """
    cases, estimate = held_out_cases(n), load_depth(weights / "depth")
    moments = [moment_of(case.seed) for case in cases]
    true = np.stack([moment.depth(NATIVE_SIZE, NATIVE_SIZE) for moment in moments])
    pictures = np.stack([moment.picture(NATIVE_SIZE, NATIVE_SIZE) for moment in moments])
    vae = open_vae(weights).requires_grad_(False)
    passed = yield from gather("autoencoder", n, lambda chunk: reconstruct(vae, pictures[chunk.start : chunk.stop], CPU))
    figures = depth_figures(estimate, true, pictures, passed)
    if lead is None:
        return figures, None
    said = [unplaced(case.labels) for case in cases]
    drawn = yield from gather("drawing", n, lambda chunk: lead(said[chunk.start : chunk.stop], true[chunk.start : chunk.stop]))
    led = Led(control=true, drawn=drawn, read=estimated(estimate, drawn))
    return figures | led.figures(), led


def grey(near: Depth) -> Pixels:
    """Return a depth as a grey picture, (height, width, 3): near is white."""
    return np.rint(255 * np.clip(near, 0.0, 1.0)).astype(np.uint8)[..., None].repeat(3, axis=-1)
