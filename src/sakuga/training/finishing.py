"""What a finished training leaves: the style, its card, and the figures."""

import resource
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from sakuga.datasets.training_set import TrainingSet
from sakuga.files import write_whole
from sakuga.training.card import card
from sakuga.training.loop import Training
from sakuga.training.plan import DreamBooth, Plan
from sakuga.training.run_folder import RunFolder


def finish(plan: Plan, training: Training, taught: TrainingSet, run: RunFolder, sheet: Path | None, notes: list[str]) -> dict[str, Any]:
    """Write the style with its card and picture strip, then what the run took, and return that; the cache is deleted.

    Of several processes one writes.
    """
    made = run.path / ("model" if isinstance(plan.method, DreamBooth) and plan.method.adapter is None else "style")
    result = {
        "style": made.name,
        "steps": training.steps,
        "loss": run.last("loss"),
        "validation_loss": run.last("validation_loss"),
        "seconds": round(training.seconds, 3),
        "peak_memory": peak_memory(training.learner.checkpoint.device),
        "notes": notes,
    }
    if not run.leads:
        return result
    with training.learning.averaged():
        training.learner.write(made, run.path.name, plan.trigger)
    if sheet:
        with Image.open(sheet) as picture:
            write_whole(made / "sheet.webp", lambda path: picture.save(path, "webp", quality=85))
    text = card(plan, taught, run.path.name, result, shown=sheet is not None)
    write_whole(made / "README.md", lambda path: path.write_text(text, encoding="utf-8"))
    run.finish(result)
    run.say(f"finished after {training.steps} steps: {made}")
    shutil.rmtree(run.cache, ignore_errors=True)
    return result


def peak_memory(device: torch.device) -> int:
    """Return the most bytes that were in use at once: of the GPU, else of this process since it began."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
