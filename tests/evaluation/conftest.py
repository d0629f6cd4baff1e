"""Random networks for the scores: only the handling of their outputs is tested."""

from pathlib import Path

import pytest
import torch

from sakuga.models import sketchbook
from sakuga.models.classifier import LabelClassifier
from sakuga.models.depth import make_depth_estimator, make_depth_processor


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(4)
    folder = tmp_path_factory.mktemp("weights")
    tokenizer = sketchbook.train_tokenizer(["a castle by the sea at night, snow"] * 20, folder / "tokenizer")
    sketchbook.make_vae().half().save_pretrained(folder / "vae")
    sketchbook.make_text_encoder(tokenizer).half().save_pretrained(folder / "text_encoder")
    sketchbook.make_image_encoder().half().save_pretrained(folder / "image_encoder")
    LabelClassifier().save(folder / "classifier")
    make_depth_estimator().half().save_pretrained(folder / "depth")
    make_depth_processor().save_pretrained(folder / "depth")
    return folder
