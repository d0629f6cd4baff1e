"""Curves for the eye, beside `metrics.jsonl`: TensorBoard's files, or Weights & Biases."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sakuga.training.plan import Plan, PlanError, to_values

Track = Callable[[int, Mapping[str, float]], None]


def make_tracker(plan: Plan, folder: Path, begun: int) -> tuple[Track, str]:
    """Return what takes figures of a step, and a word where nothing does; the run goes on after `begun` steps.

    Raises PlanError where Weights & Biases was asked for and is not installed.
    """
    match plan.tracker:
        case "tensorboard":
            return _tensorboard(folder, begun)
        case "wandb":
            return _wandb(plan, folder), ""
        case "none":
            return _nowhere, ""


def _nowhere(step: int, figures: Mapping[str, float]) -> None:
    """Track nothing."""


def _tensorboard(folder: Path, begun: int) -> tuple[Track, str]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return _nowhere, "curves are in metrics.jsonl alone: `pip install 'sakuga[train]'` writes them for TensorBoard too"
    writer: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=begun + 1)

    def track(step: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    return track, ""


def _wandb(plan: Plan, folder: Path) -> Track:
    try:
        import wandb
    except ImportError:
        raise PlanError("Weights & Biases is not installed: `pip install wandb`, or log with tensorboard or none") from None
    run: Any = wandb.init(project="sakuga", name=folder.name, dir=str(folder), config=to_values(plan), resume="allow", id=_id(folder))

    def track(step: int, figures: Mapping[str, float]) -> None:
        run.log(dict(figures), step=step)

    return track


def _id(folder: Path) -> str:
    """Name a run the same whenever it goes on."""
    return "".join(letter if letter.isalnum() else "-" for letter in str(folder.resolve()).strip("/"))[-60:]
