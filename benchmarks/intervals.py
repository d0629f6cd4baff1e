"""Means over prompts with their 95% intervals, as the benchmarks of trainings write them."""

from typing import Any

import numpy as np

from sakuga.evaluation.confidence import mean_interval, share_interval


def interval(values: Any) -> list[float]:
    """Return the mean of a value for each prompt, with its interval; of truth values, their share."""
    values = np.asarray(values)
    if values.dtype == bool:
        low, high = share_interval(int(values.sum()), len(values))
    else:
        low, high = mean_interval(values.astype(float)) or (values.min(), values.max())
    return [round(float(value), 3) for value in (values.mean(), low, high)]


def paired(first: Any, other: Any) -> list[float]:
    """Return the mean difference of pairs with its interval."""
    return interval(np.asarray(other, dtype=float) - np.asarray(first, dtype=float))
