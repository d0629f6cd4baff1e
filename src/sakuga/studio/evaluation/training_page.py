"""The training run's part of a style report."""

import json
from math import nan
from pathlib import Path
from typing import Any

from sakuga.evaluation.report import Chart, Curve, Panel, Section, curves

METRICS = "metrics.jsonl"
PLAN_KEYS = ("method", "steps", "batch", "gradient_accumulation", "learning_rate", "optimizer", "schedule", "seed", "size", "precision")
"""The keys of the training plan that a report shows."""


def training_section(run: Path) -> Section | None:
    """Plot the training loss.

    None where the run logged none.
    """
    rows = _rows(run / METRICS)
    if len(rows) < 2:
        return None
    along = tuple(float(row["step"]) for row in rows)
    wanted = (("Loss", "loss"), ("Validation loss", "validation_loss"))
    panels = [
        Panel(title=title, curves=(Curve(values=tuple(float(row.get(key, nan)) for row in rows), series=1),))
        for title, key in wanted
        if any(key in row for row in rows)
    ]
    svg = curves(panels, along, "steps", "training loss")
    caption = f"Logged at {len(rows)} steps; noisy, as each step has other images, noise and timesteps."
    return Section(title="Training", blocks=(Chart(title="Loss", svg=svg, caption=caption),))


def training_facts(run: Path) -> tuple[tuple[str, str], ...]:
    """Return the plan of a training run."""
    plan = json.loads((run / "config.json").read_text(encoding="utf-8"))
    plan["method"] = plan.get("method", {}).get("kind", "")
    facts = ((key.replace("_", " "), str(plan[key])) for key in PLAN_KEYS if plan.get(key) not in (None, ""))
    return (*facts, *_weight_facts(run))


def _weight_facts(run: Path) -> tuple[tuple[str, str], ...]:
    """Return what prompts lost at each weight that the training tried."""
    file = run / "metrics.json"
    result = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    choice = result.get("weight_choice", {})
    measure = "prompts lost by weight, by a CLIP" if "clip" in choice else "labels of prompts lost by weight"
    lost = "; ".join(f"{one['weight']:g}: {one['lost']:.0%} [{one['low']:.0%}, {one['high']:.0%}]" for one in choice.get("trials", []))
    return (("weight", f"{result['weight']:g}"), (measure, lost)) if lost else ()


def _rows(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        return []
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(dict(json.loads(line)))
        except (ValueError, TypeError):
            continue  # a line cut short by an interrupted run
    return [row for row in rows if "step" in row]
