"""Frame ranges as render farms write them, such as `1-100x5,120`."""

import re

from sakuga import InputError

PART = re.compile(r"(-?\d+)(?:-(-?\d+)(?:[x:](\d+))?)?")
MOST = 1_000_000
"""Frames of a range."""


def parse_frame_range(text: str) -> tuple[int, ...]:
    """Return the numbers of a range in order, each once; raises InputError.

    >>> parse_frame_range("1-10x4, 3")
    (1, 3, 5, 9)
    """
    frames: set[int] = set()
    for part in text.split(","):
        found = PART.fullmatch(part.strip())
        if not found:
            raise InputError(f"{text!r} is no range of frames: write 1-100, 1-100x5 for every fifth, or 1,7,20-30")
        first, last, step = int(found[1]), int(found[2] or found[1]), int(found[3] or 1)
        if last < first or step < 1 or last - first > MOST:
            raise InputError(
                f"{part.strip()!r} in {text!r} holds no frames, or over {MOST:,}: write the lower number first and a step of 1 or more"
            )
        frames.update(range(first, last + 1, step))
    return tuple(sorted(frames))


def frame_range_text(frames: tuple[int, ...]) -> str:
    """Write numbers in order as a range.

    >>> frame_range_text((1, 2, 3, 7))
    '1-3,7'
    """
    runs: list[list[int]] = []
    for number in frames:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
