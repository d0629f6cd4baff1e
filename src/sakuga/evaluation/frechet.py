"""The Frechet distance of two sets of pictures, by the features of any network."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from sakuga.evaluation.figure import Outcome, Refused, figure
from sakuga.evaluation.interval import jackknife_error, jackknife_interval

Features = NDArray[np.float64]
"""(pictures, features)."""


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
    """Return the trace of the root of ab: with a = u^T u, the eigenvalues of ab are those of the symmetric u b u^T.

    LAPACK's own steps of a generalised symmetric problem: Cholesky, the product in one triangle, a tridiagonal matrix, its eigenvalues.
    """
    upper, failed = lapack.dpotrf(a.T, clean=False)
    product = _by_eigenvectors(a, b) if failed else lapack.dsygst(b.T, upper, itype=2)[0]
    room, _ = lapack.dsytrd_lwork(len(b))
    _, diagonal, beside, _, _ = lapack.dsytrd(product, lwork=int(room), overwrite_a=True)
    values, failed = lapack.dsterf(diagonal, beside)
    if failed:
        raise ArithmeticError("the eigenvalues of two sets' covariances were not found: are their features finite?")
    return float(np.sqrt(np.maximum(values, 0.0)).sum())


def _by_eigenvectors(a: Features, b: Features) -> Features:
    """Return r^T b r with r r^T = a, where a feature never varies, so that there is no Cholesky's factor."""
    values, vectors = np.linalg.eigh(a)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(root.T @ b @ root)
