"""Retiming of a film's finished frames, where a step between two of them is too large."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from sakuga import InputError
from sakuga.timeline.camera import round6
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.spec import InBetween, digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Retiming:
    """Frames that show other moments than their own."""

    first: int
    """The frame before them, counted from 0; it stays, as the one after them does."""
    shown: tuple[float, ...]
    """The moment that each shows, in frames of the film; between two frames lies their in-between."""


def retimed_sheet(sheet: ExposureSheet, retimings: Iterable[Retiming]) -> ExposureSheet:
    """Return a film's sheet with other moments shown; raises InputError for moments that it does not have."""
    exposures, specs = list(sheet.exposures), dict(sheet.specs)
    for one in retimings:
        if (last := one.first + len(one.shown) + 1) >= len(exposures):
            raise InputError(f"retimings: frame {last} is retimed to, and the film has {len(exposures)}: leave it out")
        for place, moment in enumerate(one.shown, one.first + 1):
            left = int(moment)
            at, before = round6(moment - left), sheet.exposures[left]
            after = sheet.exposures[left + 1] if at else before
            if before != after:
                spec = InBetween(first=before, second=after, at=at)
                before = digest(spec)
                specs.setdefault(before, spec)
            exposures[place] = before
    return replace(sheet, exposures=tuple(exposures), specs=specs)


def spread_step(steps: Sequence[float], frame: int, largest: float, reach: int) -> Retiming | None:
    """Spread a large step evenly over the frames around it; None if there are none.

    `steps[n]` is how much frame n + 1 differs from frame n, and `frame` the one after the large step. As few frames as possible are
    retimed, up to `reach` on each side, until no step is over `largest`. Frames do not move beyond a held one.
    """
    low, high = frame - 1, frame
    for _ in range(reach):
        low -= low > 0 and steps[low - 1] > 0
        high += high < len(steps) and steps[high] > 0
        if sum(steps[low:high]) <= largest * (high - low):
            break
    curve = [0.0, *accumulate(steps[low:high])]
    shown = tuple(low + _place(curve, curve[-1] * place / (high - low)) for place in range(1, high - low))
    return Retiming(first=low, shown=shown) if shown else None


def _place(curve: Sequence[float], value: float) -> float:
    """Return where a growing curve has a value, interpolated linearly."""
    after = max(1, bisect_left(curve, value))
    return round6(after - 1 + (value - curve[after - 1]) / (curve[after] - curve[after - 1]))
