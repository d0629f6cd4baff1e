"""How fast the trace of the Frechet distance is against `scipy.linalg.sqrtm`, and how far from it.

    python benchmarks/frechet.py [--repeats 3]

Two sets of random pictures' features, shifted and mixed, on one thread. For many pictures (n of twice the features) and for few (n of an
eighth of them): seconds of processor time of both ways, the median of the repeats, and the relative difference of the distances. Where
pictures are few, scipy is given the covariances with 1e-9 of their mean variance on the diagonal, as the root of a singular matrix is not
to be trusted; the difference then is mostly that.
"""

import argparse
import json
from statistics import median
from time import process_time

import numpy as np
from scipy.linalg import sqrtm

from sakuga.evaluation.frechet import Features, frechet_distance

WIDTHS = (256, 512, 1024, 2048)


def by_root(first: Features, second: Features) -> float:
    """Return the distance by the root of the product of covariances."""
    a, b = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    if min(len(first), len(second)) <= first.shape[1]:
        a, b = (one + np.eye(len(one)) * 1e-9 * one.trace() / len(one) for one in (a, b))
    gap = first.mean(axis=0) - second.mean(axis=0)
    return float(gap @ gap + a.trace() + b.trace() - 2 * np.trace(sqrtm(a @ b)).real)


def sets(n: int, width: int) -> tuple[Features, Features]:
    """Return two sets of mixed normal features with a spectrum that falls as that of networks does."""
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(width, width)) * np.arange(1, width + 1) ** -0.5
    return rng.normal(size=(n, width)) @ mixed, 1.2 * rng.normal(size=(n, width)) @ mixed + 0.1


def timed(measure: object, repeats: int, pair: tuple[Features, Features]) -> tuple[float, float]:
    """Return the median seconds of processor time, and the distance."""
    assert callable(measure)
    spent, value = [], 0.0
    for _ in range(repeats):
        begun = process_time()
        value = measure(*pair)
        spent.append(process_time() - begun)
    return median(spent), value


def main() -> None:
    """Print one JSON line for each size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    for width in WIDTHS:
        for n in (2 * width, width // 8):
            pair = sets(n, width)
            (own, ours), (root, theirs) = (
                timed(frechet_distance, given.repeats, pair),
                timed(by_root, 1 if width > 1024 else given.repeats, pair),
            )
            row = {"features": width, "n": n, "ours_s": own, "scipy_s": root, "faster": root / own, "difference": abs(ours / theirs - 1)}
            print(json.dumps({key: round(value, 12) for key, value in row.items()}), flush=True)


if __name__ == "__main__":
    main()
