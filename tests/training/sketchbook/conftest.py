"""A work folder with random networks and tiny datasets for each stage."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sakuga.models import sketchbook
from sakuga.models.classifier import LabelClassifier
from sakuga.training.sketchbook import adapter_task, clip, depth_dataset, image_dataset, latent_dataset, lcm, motion, styles, unet, upscaler
from sakuga.training.sketchbook.loop import WEAKER

FRAMES = 8
"""Of the motion stage's clips."""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a work folder for the stages: shards of 8 images, a small vocabulary, and short evaluations."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (image_dataset, latent_dataset, depth_dataset, upscaler):
            patch.setattr(module, "SHARD", 8)
        patch.setattr(clip, "VOCABULARY_CAPTIONS", 200)
        for module in (unet, styles, lcm):
            patch.setattr(module, "CAPTIONS", unet.CAPTIONS[:6])
        for module in (styles, lcm):
            patch.setattr(module, "MEASURED", 2)
            patch.setattr(module, "SHOWN", 1)
        patch.setattr(unet, "STEPS", 2)
        patch.setattr(adapter_task, "STEPS", 2)
        for name, value in {"FRAMES": FRAMES, "MEASURED": 1, "VARIANCE_CLIPS": 2, "CAPTIONS": motion.CAPTIONS[:1], "STEPS": 1}.items():
            patch.setattr(motion, name, value)
        patch.setitem(motion.render_clip.__kwdefaults__, "frames", FRAMES)  # type: ignore[arg-type]
        folder = tmp_path_factory.mktemp("work")
        _write_networks(folder)
        yield folder


def _write_networks(work: Path) -> None:
    torch.manual_seed(3)
    weights = work / "weights"
    tokenizer = sketchbook.train_tokenizer(clip.vocabulary_texts(200), work / "runs" / "clip" / "tokenizer")
    tokenizer.save_pretrained(weights / "tokenizer")
    vae = sketchbook.make_vae()
    vae.register_to_config(scaling_factor=2.0)
    vae.half().save_pretrained(weights / "vae")
    sketchbook.make_unet().half().save_pretrained(weights / "unet")
    sketchbook.make_unet().half().save_pretrained(work / WEAKER / "unet")
    sketchbook.make_text_encoder(tokenizer).half().save_pretrained(weights / "text_encoder")
    sketchbook.make_image_encoder().half().save_pretrained(weights / "image_encoder")
    sketchbook.make_scheduler().save_pretrained(weights / "scheduler")
    LabelClassifier().save(weights / "classifier")
    sketchbook.make_image_processor().save_pretrained(weights / "feature_extractor")
