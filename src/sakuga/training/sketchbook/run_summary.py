"""Summaries of run folders: samples, images and minutes of training."""

import json
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from safetensors import safe_open

from sakuga.training.sketchbook.loop import CHECKPOINT, SEEN

RunTable: TypeAlias = dict[str, dict[str, float]]
"""`samples`, `step` (samples a step), `pictures` and `minutes` by run name ("unet", "styles/comic")."""
LOGGED_EVERY = 10.0
"""Approximate seconds between lines of a log."""


def read_runs(runs: Path) -> RunTable:
    """Summarize every run with a checkpoint below a folder."""
    checkpoints = sorted(runs.rglob(CHECKPOINT))
    return {path.parent.relative_to(runs).as_posix(): _summarize(path) for path in checkpoints}


def _summarize(checkpoint: Path) -> dict[str, float]:
    with safe_open(checkpoint, framework="np") as file:
        metadata = file.metadata()
    seen, steps, plan = int(metadata[SEEN]), int(metadata["steps"]), json.loads(metadata["plan"])
    log = checkpoint.with_name("log.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
    minutes = round(training_seconds(lines) / 60, 1)
    images = plan["images"] if "images" in plan else plan["pictures"]  # the key of older checkpoints
    return {"samples": seen, "step": round(seen / max(1, steps)), "pictures": min(images, seen), "minutes": minutes}


def training_seconds(log: list[dict[str, float]]) -> float:
    """Return the training time of a log.

    By samples and speed of each line, without evaluations. Steps lost when a run went back to its last checkpoint count as well.
    """
    training = [line for line in log if "samples_per_second" in line]
    seconds = 0.0
    for before, line in pairwise([{SEEN: 0.0}, *training]):
        fresh = line[SEEN] - before[SEEN]
        seconds += fresh / line["samples_per_second"] if fresh > 0 else LOGGED_EVERY
    return seconds
