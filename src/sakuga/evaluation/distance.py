"""How far two sets of pictures are from each other, by the features of the label classifier."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]
"""(pictures, features)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kid:
    """The kernel distance over random subsets: its mean, and the deviation of that mean."""

    mean: float
    deviation: float


def kid(first: Features, second: Features, *, subsets: int = 100, size: int = 250, seed: int = 0) -> Kid:
    """Return the kernel distance of two sets (Binkowski et al. 2018, section 3: unbiased, polynomial kernel of degree 3).

    Unbiased means that two halves of one set come out around 0, on either side of it. `size` is cut to the smaller set.
    """
    rng = np.random.default_rng(seed)
    size = min(size, len(first), len(second))
    values = [_mmd(_some(first, size, rng), _some(second, size, rng)) for _ in range(subsets)]
    return Kid(mean=float(np.mean(values)), deviation=float(np.std(values) / np.sqrt(subsets)))


def _some(features: Features, size: int, rng: np.random.Generator) -> Features:
    chosen: Features = features[rng.choice(len(features), size, replace=False)]
    return chosen


def _kernel(first: Features, second: Features) -> Features:
    kernel: Features = (first @ second.T / first.shape[1] + 1.0) ** 3
    return kernel


def _mmd(first: Features, second: Features) -> float:
    """Return the unbiased squared mean discrepancy (Gretton et al. 2012, equation 3)."""
    n, m = len(first), len(second)
    among_first, among_second = _kernel(first, first), _kernel(second, second)
    within = (among_first.sum() - among_first.trace()) / (n * (n - 1)) + (among_second.sum() - among_second.trace()) / (m * (m - 1))
    return float(within - 2 * _kernel(first, second).mean())


def frechet(first: Features, second: Features) -> float:
    """Return the Frechet distance of two sets taken as normal distributions (Heusel et al. 2017, equation 6).

    The trace of the root of a product of covariances is the sum of the roots of the eigenvalues of R B R, where R is the root of A.
    Raises ValueError where a set has no more pictures than features: its covariance would be without meaning.
    """
    least, width = min(len(first), len(second)), first.shape[1]
    if least <= width:
        raise ValueError(f"the Frechet distance of {least} pictures in {width} features says nothing: give more than {width}")
    gap = first.mean(axis=0) - second.mean(axis=0)
    a, b = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    crossed = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b @ root), 0.0)).sum()
    return float(gap @ gap + a.trace() + b.trace() - 2 * crossed)
