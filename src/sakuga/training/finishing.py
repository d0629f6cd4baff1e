"""The results of a finished training: style, card, metrics."""

import json
import resource
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image as PILImage

from sakuga.datasets.training_set import TrainingSet
from sakuga.files import write_atomic, write_text
from sakuga.models.families import family_of
from sakuga.models.style_files import EMBEDDING_FILE, LORA_FILE, STYLE_FILE, read_metadata
from sakuga.models.style_metadata import format_metadata
from sakuga.training.card import card
from sakuga.training.file_metadata import file_metadata
from sakuga.training.loop import Training
from sakuga.training.method_settings import DreamBooth
from sakuga.training.run_folder import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is known of a trained style besides its weights."""

    sheet: Path | None = None
    """The sample images: base model above, trained model below."""
    notes: tuple[str, ...] = ()
    weight: float = 1.0
    """The weight to apply it with."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """How the weight was chosen."""


def write_results(training: Training, training_set: TrainingSet, outcome: Outcome) -> dict[str, Any]:
    """Write the style with its card, then `metrics.json`.

    Beside kohya's file go a preview image and what A1111 reads of it.

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
        "notes": list(outcome.notes),
        "weight": outcome.weight,
        **({"weight_choice": dict(outcome.evidence)} if outcome.evidence else {}),
    }
    if not run.is_main:
        return result
    name, checkpoint = run.path.name, training.method.checkpoint
    metadata = file_metadata(plan, training_set, checkpoint.info, family_of(checkpoint.info).name, name, result)
    with training.state.averaged():
        training.method.write(folder, name, plan.trigger, metadata)
    if outcome.weight != 1:
        known = read_metadata(name, folder)
        write_text(folder / STYLE_FILE, format_metadata(replace(known, weight=outcome.weight)))
    if metadata:
        _write_beside(folder, plan.trigger, outcome)
    if outcome.sheet:
        with PILImage.open(outcome.sheet) as image:
            write_atomic(folder / "sheet.webp", lambda path: image.save(path, "webp", quality=85))
    write_text(folder / "README.md", card(plan, training_set, name, result, with_sheet=outcome.sheet is not None))
    _finish(run, result, f"finished after {training.steps} steps: {folder}")
    return result


def _write_beside(folder: Path, trigger: str, outcome: Outcome) -> None:
    """Write NAME.preview.png and NAME.json beside the file for other programs, as A1111 and ComfyUI show them."""
    file = next(file for file in sorted(folder.glob("*.safetensors")) if file.name not in (LORA_FILE, EMBEDDING_FILE))
    values = {"activation text": trigger, "preferred weight": outcome.weight, "description": "", "notes": ""}
    write_text(file.with_suffix(".json"), json.dumps(values, indent=2, ensure_ascii=False) + "\n")
    if outcome.sheet:
        with PILImage.open(outcome.sheet) as image:
            side = image.height // 2
            first = image.crop((0, side, side, 2 * side))
        write_atomic(file.with_suffix(".preview.png"), lambda path: first.save(path, "png"))


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
