"""Export of finished networks as a checkpoint in diffusers' layout."""

import json
import shutil
from importlib.resources import files
from pathlib import Path

from sakuga.files import atomic_folder, write_text
from sakuga.models.sketchbook import PIPELINE_INDEX

PATH_KEY = "_name_or_path"
NEEDED = ("tokenizer", "text_encoder", "vae", "unet", "scheduler")
OPTIONAL = ("image_encoder", "feature_extractor", "classifier", "upscaler", "depth", "controlnet", "motion_adapter", "styles", "few_step")


def package_weights() -> Path:
    """Return the folder of the weights that the package ships."""
    return Path(str(files("sakuga.sketchbook") / "weights"))


def write_checkpoint(weights: Path, target: Path) -> list[str]:
    """Copy finished networks into a checkpoint folder.

    Returns their names. Other files of the folder, such as a model card, stay. Raises FileNotFoundError where a network that the pipeline
    needs is unfinished.
    """
    missing = [part for part in NEEDED if not (weights / part).is_dir()]
    if missing:
        raise FileNotFoundError(f"{weights} has no {', '.join(missing)}: train these first")
    parts = [*NEEDED, *(part for part in OPTIONAL if (weights / part).is_dir())]
    target.mkdir(parents=True, exist_ok=True)
    for part in parts:
        with atomic_folder(target / part, overwrite=True) as draft:
            shutil.copytree(weights / part, draft, dirs_exist_ok=True)
            for config in draft.rglob("config.json"):
                _delete_path(config)
    write_text(target / "model_index.json", json.dumps(PIPELINE_INDEX, indent=2) + "\n")
    return parts


def _delete_path(config: Path) -> None:
    """Delete the path that libraries write into a network's config."""
    text = config.read_text(encoding="utf-8")
    if PATH_KEY in text:
        values = json.loads(text, object_hook=lambda part: {key: part[key] for key in part if key != PATH_KEY})
        config.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
