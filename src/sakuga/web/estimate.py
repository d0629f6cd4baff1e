"""Time left of a job, from its speed."""

from time import monotonic
from typing import Any


class Estimate:
    """Seconds to the end of a stage, where its steps name none."""

    def __init__(self) -> None:
        self._stage, self._began, self._first = "", 0.0, 0.0
        self._left: float | None = None

    def left(self, step: Any) -> float | None:
        """Return what a step says, else an estimate from the stage's speed since it was first seen."""
        if step.seconds_left is not None:
            return float(step.seconds_left)
        if not step.total and not step.fraction:  # a note
            return self._left
        if step.stage != self._stage:
            self._stage, self._began, self._first, self._left = step.stage, monotonic(), step.fraction, None
        gained = step.fraction - self._first
        if gained > 0:
            self._left = (monotonic() - self._began) * (1 - step.fraction) / gained
        return self._left
