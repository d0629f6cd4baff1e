"""A checkpoint in memory, compared with diffusers and transformers."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPImageProcessorPil

from sakuga.models.checkpoint import Checkpoint, load_checkpoint, to_uint8
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.conditioning import encode_conditioning, noise_tensors
from sakuga.timeline.spec import GuidedEmbedding, ImageEmbedding, Interpolated, NoiseWalk, Prompt, SeedNoise, SlerpNoise, ZeroEmbedding


@pytest.fixture(scope="module")
def checkpoint(tiny_v_folder: Path) -> Checkpoint:
    return load_checkpoint(find_checkpoint(str(tiny_v_folder)))


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)


def unseen(name: str) -> np.ndarray:
    raise AssertionError(f"nothing here shows frame {name}")


def test_truncated_prompts_are_reported_with_the_ignored_part(checkpoint: Checkpoint) -> None:
    assert checkpoint.count_tokens("a cat") == 6
    assert checkpoint.truncated_prompt("a cat") is None
    long = checkpoint.truncated_prompt("abcdefghij" * 7 + "x" * 5 + "yz")
    assert long is not None
    assert (long.tokens, long.limit, long.ignored) == (79, 77, "yz")
    assert str(long) == "the prompt has 79 tokens and the checkpoint reads 77: 'yz' is ignored; shorten it"


def test_prompt_embeddings_are_batch_invariant(tiny_folder: Path) -> None:
    alone = load_checkpoint(find_checkpoint(str(tiny_folder))).encode_prompts(["a cat"])
    among = load_checkpoint(find_checkpoint(str(tiny_folder))).encode_prompts(["dogs", "a cat", ""])
    assert torch.equal(alone[0], among[1])
    assert not torch.equal(among[0], among[1])


def test_the_vae_keeps_the_image_size(checkpoint: Checkpoint, image: np.ndarray) -> None:
    latents = checkpoint.encode(image)
    assert latents.shape == (1, 8, 8, 12)
    decoded = checkpoint.decode(torch.cat([latents, latents * 0]))
    assert decoded.shape == (2, 32, 48, 3)
    assert to_uint8(decoded).dtype == np.uint8
    assert np.isnan(checkpoint.decode(latents * torch.nan)).all()


def test_an_image_conditions_like_a_prompt(checkpoint: Checkpoint, image: np.ndarray) -> None:
    shown = encode_conditioning(checkpoint, ImageEmbedding(frame="f"), lambda name: image)
    words = encode_conditioning(checkpoint, Prompt(prompt="a cat"), unseen)
    assert shown.shape == words.shape
    half = encode_conditioning(
        checkpoint, Interpolated(first=Prompt(prompt="a cat"), second=ImageEmbedding(frame="f"), at=0.5), lambda name: image
    )
    assert not torch.equal(half, words)
    latents = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        repeated = checkpoint.unet(latents, 500, encoder_hidden_states=shown).sample
        single = checkpoint.unet(latents, 500, encoder_hidden_states=shown[:, :1]).sample
    assert torch.allclose(repeated, single, atol=1e-5)


def test_oblong_images_are_cropped_or_padded(checkpoint: Checkpoint, image: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    middle = checkpoint.embed_image(np.ascontiguousarray(image[:, 8:40]))
    squashing = CLIPImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False)
    with monkeypatch.context() as patch:
        patch.setitem(checkpoint._networks, "feature_extractor", squashing)
        assert torch.equal(checkpoint.embed_image(image), middle)
    assert torch.equal(checkpoint.embed_image(image), middle)


def test_an_image_of_one_pixel_is_embedded_by_its_color(checkpoint: Checkpoint) -> None:
    dot = np.array([[[200, 60, 30]]], np.uint8)
    assert torch.allclose(checkpoint.embed_image(dot), checkpoint.embed_image(np.tile(dot, (40, 40, 1))), atol=1e-5)


def test_a_checkpoint_without_an_image_encoder_is_refused(tiny_folder: Path, image: np.ndarray) -> None:
    with pytest.raises(CheckpointError, match="has no image encoder"):
        encode_conditioning(load_checkpoint(find_checkpoint(str(tiny_folder))), ImageEmbedding(frame="f"), lambda name: image)


def test_noise_expressions_nest_and_take_the_next_seed_on_each_attempt() -> None:
    shape = (8, 4, 4)
    here = next(noise_tensors(NoiseWalk(seed=3, at=0.5), shape))
    assert torch.equal(next(noise_tensors(SlerpNoise(first=SeedNoise(seed=3), second=SeedNoise(seed=4), at=0.5), shape)), here)
    again = next(noise_tensors(SlerpNoise(first=SeedNoise(seed=3), second=NoiseWalk(seed=9, at=1.0), at=0.0), shape, attempt=2))
    assert torch.equal(again, next(noise_tensors(SeedNoise(seed=5), shape)))


def test_text_guidance_steers_an_image_embedding(checkpoint: Checkpoint, image: np.ndarray) -> None:
    plain = ImageEmbedding(frame="f")
    guided = GuidedEmbedding(base=plain, good=("crisp",), bad=("blurred", "empty"), positive=3.0, negative=2.0, repeats=4)
    before, after = (encode_conditioning(checkpoint, shown, lambda name: image)[0, 0] for shown in (plain, guided))
    cosine = torch.nn.functional.cosine_similarity
    assert cosine(after, checkpoint.embed_texts(("crisp",))[0], dim=0) > cosine(before, checkpoint.embed_texts(("crisp",))[0], dim=0)
    assert cosine(after, checkpoint.embed_texts(("empty",))[0], dim=0) < cosine(before, checkpoint.embed_texts(("empty",))[0], dim=0)
    half = encode_conditioning(checkpoint, Interpolated(first=plain, second=guided, at=0.5, method="lerp"), lambda name: image)[0, 0]
    assert torch.allclose(half, (before + after) / 2, atol=1e-5)


def test_texts_without_a_shared_space_are_refused(checkpoint: Checkpoint) -> None:
    checkpoint.image_encoder.config.projection_dim, original = 33, checkpoint.image_encoder.config.projection_dim
    try:
        with pytest.raises(CheckpointError, match="cannot compare texts with images"):
            checkpoint.embed_texts(("a new text",))
    finally:
        checkpoint.image_encoder.config.projection_dim = original


def test_the_zero_embedding_has_a_prompts_shape(checkpoint: Checkpoint) -> None:
    nothing = encode_conditioning(checkpoint, ZeroEmbedding(), unseen)
    assert nothing.shape == encode_conditioning(checkpoint, Prompt(prompt=""), unseen).shape
    assert not nothing.any()


@pytest.mark.parametrize(("part", "file"), [("unet", "diffusion_pytorch_model.safetensors"), ("text_encoder", "model.safetensors")])
def test_truncated_weights_are_refused_with_a_reason(tiny_folder: Path, tmp_path: Path, part: str, file: str) -> None:
    copy = shutil.copytree(tiny_folder, tmp_path / "copy")
    weights = copy / part / file
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match=rf"{part}: the weights are truncated or damaged"):
        load_checkpoint(find_checkpoint(str(copy)))


def test_missing_weights_are_refused(tiny_folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_folder, tmp_path / "copy")
    for part, file in (("unet", "diffusion_pytorch_model.safetensors"), ("text_encoder", "model.safetensors")):
        whole = load_file(copy / part / file)
        save_file(dict(list(whole.items())[1:]), copy / part / file, {"format": "pt"})
        with pytest.raises(CheckpointError, match=rf"{part}: 1 weights of its config are missing"):
            load_checkpoint(find_checkpoint(str(copy)))
        save_file(whole, copy / part / file, {"format": "pt"})
