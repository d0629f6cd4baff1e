"""How fast the trace of the Frechet distance is against `scipy.linalg.sqrtm`, and how far from it.

    python benchmarks/frechet.py [--repeats 3] [--widths 256 512 1024 2048]

Two sets of random pictures' features, each mixed in its own way, on one thread. Where pictures are many (n of twice the features) both ways
begin at the covariances; where they are few (n of an eighth) at the centred features. Prints for each the seconds of processor time of
both, the least of the repeats, and the relative difference of the traces. As the root of a singular matrix is not to be trusted, scipy is
then given covariances with 1e-9 of their mean variance on the diagonal, which is most of the difference.
"""

import argparse
import json
from collections.abc import Callable
from time import process_time

import numpy as np
from scipy.linalg import sqrtm

from sakuga.evaluation.frechet import Features, root_trace, root_trace_of_few


def by_scipy(a: Features, b: Features) -> float:
    """Return the trace of the root of ab by the root itself."""
    return float(np.trace(sqrtm(a @ b)).real)


def by_scipy_of_few(x: Features, y: Features) -> float:
    """Return the same of few pictures: their covariances are singular, and are helped a little."""
    a, b = (part.T @ part for part in (x, y))
    return by_scipy(*(one + np.eye(len(one)) * 1e-9 * one.trace() / len(one) for one in (a, b)))


def centred(n: int, width: int, seed: int) -> Features:
    """Return features with a spectrum that falls as that of networks does, over the root of n - 1."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(width, width)) * np.arange(1, width + 1) ** -0.5
    features = rng.normal(size=(n, width)) @ mixed.T
    values: Features = (features - features.mean(axis=0)) / np.sqrt(n - 1)
    return values


def timed(measure: Callable[[Features, Features], float], repeats: int, first: Features, second: Features) -> tuple[float, float]:
    """Return the least seconds of processor time, and the value."""
    spent, value = [], 0.0
    for _ in range(repeats):
        begun = process_time()
        value = measure(first, second)
        spent.append(process_time() - begun)
    return min(spent), value


def main() -> None:
    """Print one JSON line for each size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--widths", type=int, nargs="+", default=[256, 512, 1024, 2048])
    given = parser.parse_args()
    for width in given.widths:
        many = [part.T @ part for part in (centred(2 * width, width, seed) for seed in (1, 2))]
        few = [centred(width // 8, width, seed) for seed in (1, 2)]
        for n, pair, own, theirs in ((2 * width, many, root_trace, by_scipy), (width // 8, few, root_trace_of_few, by_scipy_of_few)):
            (fast, value), (slow, wanted) = (timed(way, given.repeats, *pair) for way in (own, theirs))
            row = {"features": width, "n": n, "seconds": fast, "scipy": slow, "faster": slow / fast, "difference": abs(value / wanted - 1)}
            print(json.dumps({key: float(f"{value:.3g}") for key, value in row.items()}), flush=True)


if __name__ == "__main__":
    main()
