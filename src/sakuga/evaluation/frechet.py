"""The Frechet distance of two sets of pictures, by the features of any network."""

import numpy as np
from numpy.typing import NDArray

from sakuga.evaluation.figure import Outcome, Refused, figure
from sakuga.evaluation.interval import jackknife_error, jackknife_interval

Features = NDArray[np.float64]
"""(pictures, features)."""
PANEL = 128


def fd(key: str, first: Features, second: Features) -> Outcome:
    """Return the Frechet distance of two sets, with its jackknife interval.

    Refused where a set has no more pictures than features: its covariance has directions that were never seen. Above that the distance is
    still too large by about what the smaller set leaves unknown (Chong and Forsyth 2020), so only figures of the same n compare.
    """
    n, width = min(len(first), len(second)), first.shape[1]
    if n <= width:
        return Refused(
            key=key,
            reason=f"{n} pictures do not fix the {width * (width + 1) // 2} covariances of {width} features",
            instead=f"look at KID, which is unbiased, or draw more than {width} pictures",
        )
    errors = (
        jackknife_error(lambda kept: frechet_distance(first[kept], second), len(first)),
        jackknife_error(lambda kept: frechet_distance(first, second[kept]), len(second)),
    )
    value = frechet_distance(first, second)
    return figure(key, value, n, jackknife_interval(value, errors), note=f"larger for fewer pictures: compare only with others of n {n}")


def frechet_distance(first: Features, second: Features) -> float:
    """Return the Frechet distance of two sets taken as normal distributions (Dowson and Landau 1982; Heusel et al. 2017, equation 6)."""
    here, there = first.mean(axis=0), second.mean(axis=0)
    x, y = (first - here) / np.sqrt(len(first) - 1), (second - there) / np.sqrt(len(second) - 1)
    crossed = root_trace_of_few(x, y) if max(len(x), len(y)) < first.shape[1] else root_trace(x.T @ x, y.T @ y)
    gap = here - there
    return float(gap @ gap + np.square(x).sum() + np.square(y).sum() - 2 * crossed)


def root_trace_of_few(x: Features, y: Features) -> float:
    """Return the trace of the root of (x^T x)(y^T y): the sum of the singular values of x y^T, which has a row for each picture."""
    return float(np.linalg.svd(x @ y.T, compute_uv=False).sum())


def root_trace(a: Features, b: Features) -> float:
    """Return the trace of the root of ab: with a = l l^T, the eigenvalues of ab are those of the symmetric l^T b l.

    As l is lower triangular and only the lower half of l^T b l is asked for, a third of the whole products does.
    """
    root, product = _lower(a), np.zeros_like(b)
    for start in range(0, len(b), PANEL):
        rest, panel = slice(start, None), slice(start, start + PANEL)
        product[rest, panel] = root[rest, rest].T @ (b[rest, rest] @ root[rest, panel])
    return float(np.sqrt(np.maximum(np.linalg.eigvalsh(product, UPLO="L"), 0.0)).sum())


def _lower(a: Features) -> Features:
    """Return a lower triangular l with l l^T = a: Cholesky's, or by eigenvectors where a feature never varies."""
    try:
        return np.asarray(np.linalg.cholesky(a))
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(a)
        upper: Features = np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0.0))).T)[1]
        return upper.T
