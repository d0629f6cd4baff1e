"""A captioning model: a tiny BLIP, trained on one caption."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sakuga.models.captioner import load_captioner
from sakuga.models.checkpoint_files import CheckpointError

SENTENCE = "a red boat"


@pytest.fixture(scope="session")
def tiny_blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_blip(tmp_path_factory.mktemp("tiny-blip"))


def write_tiny_blip(folder: Path, sentence: str = SENTENCE) -> Path:
    """Write a BLIP of a few thousand weights that gives one caption for every image."""
    from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration, BlipImageProcessorPil

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sentence.split()]
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    BlipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    torch.manual_seed(0)
    size = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    begin = len(words)  # as in BLIP's own files, where it stands behind the tokenizer's words
    text = {
        "vocab_size": begin + 1,
        "bos_token_id": begin,
        "eos_token_id": 3,
        "sep_token_id": 3,
        "pad_token_id": 0,
        "encoder_hidden_size": 32,
    }
    config = BlipConfig(
        text_config={**size, **text, "max_position_embeddings": 16, "projection_dim": 32, "hidden_dropout_prob": 0.0,
                     "attention_probs_dropout_prob": 0.0},
        vision_config={**size, "image_size": 32, "patch_size": 16, "projection_dim": 32},
        projection_dim=32,
    )  # fmt: skip
    network = BlipForConditionalGeneration(config)
    tokens = torch.tensor([[begin, *range(5, begin), 3]])
    pixels = torch.zeros(1, 3, 32, 32)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(30):
        loss = network(pixel_values=pixels, input_ids=tokens, labels=tokens).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.save_pretrained(folder)
    return folder


def test_a_captioner_gives_its_trained_caption(tiny_blip: Path) -> None:
    describe = load_captioner(str(tiny_blip))
    for height, width in ((32, 32), (50, 90)):
        assert describe(np.full((height, width, 3), 117, np.uint8)) == SENTENCE


def test_unsuitable_captioners_are_refused(tmp_path: Path, tiny_folder: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llava"}')
    with pytest.raises(CheckpointError, match=r"is a llava, .* use blip, .* give --llm"):
        load_captioner(str(tmp_path))
    with pytest.raises(CheckpointError, match="no captioning model"):
        load_captioner(str(tiny_folder))
    (tmp_path / "config.json").write_text('{"model_type": "blip"}')
    with pytest.raises(CheckpointError, match=r"cannot load .* as a captioning model"):
        load_captioner(str(tmp_path))
