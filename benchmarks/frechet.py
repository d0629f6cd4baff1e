"""How fast the trace of the Frechet distance is against `scipy.linalg.sqrtm`, and how far from it.

    OMP_NUM_THREADS=1 python benchmarks/frechet.py [--repeats 3] [--widths 256 512 768 1024 2048]

Two sets of random pictures' features, each mixed in its own way. Widths are those of the Sketchbook's label classifier (256), of CLIP (512,
768), of larger ones (1024) and of Inception (2048). Where pictures are many (n of twice the features) both ways begin at the covariances;
where they are few (n of an eighth, and of a half) at the centred features. Prints whose arithmetic it is, then for each case the seconds
of processor time of both, the least of the repeats, how many times faster ours is, whether that is the ten times that were asked for, and
the relative difference of the traces. As the root of a singular matrix is not to be trusted, scipy is then given covariances with 1e-9 of
their mean variance on the diagonal, which is most of the difference.
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
ASKED, NEAR = 10.0, 1e-6
"""How many times faster, and how near, ours has to be."""


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


def timed(measure: Measure, repeats: int, first: Features, second: Features) -> tuple[float, float]:
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
    parser.add_argument("--widths", type=int, nargs="+", default=[256, 512, 768, 1024, 2048])
    given = parser.parse_args()
    threads = os.environ.get("OMP_NUM_THREADS", "as many as there are")
    print(json.dumps({"scipy": scipy.__version__, "numpy": np.__version__, "threads": threads, "asked": ASKED}), flush=True)
    for width in given.widths:
        many = [part.T @ part for part in (centred(2 * width, width, seed) for seed in (1, 2))]
        cases: list[tuple[int, list[Features], Measure, Measure]] = [(2 * width, many, root_trace, by_scipy)]
        for n in (width // 8, width // 2):
            cases.append((n, [centred(n, width, seed) for seed in (1, 2)], root_trace_of_few, by_scipy_of_few))
        for n, pair, own, theirs in cases:
            (fast, value), (slow, wanted) = (timed(way, given.repeats, *pair) for way in (own, theirs))
            row = {"seconds": fast, "scipy": slow, "faster": slow / fast, "difference": abs(value / wanted - 1)}
            rounded = {key: float(f"{value:.3g}") for key, value in row.items()}
            print(json.dumps({"features": width, "n": n, **rounded, "met": slow / fast >= ASKED and row["difference"] <= NEAR}), flush=True)


if __name__ == "__main__":
    main()
