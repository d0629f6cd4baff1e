"""CLIP and other vision models give the features that transformers gives."""

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
from sakuga.models.feature_extractors import load_clip, load_feature_extractor

IMAGES = list(np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), np.uint8))


@pytest.fixture(scope="module")
def clip_folder(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP as the hub has them: one folder with both encoders, a tokenizer and an image processor."""
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


def test_a_clip_folder_equals_transformers(clip_folder: Path) -> None:
    clip, model = load_clip(str(clip_folder)), CLIPModel.from_pretrained(clip_folder).eval()
    texts = ["a castle", "the sea at night", "a castle"]
    processor, tokenizer = CLIPImageProcessorPil.from_pretrained(clip_folder), CLIPTokenizer.from_pretrained(clip_folder)
    with torch.inference_mode():
        message = model(**tokenizer(texts, padding=True, return_tensors="pt"), **processor(images=IMAGES, return_tensors="pt"))
        expected = (message.logits_per_image / model.logit_scale.exp()).numpy()
    ours = clip.embed_images(IMAGES), clip.embed_texts(texts)
    cosines = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in ours]
    np.testing.assert_allclose(cosines[0] @ cosines[1].T, expected, atol=1e-5)
    np.testing.assert_allclose(load_feature_extractor(str(clip_folder)).features(IMAGES), ours[0], atol=1e-5)
    assert clip.caveat(find_checkpoint().folder) == ""


def test_emphasis_is_ignored_and_long_texts_are_listed() -> None:
    clip = load_clip()
    plain, weighted = clip.embed_texts(["a castle at night", "a (castle:1.4) at night"])
    np.testing.assert_array_equal(plain, weighted)
    assert clip.truncated_texts(["a castle", "a castle " * 80]) == ["a castle " * 80]
    assert "prefer the label classifier" in clip.caveat(find_checkpoint().folder)


@pytest.mark.parametrize("kind", ["dino", "resnet"])
def test_other_vision_networks_extract_features(kind: str, tmp_path: Path) -> None:
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
        expected = network(**processor(images=IMAGES, return_tensors="pt")).pooler_output.flatten(1)
    eye = load_feature_extractor(str(tmp_path))
    np.testing.assert_allclose(eye.features(IMAGES), expected, atol=1e-5)
    assert eye.distance(IMAGES[0], IMAGES[0]) == 0.0
    assert 0.0 < eye.distance(IMAGES[0], IMAGES[1]) <= 4.0


def test_the_classifier_extracts_features_of_images_of_any_size() -> None:
    from sakuga.evaluation.held_out import held_out_moment

    eye, moment = load_feature_extractor(), held_out_moment(150_300_000)
    small, large, other = moment.image(128, 128), moment.image(256, 256), held_out_moment(150_300_001).image(128, 128)
    assert eye.features([small, large]).shape == (2, 256)
    near, far = eye.distance(small, large), eye.distance(small, other)
    assert near < 0.5 * far < far < eye.distance(small, np.random.default_rng(0).integers(0, 256, small.shape, np.uint8))


def test_unsuitable_networks_are_refused(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no image encoder: choose a CLIP model with --clip, such as"):
        load_clip(str(tiny_folder))
    ResNetModel(ResNetConfig(embedding_size=8, hidden_sizes=[8], depths=[1])).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="is resnet, not CLIP"):
        load_clip(str(tmp_path))
    with pytest.raises(CheckpointError, match="no checkpoint 'nothing here'"):
        load_clip("nothing here")
    with pytest.raises(InputError, match="no images or texts to embed"):
        load_clip().embed_images([])
