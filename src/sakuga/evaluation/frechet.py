"""The Frechet distance of two image sets."""

import numpy as np
from numpy.typing import NDArray

from sakuga.evaluation.confidence import jackknife_error, jackknife_interval
from sakuga.evaluation.metric import Measurement, NotMeasured, make_metric

Features = NDArray[np.float64]
"""(images, features)."""


def frechet_metric(key: str, first: Features, second: Features) -> Measurement:
    """Return the Frechet distance with its jackknife interval.

    Not measured where a set has no more images than features, as its covariance is then singular. Biased upwards for small sets (Chong and
    Forsyth 2020), so compare only metrics of the same n.
    """
    n, width = min(len(first), len(second)), first.shape[1]
    if n <= width:
        return NotMeasured(
            key=key,
            reason=f"{n} images do not determine the {width * (width + 1) // 2} covariances of {width} features",
            instead=f"use KID, which is unbiased, or more than {width} images",
        )
    errors = (
        jackknife_error(lambda subset: frechet_distance(first[subset], second), len(first)),
        jackknife_error(lambda subset: frechet_distance(first, second[subset]), len(second)),
    )
    value = frechet_distance(first, second)
    return make_metric(key, value, n, jackknife_interval(value, errors), note=f"larger for fewer images: compare only with n {n}")


def frechet_distance(first: Features, second: Features) -> float:
    """Return the Frechet distance of two normal distributions.

    Dowson and Landau 1982; Heusel et al. 2017, equation 6.
    """
    here, there = first.mean(axis=0), second.mean(axis=0)
    x, y = (first - here) / np.sqrt(len(first) - 1), (second - there) / np.sqrt(len(second) - 1)
    crossed = root_trace_of_few(x, y) if max(len(x), len(y)) < first.shape[1] else root_trace(x.T @ x, y.T @ y)
    gap = here - there
    return float(gap @ gap + np.square(x).sum() + np.square(y).sum() - 2 * crossed)


def root_trace_of_few(x: Features, y: Features) -> float:
    """Return the trace of the root of (x^T x)(y^T y).

    It is the sum of the singular values of x y^T.
    """
    return float(np.linalg.svd(x @ y.T, compute_uv=False).sum())


def root_trace(a: Features, b: Features) -> float:
    """Return the trace of the root of ab.

    With a = u^T u, the eigenvalues of ab are those of the symmetric u b u^T. LAPACK's steps of a generalized symmetric problem: Cholesky,
    the product in one triangle, a tridiagonal matrix, its eigenvalues.
    """
    from scipy.linalg import lapack

    upper, failed = lapack.dpotrf(a.T, clean=False)
    product = _by_eigenvectors(a, b) if failed else lapack.dsygst(b.T, upper, itype=2)[0]
    room, _ = lapack.dsytrd_lwork(len(b))
    _, diagonal, beside, _, _ = lapack.dsytrd(product, lwork=int(room), overwrite_a=True)
    values, failed = lapack.dsterf(diagonal, beside)
    if failed:
        raise ArithmeticError("no eigenvalues of the sets' covariances: check that their features are finite")
    return float(np.sqrt(np.maximum(values, 0.0)).sum())


def _by_eigenvectors(a: Features, b: Features) -> Features:
    """Return r^T b r with r r^T = a.

    For a singular matrix without a Cholesky factor.
    """
    values, vectors = np.linalg.eigh(a)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(root.T @ b @ root)
