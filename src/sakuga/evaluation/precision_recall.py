"""Precision and recall of image sets, and the inception score."""

import numpy as np

from sakuga.evaluation.confidence import jackknife_error, jackknife_interval
from sakuga.evaluation.frechet import Features
from sakuga.evaluation.metric import Measurement, NotMeasured, make_metric, share

NEIGHBOURS = 3
MIN_IMAGES = 50
"""The number of images below which neighbourhoods are too wide."""
PER_CLASS = 10
"""Images per class, so that the bias of the marginal's entropy, (classes - 1) / 2n (Miller 1955), is below 0.05 nats."""


def precision_recall(key: str, made: Features, true: Features, neighbours: int = NEIGHBOURS) -> tuple[Measurement, Measurement]:
    """Return precision and recall of two feature sets.

    Kynkaanniemi et al. 2019, equations 1 and 2.

    An image is within the other set's manifold if it is no further from one of its images than that image's third neighbour. Intervals
    treat the other set as fixed; both metrics depend on n, so compare only the same n.
    """
    n = min(len(made), len(true))
    names = f"{key}.precision", f"{key}.recall"
    if n < MIN_IMAGES:
        reason = f"{n} images are too few for meaningful neighbourhoods"
        missing = [NotMeasured(key=name, reason=reason, instead=f"use {MIN_IMAGES} or more, or KID") for name in names]
        return missing[0], missing[1]
    note = f"depends on n: compare only with {len(made)} generated and {len(true)} true images"
    found = (within_manifold(made, true, neighbours), within_manifold(true, made, neighbours))
    return share(names[0], found[0], note=note), share(names[1], found[1], note=note)


def within_manifold(images: Features, others: Features, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """Return which images lie within the others' manifold.

    (images,) bool.
    """
    apart = _squared(others, others)
    np.fill_diagonal(apart, -1.0)
    reach = np.partition(apart, neighbours, axis=1)[:, neighbours]
    return np.asarray((_squared(images, others) <= reach).any(axis=1))


def _squared(first: Features, second: Features) -> Features:
    apart: Features = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1) - 2 * first @ second.T
    return np.maximum(apart, 0.0)


def inception_score(key: str, probabilities: Features) -> Measurement:
    """Return the inception score of class probabilities, (n, classes).

    Salimans et al. 2016.

    From 1.0 to the number of classes: high where each image is classified confidently and all classes occur.
    """
    n, classes = probabilities.shape
    if n < PER_CLASS * classes:
        return NotMeasured(
            key=key,
            reason=f"{n} images do not fill {classes} classes",
            instead=f"use {PER_CLASS * classes} or more, or KID and recall",
        )
    value = _score(probabilities)
    error = jackknife_error(lambda subset: _score(probabilities[subset]), n)
    return make_metric(key, value, n, jackknife_interval(value, [error]))


def _score(probabilities: Features) -> float:
    """Return exp of the mean KL divergence from the marginal."""
    clipped = np.clip(probabilities, 1e-12, None)
    return float(np.exp((clipped * (np.log(clipped) - np.log(clipped.mean(axis=0)))).sum(axis=1).mean()))
