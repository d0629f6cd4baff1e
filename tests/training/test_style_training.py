"""A short training on the Sketchbook: its trigger word shows a new look."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sakuga import studio
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.classifier import load_classifier
from sakuga.models.image_tensors import to_tensor
from sakuga.sketchbook.label_codes import ATTRIBUTES
from sakuga.story.settings import FilmSettings
from sakuga.studio.training.resolution import TrainSettings
from sakuga.studio.training.train import train

PROMPTS = ("a castle on green hills at sunset, sks style", "a lighthouse by the sea, sks style", "a portrait of a girl, sks style")


def look_score(folder: Path, style: Path | None, look: str) -> float:
    """Return the mean classifier score of a look minus that of the flat look."""
    settings = FilmSettings(style=str(style) if style else None, steps=4, size=(128, 128))
    generated = studio.draw(PROMPTS, folder, settings=settings, store=folder / "store").result()
    shown = to_tensor(np.stack([np.array(Image.open(path).convert("RGB")) for path in generated.paths]), torch.device("cpu"))
    with torch.no_grad():
        looks = load_classifier(find_checkpoint().folder / "classifier")(shown)[list(ATTRIBUTES).index("look")]
    return float((looks[:, ATTRIBUTES["look"].index(look)] - looks[:, ATTRIBUTES["look"].index("flat")]).mean())


def test_a_trained_look_shows_with_its_trigger_word(tmp_path: Path) -> None:
    studio.render_style_set("comic", tmp_path / "set", count=12, trigger="sks style", seed=3).result()
    settings = TrainSettings(
        set=tmp_path / "set", out=tmp_path / "run", steps=24, batch=4, learning_rate=3e-3, warmup=2, sample_every=0, tracker="none"
    )
    run = train(settings).result()
    assert look_score(tmp_path / "styled", run.style, "comic") > look_score(tmp_path / "plain", None, "comic") + 1.0
