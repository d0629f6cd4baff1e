"""Curves beside `metrics.jsonl`: TensorBoard, or Weights & Biases."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sakuga.training.plan import TrainingPlan, TrainingPlanError, plan_to_dict

Tracker = Callable[[int, Mapping[str, float]], None]


def open_tracker(plan: TrainingPlan, folder: Path, steps: int) -> tuple[Tracker, str]:
    """Return a function that logs a step's metrics.

    With a note where TensorBoard is missing. The run continues after `steps` steps. Raises TrainingPlanError where Weights & Biases was
    chosen and is not installed.
    """
    match plan.tracker:
        case "tensorboard":
            return _tensorboard(folder, steps)
        case "wandb":
            return _wandb(plan, folder), ""
        case "none":
            return _ignore, ""


def _ignore(step: int, metrics: Mapping[str, float]) -> None:
    """Log nothing."""


def _tensorboard(folder: Path, steps: int) -> tuple[Tracker, str]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return _ignore, "curves are in metrics.jsonl only: `pip install 'sakuga[train]'` writes them for TensorBoard too"
    writer: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=steps + 1)

    def log(step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    return log, ""


def _wandb(plan: TrainingPlan, folder: Path) -> Tracker:
    try:
        import wandb
    except ImportError:
        raise TrainingPlanError(
            "Weights & Biases is not installed: `pip install wandb`, or choose --log-with tensorboard or none"
        ) from None
    run: Any = wandb.init(project="sakuga", name=folder.name, dir=str(folder), config=plan_to_dict(plan), resume="allow", id=_id(folder))

    def log(step: int, metrics: Mapping[str, float]) -> None:
        run.log(dict(metrics), step=step)

    return log


def _id(folder: Path) -> str:
    """Return the same identifier whenever a run resumes."""
    return "".join(letter if letter.isalnum() else "-" for letter in str(folder.resolve()).strip("/"))[-60:]
