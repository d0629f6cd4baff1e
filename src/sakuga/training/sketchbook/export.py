"""Put finished networks together into one folder in the layout of diffusers, which `StableDiffusionPipeline` opens as it is."""

import json
import shutil
from importlib.resources import files
from pathlib import Path

import diffusers

from sakuga.models.checkpoint_files import EDITION, EDITION_KEY

PIPELINE = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": diffusers.__version__,
    EDITION_KEY: EDITION,
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DPMSolverMultistepScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
"""The parts that the pipeline opens; those that see pictures lie beside, for the image-variation pipeline and for us."""
PLACE = "_name_or_path"
NEEDED = ("tokenizer", "text_encoder", "vae", "unet", "scheduler")
BESIDE = ("image_encoder", "feature_extractor", "classifier", "upscaler", "depth", "controlnet", "motion_adapter", "styles", "few_step")


def shipped() -> Path:
    """Return the folder of the weights that the package carries."""
    return Path(str(files("sakuga.sketchbook") / "weights"))


def write_folder(weights: Path, target: Path) -> list[str]:
    """Copy the finished networks to the target, in place of what it has of them, and return their names.

    Raises FileNotFoundError where one that the pipeline needs is not finished. What else the target holds, such as a model card, stays.
    """
    missing = [part for part in NEEDED if not (weights / part).is_dir()]
    if missing:
        raise FileNotFoundError(f"{weights} has no {', '.join(missing)}: train these first")
    parts = [*NEEDED, *(part for part in BESIDE if (weights / part).is_dir())]
    target.mkdir(parents=True, exist_ok=True)
    for part in parts:
        beside = target / f".{part}"
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(weights / part, beside)
        for config in beside.rglob("config.json"):
            _without_place(config)
        shutil.rmtree(target / part, ignore_errors=True)
        beside.rename(target / part)
    (target / "model_index.json").write_text(json.dumps(PIPELINE, indent=2) + "\n")
    return parts


def _without_place(config: Path) -> None:
    """Leave out where a network was opened from, which the libraries write into its config."""
    said = config.read_text(encoding="utf-8")
    if PLACE in said:
        kept = json.loads(said, object_hook=lambda part: {key: part[key] for key in part if key != PLACE})
        config.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
