"""The names of how a way is timed; `timeline.timing.eased` says what each does."""

from typing import Literal

Ease = Literal["linear", "smooth", "in", "out", "smoother", "overshoot"]
