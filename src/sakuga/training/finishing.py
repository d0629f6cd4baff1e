"""The results of a finished training: style, card, metrics."""

import resource
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from PIL import Image as PILImage

from sakuga.datasets.training_set import TrainingSet
from sakuga.files import write_atomic, write_text
from sakuga.training.card import card
from sakuga.training.loop import Training
from sakuga.training.plan import DreamBooth
from sakuga.training.run_folder import RunFolder


def write_results(training: Training, training_set: TrainingSet, sheet: Path | None, notes: list[str]) -> dict[str, Any]:
    """Write the style with its card, then `metrics.json`.

    Returns the metrics. The cache of latents is deleted. Of several processes the main one writes.
    """
    plan, run = training.plan, training.run
    folder = run.path / ("model" if isinstance(plan.method, DreamBooth) and plan.method.adapter is None else "style")
    result = {
        "style": folder.name,
        "steps": training.steps,
        "loss": run.last_metric("loss"),
        "validation_loss": run.last_metric("validation_loss"),
        "seconds": round(training.seconds, 3),
        "peak_memory": peak_memory(training.method.checkpoint.device),
        "notes": notes,
    }
    if not run.is_main:
        return result
    with training.state.averaged():
        training.method.write(folder, run.path.name, plan.trigger)
    if sheet:
        with PILImage.open(sheet) as image:
            write_atomic(folder / "sheet.webp", lambda path: image.save(path, "webp", quality=85))
    write_text(folder / "README.md", card(plan, training_set, run.path.name, result, with_sheet=sheet is not None))
    _finish(run, result, f"finished after {training.steps} steps: {folder}")
    return result


def _finish(run: RunFolder, result: dict[str, Any], message: str) -> None:
    run.finish(result)
    run.log(message)
    shutil.rmtree(run.cache, ignore_errors=True)


def peak_memory(device: torch.device) -> int:
    """Return the peak memory in bytes.

    Of the GPU, else of this process.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
