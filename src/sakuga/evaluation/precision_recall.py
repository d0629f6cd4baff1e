"""What of one set of pictures the other reaches: precision and recall, and the inception score of one set alone."""

import numpy as np

from sakuga.evaluation.figure import Outcome, Refused, figure, share
from sakuga.evaluation.frechet import Features
from sakuga.evaluation.interval import jackknife_error, jackknife_interval

NEIGHBOURS = 3
LEAST = 50
"""Pictures below which the balls around them are too wide to say anything."""
PER_CLASS = 10
"""Pictures for each class that a marginal wants: the bias of its entropy, (classes - 1) / 2n (Miller 1955), is then below 0.05 nats."""


def precision_recall(key: str, made: Features, true: Features, neighbours: int = NEIGHBOURS) -> tuple[Outcome, Outcome]:
    """Return how many made pictures lie among the true ones, and how many true ones among the made (Kynkaanniemi et al. 2019, eq. 1 and 2).

    A picture lies among others if it is no further from one of them than that one's third neighbour. The interval is of the pictures
    asked, the set that they are held against taken as it is; both depend on n, so only figures of the same n compare.
    """
    n = min(len(made), len(true))
    names = f"{key}.precision", f"{key}.recall"
    if n < LEAST:
        reason = f"{n} pictures lie so far apart that their neighbourhoods say nothing"
        refused = [Refused(key=name, reason=reason, instead=f"draw {LEAST} or more, or look at KID") for name in names]
        return refused[0], refused[1]
    note = f"depends on n: compare only with others of {len(made)} made and {len(true)} true pictures"
    found = (among(made, true, neighbours), among(true, made, neighbours))
    return share(names[0], found[0], note=note), share(names[1], found[1], note=note)


def among(asked: Features, others: Features, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """Return which of the asked pictures lie within the distance of another to its own n-th neighbour, (asked,)."""
    apart = _squared(others, others)
    np.fill_diagonal(apart, -1.0)
    reach = np.partition(apart, neighbours, axis=1)[:, neighbours]
    return np.asarray((_squared(asked, others) <= reach).any(axis=1))


def _squared(first: Features, second: Features) -> Features:
    apart: Features = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1) - 2 * first @ second.T
    return np.maximum(apart, 0.0)


def inception_score(key: str, probabilities: Features) -> Outcome:
    """Return the inception score of what a classifier reads in pictures, (n, classes) (Salimans et al. 2016): 1.0 to the number of classes.

    High where each picture is read surely and all classes are there. It knows no true pictures: a classifier's own doubts count.
    """
    n, classes = probabilities.shape
    if n < PER_CLASS * classes:
        return Refused(
            key=key,
            reason=f"{n} pictures do not fill {classes} classes",
            instead=f"draw {PER_CLASS * classes} or more, or look at KID and recall",
        )
    value = _sureness(probabilities)
    error = jackknife_error(lambda kept: _sureness(probabilities[kept]), n)
    return figure(key, value, n, jackknife_interval(value, [error]))


def _sureness(probabilities: Features) -> float:
    """Return exp of the mean divergence of what is read in a picture from what is read on average."""
    sure = np.clip(probabilities, 1e-12, None)
    return float(np.exp((sure * (np.log(sure) - np.log(sure.mean(axis=0)))).sum(axis=1).mean()))
