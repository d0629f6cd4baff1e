"""What a training run says of itself, as a part of a page."""

import json
from math import nan
from pathlib import Path
from typing import Any

from sakuga.evaluation.report import Chart, Line, Panel, Section, curves

METRICS = "metrics.jsonl"
SHOWN = ("method", "steps", "batch", "accumulation", "rate", "schedule", "seed", "size", "precision")
"""What of a plan is shown beside its curve."""


def training_section(run: Path) -> Section | None:
    """Draw the loss along a training; None where the run measured none."""
    rows = _rows(run / METRICS)
    if len(rows) < 2:
        return None
    along = tuple(float(row["step"]) for row in rows)
    wanted = (("Loss", "loss"), ("Loss on the pictures held out", "validation_loss"))
    panels = [
        Panel(title=title, lines=(Line(values=tuple(float(row.get(key, nan)) for row in rows), series=1),))
        for title, key in wanted
        if any(key in row for row in rows)
    ]
    drawn = curves(panels, along, "steps", "loss along the training")
    caption = f"As the training wrote it down, at {len(rows)} steps; noisy, as each step sees other pictures, noises and times."
    return Section(title="The training", blocks=(Chart(title="Loss", drawing=drawn, caption=caption),))


def training_facts(run: Path) -> tuple[tuple[str, str], ...]:
    """Say by what plan a run was trained."""
    plan = json.loads((run / "config.json").read_text(encoding="utf-8"))
    plan["method"] = plan.get("method", {}).get("kind", "")
    return tuple((key, str(plan[key])) for key in SHOWN if plan.get(key) not in (None, ""))


def _rows(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        return []
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(dict(json.loads(line)))
        except (ValueError, TypeError):
            continue  # a line that was cut short as the run was stopped
    return [row for row in rows if "step" in row]
