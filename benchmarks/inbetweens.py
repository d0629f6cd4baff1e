"""Judge in-betweens by true frames: the picture-book world shows any scene at any moment.

    python benchmarks/inbetweens.py [--scenes 64] [--first 5000] [--size 256] [--look flat] [--ways flow latent] [--gaps 2 4 8]

Two pictures that are some frames apart (12 a second) are given; every frame between them is made, and compared with the true one by
mean absolute error in grey levels. The gain is 1 - error / (error of the cross-fade) over all scenes together, with the 95% interval of
2,000 bootstrap samples of scenes. Scenes in which nothing moves (the cross-fade errs by less than 0.05 levels) are left out. Prints one
JSON object, with a row for each way and gap: of all moving scenes, of those without rain and snow (dry), and of the others (wet).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import process_time
from typing import Any, get_args

import cv2
import numpy as np

from sakuga.finishing.inbetweens import Interpolator, crossfaded, flowed
from sakuga.sketchbook.labels import Look
from sakuga.sketchbook.scene import sample
from sakuga.story.storyboard import Way

RATE = 12
STILL = 0.05
"""Grey levels: a scene whose cross-fade errs by less does not move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One scene at one gap: mean absolute errors in grey levels, seconds of computing for a frame."""

    falls: bool
    error: float
    faded: float
    seconds: float


def judge(seed: int, gap: int, size: int, look: Look, interpolate: Interpolator) -> Judged:
    """Make the frames of a gap in one scene, and compare them with the true ones."""
    scene = sample(seed)
    start = 1.0 + 0.9 * (seed % 7)
    true = [scene.at(start + place / RATE).picture(size, size, look) for place in range(gap + 1)]
    begun = process_time()
    between = interpolate(true[0], true[-1])
    made = [between(place / gap) for place in range(1, gap)]
    spent = (process_time() - begun) / len(made)
    fade = crossfaded(true[0], true[-1])
    faded = [fade(place / gap) for place in range(1, gap)]
    return Judged(
        falls=scene.labels.weather in ("rain", "snow"),
        error=_error(made, true[1:-1]),
        faded=_error(faded, true[1:-1]),
        seconds=spent,
    )


def _error(made: Sequence[np.ndarray], true: Sequence[np.ndarray]) -> float:
    return float(np.mean([np.abs(one.astype(np.float32) - other).mean() for one, other in zip(made, true, strict=True)]))


def gain(judged: Sequence[Judged]) -> tuple[float, float, float]:
    """Return the gain over all scenes together, and the ends of its 95% bootstrap interval."""
    errors = np.array([(one.error, one.faded) for one in judged])
    picks = np.random.default_rng(0).integers(0, len(errors), (2000, len(errors)))
    sums = errors[picks].sum(axis=1)
    low, high = np.percentile(1 - sums[:, 0] / sums[:, 1], (2.5, 97.5))
    total = errors.sum(axis=0)
    return float(1 - total[0] / total[1]), float(low), float(high)


def interpolator(way: Way) -> Interpolator:
    """Return what makes in-betweens; the Sketchbook is opened only for those in its latent space."""
    match way:
        case "flow":
            return flowed
        case "crossfade":
            return crossfaded
        case "latent":
            from sakuga.models.checkpoint import load
            from sakuga.models.checkpoint_lookup import find_checkpoint
            from sakuga.models.latent_inbetweens import latent_between

            return partial(latent_between, load(find_checkpoint()))


def row(way: str, gap: int, moving: list[Judged], tried: int) -> dict[str, Any]:
    """Sum up one way at one gap."""
    parts = {"all": moving, "dry": [one for one in moving if not one.falls], "wet": [one for one in moving if one.falls]}
    error, faded, cost = (float(np.mean([getattr(one, name) for one in moving])) for name in ("error", "faded", "seconds"))
    gains = {name: dict(zip(("gain", "low", "high"), gain(part), strict=True)) | {"n": len(part)} for name, part in parts.items() if part}
    return {"way": way, "gap": gap, "tried": tried, "error": error, "crossfade_error": faded, "ms_a_frame": 1000 * cost, **gains}


def main() -> None:
    """Judge every way at every gap."""
    parser = argparse.ArgumentParser(description="Judge in-betweens by true frames.")
    parser.add_argument("--scenes", type=int, default=64)
    parser.add_argument(
        "--first", type=int, default=5000, help="seed of the first scene; 0 to 31 and 1000 to 1031 were used to choose settings"
    )
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--look", choices=get_args(Look), default="flat")
    parser.add_argument("--ways", choices=get_args(Way), nargs="+", default=["flow", "latent"])
    parser.add_argument("--gaps", type=int, nargs="+", default=[2, 4, 8])
    chosen: Any = parser.parse_args()
    cv2.setNumThreads(1)
    rows = []
    for way in chosen.ways:
        interpolate = interpolator(way)
        for gap in chosen.gaps:
            every = [judge(seed, gap, chosen.size, chosen.look, interpolate) for seed in range(chosen.first, chosen.first + chosen.scenes)]
            rows.append(row(way, gap, [one for one in every if one.faded >= STILL], len(every)))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    print(json.dumps({"size": chosen.size, "look": chosen.look, "rate": RATE, "first_seed": chosen.first, "rows": rows}))


if __name__ == "__main__":
    main()
