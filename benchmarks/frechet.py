"""Speed and accuracy of the Fréchet distance's trace, compared with `scipy.linalg.sqrtm`.

    OMP_NUM_THREADS=1 python benchmarks/frechet.py [--repeats 3] [--widths 256 512 768 1024 2048]

Two sets of random features with different covariances. Widths are those of the Sketchbook's label classifier (256), CLIP (512, 768),
larger models (1024) and Inception (2048). With many images (n = twice the features) both start from the covariances; with few (an
eighth, and a half) from the centred features. Prints the libraries, then for each case the CPU seconds of both (minimum of the
repeats), the speed-up, whether it meets the target of ten, and the relative difference of the traces. The root of a singular matrix is
unreliable, so scipy gets covariances with 1e-9 of their mean variance added to the diagonal, which is most of the difference.
"""

import argparse
import json
import os
from collections.abc import Callable
from time import process_time
from typing import TypeAlias

import numpy as np
import scipy
from scipy.linalg import sqrtm

from sakuga.evaluation.frechet import Features, root_trace, root_trace_of_few

Measure: TypeAlias = Callable[[Features, Features], float]
SPEEDUP, TOLERANCE = 10.0, 1e-6
"""Targets."""


def by_scipy(a: Features, b: Features) -> float:
    """Return the trace of the square root of ab, from the root itself."""
    return float(np.trace(sqrtm(a @ b)).real)


def by_scipy_of_few(x: Features, y: Features) -> float:
    """Return the same for few images, whose singular covariances are regularized."""
    a, b = (part.T @ part for part in (x, y))
    return by_scipy(*(one + np.eye(len(one)) * 1e-9 * one.trace() / len(one) for one in (a, b)))


def centred(n: int, width: int, seed: int) -> Features:
    """Return centred features with the spectrum of network features, divided by sqrt(n - 1)."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(width, width)) * np.arange(1, width + 1) ** -0.5
    features = rng.normal(size=(n, width)) @ mixed.T
    values: Features = (features - features.mean(axis=0)) / np.sqrt(n - 1)
    return values


def timed(measure: Measure, repeats: int, first: Features, second: Features) -> tuple[float, float]:
    """Return the minimum CPU seconds, and the value."""
    seconds, value = [], 0.0
    for _ in range(repeats):
        started = process_time()
        value = measure(first, second)
        seconds.append(process_time() - started)
    return min(seconds), value


def main() -> None:
    """Print one JSON line for each size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--widths", type=int, nargs="+", default=[256, 512, 768, 1024, 2048])
    arguments = parser.parse_args()
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print(json.dumps({"scipy": scipy.__version__, "numpy": np.__version__, "threads": threads, "target": SPEEDUP}), flush=True)
    for width in arguments.widths:
        many = [part.T @ part for part in (centred(2 * width, width, seed) for seed in (1, 2))]
        cases: list[tuple[int, list[Features], Measure, Measure]] = [(2 * width, many, root_trace, by_scipy)]
        for n in (width // 8, width // 2):
            cases.append((n, [centred(n, width, seed) for seed in (1, 2)], root_trace_of_few, by_scipy_of_few))
        for n, pair, own, theirs in cases:
            (fast, value), (slow, reference) = (timed(method, arguments.repeats, *pair) for method in (own, theirs))
            row = {"seconds": fast, "scipy": slow, "faster": slow / fast, "difference": abs(value / reference - 1)}
            rounded = {key: float(f"{value:.3g}") for key, value in row.items()}
            print(
                json.dumps({"features": width, "n": n, **rounded, "met": slow / fast >= SPEEDUP and row["difference"] <= TOLERANCE}),
                flush=True,
            )


if __name__ == "__main__":
    main()
