"""What a run folder tells of its training: how many samples were seen, of how many pictures, and how long it took."""

import json
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from safetensors import safe_open

from sakuga.training.sketchbook.loop import CHECKPOINT

Learnt: TypeAlias = dict[str, dict[str, float]]
"""By the name of a run ("unet", "styles/comic"): `samples`, `step` (samples of one), `pictures`, `minutes`."""
LOGGED_EVERY = 10.0
"""Seconds, about, from one line of a log to the next."""


def learnt(runs: Path) -> Learnt:
    """Read every run below a folder; none that has no checkpoint."""
    checkpoints = sorted(runs.rglob(CHECKPOINT))
    return {path.parent.relative_to(runs).as_posix(): _learnt_in(path) for path in checkpoints}


def _learnt_in(checkpoint: Path) -> dict[str, float]:
    with safe_open(checkpoint, framework="np") as file:
        about = file.metadata()
    seen, steps = int(about["seen"]), int(about["steps"])
    log = checkpoint.with_name("log.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
    minutes = round(training_seconds(lines) / 60, 1)
    return {"samples": seen, "step": round(seen / max(1, steps)), "pictures": json.loads(about["plan"])["pictures"], "minutes": minutes}


def training_seconds(log: list[dict[str, float]]) -> float:
    """Add up the time of a log's lines, by the samples since the one before and their speed; time spent looking is left out.

    Where a run went back to its last checkpoint, what was lost counts as well.
    """
    spoken = [line for line in log if "samples_per_second" in line]
    seconds = 0.0
    for before, line in pairwise([{"seen": 0.0}, *spoken]):
        fresh = line["seen"] - before["seen"]
        seconds += fresh / line["samples_per_second"] if fresh > 0 else LOGGED_EVERY
    return seconds
