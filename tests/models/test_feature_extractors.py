"""CLIP models and other networks that look, opened from their folders, see what transformers' own models see."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
    Dinov2Config,
    Dinov2Model,
    ResNetConfig,
    ResNetModel,
    ViTImageProcessorPil,
)

from sakuga import InputError
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.feature_extractors import open_clip, open_eye

PICTURES = list(np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), np.uint8))


@pytest.fixture(scope="module")
def clip_folder(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP as the hub has them: one folder with both encoders, a tokenizer and what prepares pictures."""
    folder = tmp_path_factory.mktemp("clip")
    tokenizer = CLIPTokenizer.from_pretrained(tiny_folder / "tokenizer")
    special = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(0)
    config = CLIPConfig(
        text_config={**small, **special, "vocab_size": len(tokenizer)},
        vision_config={**small, "image_size": 32, "patch_size": 8},
        projection_dim=24,
    )
    CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=32).save_pretrained(folder)
    return folder


def test_a_clip_folder_sees_as_transformers_does(clip_folder: Path) -> None:
    clip, model = open_clip(str(clip_folder)), CLIPModel.from_pretrained(clip_folder).eval()
    texts = ["a castle", "the sea at night", "a castle"]
    processor, tokenizer = CLIPImageProcessorPil.from_pretrained(clip_folder), CLIPTokenizer.from_pretrained(clip_folder)
    with torch.inference_mode():
        said = model(**tokenizer(texts, padding=True, return_tensors="pt"), **processor(images=PICTURES, return_tensors="pt"))
        wanted = (said.logits_per_image / model.logit_scale.exp()).numpy()
    ours = clip.pictures(PICTURES), clip.texts(texts)
    cosines = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in ours]
    np.testing.assert_allclose(cosines[0] @ cosines[1].T, wanted, atol=1e-5)
    np.testing.assert_allclose(open_eye(str(clip_folder)).features(PICTURES), ours[0], atol=1e-5)
    assert clip.caution(find_checkpoint().folder) == ""


def test_emphasis_is_no_word_and_long_texts_are_told() -> None:
    clip = open_clip()
    plain, weighted = clip.texts(["a castle at night", "a (castle:1.4) at night"])
    np.testing.assert_array_equal(plain, weighted)
    assert clip.unread(["a castle", "a castle " * 80]) == ["a castle " * 80]
    assert "the label classifier leads" in clip.caution(find_checkpoint().folder)


@pytest.mark.parametrize("kind", ["dino", "resnet"])
def test_other_networks_look_too(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    if kind == "dino":
        small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 28, "patch_size": 7, "mlp_ratio": 2}
        network = Dinov2Model(Dinov2Config(**small)).eval()
    else:
        network = ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")).eval()
    network.save_pretrained(tmp_path)
    processor = ViTImageProcessorPil(size={"height": 28, "width": 28})
    processor.save_pretrained(tmp_path)
    with torch.inference_mode():
        wanted = network(**processor(images=PICTURES, return_tensors="pt")).pooler_output.flatten(1)
    eye = open_eye(str(tmp_path))
    np.testing.assert_allclose(eye.features(PICTURES), wanted, atol=1e-5)
    assert eye.distance(PICTURES[0], PICTURES[0]) == 0.0
    assert 0.0 < eye.distance(PICTURES[0], PICTURES[1]) <= 4.0


def test_the_classifier_sees_pictures_of_any_size_and_noise_as_far_off() -> None:
    from sakuga.evaluation.score import moment_of

    eye, moment = open_eye(), moment_of(150_300_000)
    small, large, other = moment.picture(128, 128), moment.picture(256, 256), moment_of(150_300_001).picture(128, 128)
    assert eye.features([small, large]).shape == (2, 256)
    near, far = eye.distance(small, large), eye.distance(small, other)
    assert near < 0.5 * far < far < eye.distance(small, np.random.default_rng(0).integers(0, 256, small.shape, np.uint8))


def test_what_cannot_look_or_read_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no image encoder: name a CLIP model with --clip, such as"):
        open_clip(str(tiny_folder))
    ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8], depths=[1])).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="is resnet, no CLIP"):
        open_clip(str(tmp_path))
    with pytest.raises(CheckpointError, match="no checkpoint 'nothing here'"):
        open_clip("nothing here")
    with pytest.raises(InputError, match="no pictures or texts to look at"):
        open_clip().pictures([])
