"""A checkpoint in memory, held against diffusers and transformers."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPImageProcessorPil

from sakuga.models.checkpoint import Checkpoint, load, quantised
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.conditioning import draws, embedding
from sakuga.timeline.spec import Guided, Image, Mix, Nothing, Seeded, Slerp, Text, Walk


@pytest.fixture(scope="module")
def seeing(tiny_v_folder: Path) -> Checkpoint:
    return load(find_checkpoint(str(tiny_v_folder)))


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)


def unseen(name: str) -> np.ndarray:
    raise AssertionError(f"nothing here shows frame {name}")


def test_prompts_over_the_limit_are_reported_with_what_is_lost(seeing: Checkpoint) -> None:
    assert seeing.count_tokens("a cat") == 6
    assert seeing.overlong("a cat") is None
    long = seeing.overlong("abcdefghij" * 7 + "x" * 5 + "yz")
    assert long is not None
    assert (long.tokens, long.limit, long.unread) == (79, 77, "yz")
    assert str(long) == "the prompt has 79 tokens and the checkpoint reads 77: 'yz' is not drawn"


def test_an_embedding_does_not_depend_on_its_company(tiny_folder: Path) -> None:
    alone = load(find_checkpoint(str(tiny_folder))).encode_text(["a cat"])
    among = load(find_checkpoint(str(tiny_folder))).encode_text(["dogs", "a cat", ""])
    assert torch.equal(alone[0], among[1])
    assert not torch.equal(among[0], among[1])


def test_pictures_keep_their_size_through_the_vae(seeing: Checkpoint, picture: np.ndarray) -> None:
    latents = seeing.encode_picture(picture)
    assert latents.shape == (1, 8, 8, 12)
    decoded = seeing.decode(torch.cat([latents, latents * 0]))
    assert decoded.shape == (2, 32, 48, 3)
    assert quantised(decoded).dtype == np.uint8
    assert np.isnan(seeing.decode(latents * torch.nan)).all()


def test_a_picture_conditions_as_a_prompt_does(seeing: Checkpoint, picture: np.ndarray) -> None:
    shown = embedding(seeing, Image(frame="f"), lambda name: picture)
    words = embedding(seeing, Text(prompt="a cat"), unseen)
    assert shown.shape == words.shape
    half = embedding(seeing, Mix(first=Text(prompt="a cat"), second=Image(frame="f"), at=0.5), lambda name: picture)
    assert not torch.equal(half, words)
    latents = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        repeated = seeing.unet(latents, 500, encoder_hidden_states=shown).sample
        single = seeing.unet(latents, 500, encoder_hidden_states=shown[:, :1]).sample
    assert torch.allclose(repeated, single, atol=1e-5)


def test_no_picture_is_squashed_whatever_the_processor_does(seeing: Checkpoint, picture: np.ndarray) -> None:
    middle = seeing.image_embedding(np.ascontiguousarray(picture[:, 8:40]))
    kept, seeing.image_processor = seeing.image_processor, CLIPImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False)
    try:
        assert torch.equal(seeing.image_embedding(picture), middle)
    finally:
        seeing.image_processor = kept
    assert torch.equal(seeing.image_embedding(picture), middle)


def test_of_a_picture_of_one_pixel_its_colour_is_seen(seeing: Checkpoint) -> None:
    dot = np.array([[[200, 60, 30]]], np.uint8)
    assert torch.allclose(seeing.image_embedding(dot), seeing.image_embedding(np.tile(dot, (40, 40, 1))), atol=1e-5)


def test_a_checkpoint_without_eyes_says_so(tiny_folder: Path, picture: np.ndarray) -> None:
    with pytest.raises(CheckpointError, match="has no image encoder"):
        embedding(load(find_checkpoint(str(tiny_folder))), Image(frame="f"), lambda name: picture)


def test_noise_expressions_nest_and_take_the_next_seed_on_each_attempt() -> None:
    shape = (8, 4, 4)
    here = next(draws(Walk(seed=3, at=0.5), shape))
    assert torch.equal(next(draws(Slerp(first=Seeded(seed=3), second=Seeded(seed=4), at=0.5), shape)), here)
    again = next(draws(Slerp(first=Seeded(seed=3), second=Walk(seed=9, at=1.0), at=0.0), shape, attempt=2))
    assert torch.equal(again, next(draws(Seeded(seed=5), shape)))


def test_guidance_by_texts_moves_a_pictures_embedding_in_clips_space(seeing: Checkpoint, picture: np.ndarray) -> None:
    plain = Image(frame="f")
    guided = Guided(base=plain, good=("crisp",), bad=("blurred", "empty"), positive=3.0, negative=2.0, repeats=4)
    before, after = (embedding(seeing, shown, lambda name: picture)[0, 0] for shown in (plain, guided))
    cosine = torch.nn.functional.cosine_similarity
    assert cosine(after, seeing.text_directions(("crisp",))[0], dim=0) > cosine(before, seeing.text_directions(("crisp",))[0], dim=0)
    assert cosine(after, seeing.text_directions(("empty",))[0], dim=0) < cosine(before, seeing.text_directions(("empty",))[0], dim=0)
    half = embedding(seeing, Mix(first=plain, second=guided, at=0.5, way="lerp"), lambda name: picture)[0, 0]
    assert torch.allclose(half, (before + after) / 2, atol=1e-5)


def test_words_that_have_no_place_among_pictures_are_refused(seeing: Checkpoint) -> None:
    seeing.image_encoder.config.projection_dim, kept = 33, seeing.image_encoder.config.projection_dim
    try:
        with pytest.raises(CheckpointError, match="cannot compare words with pictures"):
            seeing.text_directions(("never asked before",))
    finally:
        seeing.image_encoder.config.projection_dim = kept


def test_nothing_is_zeros_of_a_prompts_shape(seeing: Checkpoint) -> None:
    nothing = embedding(seeing, Nothing(), unseen)
    assert nothing.shape == embedding(seeing, Text(prompt=""), unseen).shape
    assert not nothing.any()


@pytest.mark.parametrize(("part", "file"), [("unet", "diffusion_pytorch_model.safetensors"), ("text_encoder", "model.safetensors")])
def test_a_weight_file_that_is_cut_short_is_told_in_one_sentence(tiny_folder: Path, tmp_path: Path, part: str, file: str) -> None:
    copy = shutil.copytree(tiny_folder, tmp_path / "copy")
    weights = copy / part / file
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match=rf"{part}: the weights are cut short or damaged"):
        load(find_checkpoint(str(copy)))


def test_weights_that_the_config_asks_for_are_never_made_up(tiny_folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_folder, tmp_path / "copy")
    for part, file in (("unet", "diffusion_pytorch_model.safetensors"), ("text_encoder", "model.safetensors")):
        whole = load_file(copy / part / file)
        save_file(dict(list(whole.items())[1:]), copy / part / file, {"format": "pt"})
        with pytest.raises(CheckpointError, match=rf"{part}: 1 weights that its config asks for are missing"):
            load(find_checkpoint(str(copy)))
        save_file(whole, copy / part / file, {"format": "pt"})
