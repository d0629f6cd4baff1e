"""Learning rate schedules, as shares of the peak rate."""

import math
from typing import Literal

Schedule = Literal["constant", "linear", "cosine", "cosine-restarts"]


def rate_share(step: int, steps: int, schedule: Schedule, *, warmup: int = 0, cycles: int = 1) -> float:
    """Return the share of the peak learning rate.

    Steps count from 0. It rises linearly over the first `warmup` steps. "cosine" is half a cosine (Loshchilov and Hutter 2017, equation 5),
    "cosine-restarts" `cycles` of them, each from the top.

    >>> [round(rate_share(step, 10, "cosine", warmup=2), 2) for step in range(0, 10, 2)]
    [0.5, 1.0, 0.85, 0.5, 0.15]
    """
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    match schedule:
        case "constant":
            return 1.0
        case "linear":
            return 1.0 - done
        case "cosine":
            return (1.0 + math.cos(math.pi * done)) / 2
        case "cosine-restarts":
            return 0.0 if done >= 1.0 else (1.0 + math.cos(math.pi * (done * cycles % 1.0))) / 2
