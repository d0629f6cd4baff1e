"""Stable Diffusion XL: two text encoders, a pooled text and sizes beside the words, as diffusers' own pipelines tell them."""

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    ControlNetModel,
    StableDiffusionXLControlNetPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
)
from transformers import CLIPTokenizer

from sakuga.models.checkpoint import Checkpoint, load
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.conditioning import embedding, led_away
from sakuga.models.families import family_of_source
from sakuga.models.sampling import build_scheduler, sample
from sakuga.models.text_encoders import read_texts
from sakuga.timeline.spec import Mix, Text
from tests.conftest import write_tiny_xl

SIZE = {"height": 32, "width": 48}
PROMPT, NEGATIVE = "a castle by the sea!", "grey, blurred"


@pytest.fixture(scope="module")
def checkpoint(tiny_xl_folder: Path) -> Checkpoint:
    return load(find_checkpoint(str(tiny_xl_folder)))


@pytest.fixture
def copy(tiny_xl_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_xl_folder, tmp_path / "copy"))


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def unseen(name: str) -> np.ndarray:
    raise AssertionError(f"nothing here shows frame {name}")


def theirs(kind: Any, checkpoint: Checkpoint, **more: Any) -> Any:
    """Diffusers' pipeline, read from the same folder."""
    pipeline = kind.from_pretrained(checkpoint.source.folder, add_watermarker=False, **more)
    pipeline.scheduler = build_scheduler(checkpoint, "euler", 4)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def drawn_by(pipeline: Any, prompt: str = PROMPT, **settings: Any) -> np.ndarray:
    """Let diffusers draw; it hands tensors to numpy in a way that numpy will refuse one day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        drawn: np.ndarray = pipeline(prompt, output_type="np", **{"num_inference_steps": 4, "guidance_scale": 5.0, **settings}).images
    return drawn


def ours(checkpoint: Checkpoint, negative: str, noise: torch.Tensor, prompt: str = PROMPT, **settings: Any) -> np.ndarray:
    words = {"conditioning": embedding(checkpoint, Text(prompt=prompt), unseen)}
    words["negative"] = led_away(checkpoint, Text(prompt=negative), unseen)
    *_, last = sample(checkpoint, noise=iter([noise]), sampler="euler", guidance=5.0, **words, **{"steps": 4, **settings})
    return checkpoint.decode(last.latents)


def start_noise() -> torch.Tensor:
    return torch.randn(1, 8, 8, 12, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("negative", [None, NEGATIVE])
def test_text_to_image_equals_diffusers(checkpoint: Checkpoint, negative: str | None) -> None:
    pipeline = theirs(StableDiffusionXLPipeline, checkpoint)
    noise = start_noise()
    expected = drawn_by(pipeline, negative_prompt=negative, latents=noise, **SIZE)
    drawn = ours(checkpoint, negative or "", noise)
    assert drawn.std() > 0.05
    np.testing.assert_allclose(drawn, expected, atol=1e-4)


def test_a_checkpoint_that_is_not_silent_is_led_away_from_an_empty_prompt(tmp_path: Path) -> None:
    talking = load(find_checkpoint(str(write_tiny_xl(tmp_path, zeros=False))))
    noise = start_noise()
    expected = drawn_by(theirs(StableDiffusionXLPipeline, talking), latents=noise, **SIZE)
    np.testing.assert_allclose(ours(talking, "", noise), expected, atol=1e-4)
    assert not led_away(replace(talking, facts=replace(talking.facts, silent=True)), Text(prompt=""), unseen).any()


def test_image_to_image_equals_diffusers(checkpoint: Checkpoint) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    latents = checkpoint.encode_picture(picture)
    pipeline = theirs(StableDiffusionXLImg2ImgPipeline, checkpoint)
    pipeline.vae.encode = lambda pixels: SimpleNamespace(latents=latents / checkpoint.vae.config.scaling_factor)  # as ours: no chance in it
    expected = drawn_by(
        pipeline, image=torch.from_numpy(picture).permute(2, 0, 1)[None] / 255, negative_prompt=NEGATIVE, strength=0.6,
        num_inference_steps=5, generator=torch.Generator().manual_seed(4),
    )  # fmt: skip
    np.testing.assert_allclose(ours(checkpoint, NEGATIVE, start_noise(), steps=5, start_latents=latents, strength=0.6), expected, atol=1e-4)


def test_a_led_drawing_equals_diffusers(checkpoint: Checkpoint, copy: Path) -> None:
    torch.manual_seed(5)
    network = ControlNetModel.from_unet(checkpoint.unet, conditioning_embedding_out_channels=(8, 16, 16))
    for weight in network.parameters():
        weight.data.normal_(std=0.1)
    network.save_pretrained(copy / "controlnet")
    led = load(find_checkpoint(str(copy)))
    hint = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(2))
    pipeline = theirs(StableDiffusionXLControlNetPipeline, led, controlnet=led.controlnet)
    noise = start_noise()
    expected = drawn_by(pipeline, image=hint, negative_prompt=NEGATIVE, latents=noise, controlnet_conditioning_scale=0.6)
    drawn = ours(led, NEGATIVE, noise, control=hint, control_weight=0.6)
    np.testing.assert_allclose(drawn, expected, atol=1e-4)
    assert np.abs(drawn - ours(led, NEGATIVE, noise)).max() > 1e-3


def test_the_facts_are_those_of_xl(tiny_xl_folder: Path) -> None:
    source = find_checkpoint(str(tiny_xl_folder))
    facts = source.facts
    assert (facts.native_size, facts.token_limit, facts.rows, facts.pooled, facts.silent) == (32, 77, 78, 20, True)
    assert (facts.reads_words, facts.sees_pictures, family_of_source(source)) == (True, False, "sdxl")
    assert {path.parent.name for path in source.files()} >= {"tokenizer_2", "text_encoder_2", tiny_xl_folder.name}


def test_words_are_weighed_and_the_pooled_text_is_not(checkpoint: Checkpoint) -> None:
    plain, heard, empty = (checkpoint.encode_text([prompt])[0] for prompt in ("a red sea!", "a (red:1.5) sea!", ""))
    red = [place for place, (start, stop) in enumerate(checkpoint.readers[1].tokens("a red sea!").places) if start >= 2 and 2 < stop <= 5]
    others = [place for place in range(78) if place not in red]
    assert torch.equal(heard[others], plain[others])
    assert torch.allclose(heard[red], empty[red] + 1.5 * (plain[red] - empty[red]), atol=1e-5)
    assert plain[-1, :20].any()
    assert not plain[-1, 20:].any()


def test_a_mix_goes_along_words_and_pooled_texts_each_at_its_own_angle(checkpoint: Checkpoint) -> None:
    first, second = (checkpoint.encode_text([prompt])[0] for prompt in ("a castle", "the sea"))
    half = embedding(checkpoint, Mix(first=Text(prompt="a castle"), second=Text(prompt="the sea"), at=0.5, way="slerp"), unseen)[0]
    for rows in (slice(0, -1), slice(-1, None)):
        between, here, there = (told[rows].flatten() for told in (half, first, second))
        cosine = torch.nn.functional.cosine_similarity
        assert torch.allclose(cosine(between, here, dim=0), cosine(between, there, dim=0), atol=0.02)
    even = embedding(checkpoint, Mix(first=Text(prompt="a castle"), second=Text(prompt="the sea"), at=0.5, way="lerp"), unseen)[0]
    assert torch.allclose(even, (first + second) / 2, atol=1e-5)


def test_the_pooled_text_is_read_at_the_end_mark_even_behind_learnt_words(checkpoint: Checkpoint) -> None:
    """Published text encoders say an end mark of 2, at which transformers takes the greatest number, which a learnt word would have."""
    reader = checkpoint.readers[1]
    reader.encoder.config.eos_token_id, kept = 2, reader.encoder.config.eos_token_id
    try:
        assert torch.equal(read_texts(checkpoint.readers, ["a cat"], 77), checkpoint.encode_text(["a cat"]))
    finally:
        reader.encoder.config.eos_token_id = kept


def test_a_second_tokenizer_without_words_has_the_firsts_and_fills_up_with_its_own_sign(checkpoint: Checkpoint, copy: Path) -> None:
    before = load(find_checkpoint(str(copy))).encode_text([PROMPT])
    (copy / "tokenizer_2" / "tokenizer.json").unlink()
    assert torch.equal(load(find_checkpoint(str(copy))).encode_text([PROMPT]), before)
    edit(copy / "text_encoder_2" / "config.json", vocab_size=5)
    with pytest.raises(CheckpointError, match=r"its tokenizer_2/ has no vocabulary \(vocab.json and merges.txt\): copy it anew"):
        find_checkpoint(str(copy))
    (copy / "tokenizer" / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match="its tokenizer/ has no vocabulary"):
        find_checkpoint(str(copy))


def test_the_first_tokenizer_counts(checkpoint: Checkpoint) -> None:
    assert checkpoint.count_tokens("a (cat:1.2)!") == 7
    long = checkpoint.overlong("a " * 80)
    assert long is not None
    assert (long.tokens, long.limit) == (82, 77)


def test_a_refiner_is_refused_in_a_sentence(copy: Path) -> None:
    told = "is a refiner, which only goes over what a base has drawn: give the base"
    edit(copy / "model_index.json", requires_aesthetics_score=True)
    with pytest.raises(CheckpointError, match=told):
        find_checkpoint(str(copy))
    edit(copy / "model_index.json", requires_aesthetics_score=False)
    find_checkpoint(str(copy))
    for part in ("tokenizer", "text_encoder"):
        shutil.rmtree(copy / part)
    with pytest.raises(CheckpointError, match=told):
        find_checkpoint(str(copy))


def test_parts_of_different_models_are_refused(copy: Path, tiny_folder: Path) -> None:
    edit(copy / "text_encoder_2" / "config.json", projection_dim=24)
    with pytest.raises(CheckpointError, match=r"tell 16 \+ 24 channels and 24 pooled, and its UNet is told 40 and 20"):
        find_checkpoint(str(copy))
    shutil.rmtree(copy / "text_encoder_2")
    with pytest.raises(CheckpointError, match="has no text_encoder_2, which its UNet is told by"):
        find_checkpoint(str(copy))
    plain = Path(shutil.copytree(tiny_folder, copy.parent / "plain"))
    (plain / "text_encoder_2").mkdir()
    with pytest.raises(CheckpointError, match="has a text_encoder_2, and its UNet is not told by it"):
        find_checkpoint(str(plain))


@pytest.mark.parametrize(
    ("part", "change", "why"),
    [
        ("unet", {"addition_embed_type": "text_image"}, "wants text_image beside the words"),
        ("unet", {"encoder_hid_dim_type": "text_proj"}, "projects its words"),
        ("vae", {"latents_mean": [0.1] * 8}, "moves its latents by means"),
    ],
)
def test_cousins_of_xl_are_refused_by_name(copy: Path, part: str, change: dict[str, object], why: str) -> None:
    edit(copy / part / "config.json", **change)
    with pytest.raises(CheckpointError, match=rf"can neither draw nor learn here: its \w+ {why}"):
        find_checkpoint(str(copy))


def test_in_half_precision_its_autoencoder_stays_whole(copy: Path) -> None:
    assert load(find_checkpoint(str(copy)), precision="fp16").vae.dtype == torch.float32
    assert load(find_checkpoint(str(copy)), precision="bf16").vae.dtype == torch.bfloat16
    edit(copy / "vae" / "config.json", force_upcast=False)
    half = load(find_checkpoint(str(copy)), precision="fp16")
    assert {half.vae.dtype, half.unet.dtype, half.readers[1].encoder.dtype} == {torch.float16}


def test_variants_of_its_files_are_taken(copy: Path) -> None:
    before = load(find_checkpoint(str(copy))).encode_text([PROMPT])
    for file in copy.glob("*/*.safetensors"):
        file.rename(file.with_suffix(".fp16.safetensors"))
    assert torch.equal(load(find_checkpoint(str(copy))).encode_text([PROMPT]), before)


def test_what_the_index_says_is_part_of_the_models_name(copy: Path) -> None:
    before = find_checkpoint(str(copy)).digest
    edit(copy / "model_index.json", force_zeros_for_empty_prompt=False)
    after = find_checkpoint(str(copy))
    assert after.digest != before
    assert not after.facts.silent


def test_a_tokenizer_fills_up_with_its_own_sign(checkpoint: Checkpoint) -> None:
    first, second = (reader.tokenizer for reader in checkpoint.readers)
    assert isinstance(first, CLIPTokenizer)
    assert (first.pad_token, second.pad_token) == ("<|endoftext|>", "!")
