"""In-betweens compared with true frames: the picture-book world renders any scene at any time.

    python benchmarks/inbetweens.py [--scenes 64] [--first 5000] [--size 256] [--look flat] [--methods flow latent] [--gaps 2 4 8]

Every frame between two images some frames apart (12 per second) is interpolated and compared with the true one by mean absolute error
in grey levels. The gain is 1 - error / (error of the cross-fade) over all scenes together, with the 95% interval of 2,000 bootstrap
samples of scenes. Scenes in which nothing moves (an error of the cross-fade below 0.05 levels) are left out. Prints one JSON object
with a row for each method and gap: all moving scenes, those without rain and snow (dry), and the others (wet).
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

from sakuga.finishing.inbetweens import Interpolator, crossfade_interpolation, flow_interpolation
from sakuga.sketchbook.labels import Look
from sakuga.sketchbook.scene import sample
from sakuga.story.storyboard import InBetweenMethod

RATE = 12
STILL = 0.05
"""Grey levels: a scene with a smaller cross-fade error does not move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneErrors:
    """One scene at one gap: mean absolute errors in grey levels, CPU seconds per frame."""

    wet: bool
    error: float
    crossfade: float
    seconds: float


def measure(seed: int, gap: int, size: int, look: Look, interpolate: Interpolator) -> SceneErrors:
    """Interpolate the frames of a gap in one scene, and compare them with the true ones."""
    scene = sample(seed)
    start = 1.0 + 0.9 * (seed % 7)
    true = [scene.at(start + place / RATE).image(size, size, look) for place in range(gap + 1)]
    started = process_time()
    between = interpolate(true[0], true[-1])
    made = [between(place / gap) for place in range(1, gap)]
    seconds = (process_time() - started) / len(made)
    fade = crossfade_interpolation(true[0], true[-1])
    faded = [fade(place / gap) for place in range(1, gap)]
    return SceneErrors(
        wet=scene.labels.weather in ("rain", "snow"),
        error=_error(made, true[1:-1]),
        crossfade=_error(faded, true[1:-1]),
        seconds=seconds,
    )


def _error(made: Sequence[np.ndarray], true: Sequence[np.ndarray]) -> float:
    return float(np.mean([np.abs(one.astype(np.float32) - other).mean() for one, other in zip(made, true, strict=True)]))


def gain(scenes: Sequence[SceneErrors]) -> tuple[float, float, float]:
    """Return the gain over all scenes together, and the ends of its 95% bootstrap interval."""
    errors = np.array([(one.error, one.crossfade) for one in scenes])
    picks = np.random.default_rng(0).integers(0, len(errors), (2000, len(errors)))
    sums = errors[picks].sum(axis=1)
    low, high = np.percentile(1 - sums[:, 0] / sums[:, 1], (2.5, 97.5))
    total = errors.sum(axis=0)
    return float(1 - total[0] / total[1]), float(low), float(high)


def interpolator(method: InBetweenMethod) -> Interpolator:
    """Return a method's interpolator; only latent interpolation loads the Sketchbook."""
    match method:
        case "flow":
            return flow_interpolation
        case "crossfade":
            return crossfade_interpolation
        case "latent":
            from sakuga.models.checkpoint import load_checkpoint
            from sakuga.models.checkpoint_lookup import find_checkpoint
            from sakuga.models.latent_inbetweens import latent_interpolator

            return partial(latent_interpolator, load_checkpoint(find_checkpoint()))


def row(method: str, gap: int, moving: list[SceneErrors], scenes: int) -> dict[str, Any]:
    """Return the results of one method at one gap."""
    parts = {"all": moving, "dry": [one for one in moving if not one.wet], "wet": [one for one in moving if one.wet]}
    error, crossfade, seconds = (float(np.mean([getattr(one, name) for one in moving])) for name in ("error", "crossfade", "seconds"))
    gains = {name: dict(zip(("gain", "low", "high"), gain(part), strict=True)) | {"n": len(part)} for name, part in parts.items() if part}
    return {
        "method": method,
        "gap": gap,
        "scenes": scenes,
        "error": error,
        "crossfade_error": crossfade,
        "ms_per_frame": 1000 * seconds,
        **gains,
    }


def main() -> None:
    """Measure every method at every gap."""
    parser = argparse.ArgumentParser(description="Compare in-betweens with true frames.")
    parser.add_argument("--scenes", type=int, default=64)
    parser.add_argument(
        "--first", type=int, default=5000, help="seed of the first scene; 0 to 31 and 1000 to 1031 were used to choose settings"
    )
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--look", choices=get_args(Look), default="flat")
    parser.add_argument("--methods", choices=get_args(InBetweenMethod), nargs="+", default=["flow", "latent"])
    parser.add_argument("--gaps", type=int, nargs="+", default=[2, 4, 8])
    arguments: Any = parser.parse_args()
    cv2.setNumThreads(1)
    rows = []
    for method in arguments.methods:
        interpolate = interpolator(method)
        for gap in arguments.gaps:
            every = [
                measure(seed, gap, arguments.size, arguments.look, interpolate)
                for seed in range(arguments.first, arguments.first + arguments.scenes)
            ]
            rows.append(row(method, gap, [one for one in every if one.crossfade >= STILL], len(every)))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    print(json.dumps({"size": arguments.size, "look": arguments.look, "rate": RATE, "first_seed": arguments.first, "rows": rows}))


if __name__ == "__main__":
    main()
