"""Stable Diffusion XL: two text encoders, pooled text and size conditioning, as in diffusers' pipelines."""

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

from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.conditioning import encode_conditioning, encode_negative
from sakuga.models.controlnets import Control
from sakuga.models.families import family_of
from sakuga.models.sampling import sample
from sakuga.models.schedulers import build_scheduler
from sakuga.models.text_encoders import encode_texts
from sakuga.timeline.spec import Interpolated, Prompt
from tests.conftest import write_tiny_xl

SIZE = {"height": 32, "width": 48}
PROMPT, NEGATIVE = "a castle by the sea!", "grey, blurred"


@pytest.fixture(scope="module")
def checkpoint(tiny_xl_folder: Path) -> Checkpoint:
    return load_checkpoint(find_checkpoint(str(tiny_xl_folder)))


@pytest.fixture
def copy(tiny_xl_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_xl_folder, tmp_path / "copy"))


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def unseen(name: str) -> np.ndarray:
    raise AssertionError(f"nothing here shows frame {name}")


def theirs(kind: Any, checkpoint: Checkpoint, **more: Any) -> Any:
    """Diffusers' pipeline, read from the same folder."""
    pipeline = kind.from_pretrained(checkpoint.files.folder, add_watermarker=False, **more)
    pipeline.scheduler = build_scheduler(checkpoint, "euler", 4)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def generate_with(pipeline: Any, prompt: str = PROMPT, **settings: Any) -> np.ndarray:
    """Generate with diffusers, which converts tensors in a way that numpy deprecates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        generated: np.ndarray = pipeline(prompt, output_type="np", **{"num_inference_steps": 4, "guidance_scale": 5.0, **settings}).images
    return generated


def ours(checkpoint: Checkpoint, negative: str, noise: torch.Tensor, prompt: str = PROMPT, **settings: Any) -> np.ndarray:
    words = {"prompt_embeds": encode_conditioning(checkpoint, Prompt(prompt=prompt), unseen)}
    words["negative_prompt_embeds"] = encode_negative(checkpoint, Prompt(prompt=negative), unseen)
    *_, last = sample(checkpoint, noise=iter([noise]), sampler="euler", guidance_scale=5.0, **words, **{"steps": 4, **settings})
    return checkpoint.decode(last.latents)


def start_noise() -> torch.Tensor:
    return torch.randn(1, 8, 8, 12, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("negative", [None, NEGATIVE])
def test_text_to_image_equals_diffusers(checkpoint: Checkpoint, negative: str | None) -> None:
    pipeline = theirs(StableDiffusionXLPipeline, checkpoint)
    noise = start_noise()
    expected = generate_with(pipeline, negative_prompt=negative, latents=noise, **SIZE)
    generated = ours(checkpoint, negative or "", noise)
    assert generated.std() > 0.05
    np.testing.assert_allclose(generated, expected, atol=1e-4)


def test_without_force_zeros_an_empty_negative_prompt_is_encoded(tmp_path: Path) -> None:
    talking = load_checkpoint(find_checkpoint(str(write_tiny_xl(tmp_path, zeros=False))))
    noise = start_noise()
    expected = generate_with(theirs(StableDiffusionXLPipeline, talking), latents=noise, **SIZE)
    np.testing.assert_allclose(ours(talking, "", noise), expected, atol=1e-4)
    assert not encode_negative(replace(talking, info=replace(talking.info, zeros_for_empty_prompt=True)), Prompt(prompt=""), unseen).any()


def test_image_to_image_equals_diffusers(checkpoint: Checkpoint) -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    latents = checkpoint.encode(image)
    pipeline = theirs(StableDiffusionXLImg2ImgPipeline, checkpoint)
    pipeline.vae.encode = lambda pixels: SimpleNamespace(latents=latents / checkpoint.vae.config.scaling_factor)  # deterministic, as ours
    expected = generate_with(
        pipeline, image=torch.from_numpy(image).permute(2, 0, 1)[None] / 255, negative_prompt=NEGATIVE, strength=0.6,
        num_inference_steps=5, generator=torch.Generator().manual_seed(4),
    )  # fmt: skip
    np.testing.assert_allclose(ours(checkpoint, NEGATIVE, start_noise(), steps=5, init_latents=latents, strength=0.6), expected, atol=1e-4)


def test_a_controlnet_equals_diffusers(checkpoint: Checkpoint, copy: Path) -> None:
    torch.manual_seed(5)
    network = ControlNetModel.from_unet(checkpoint.unet, conditioning_embedding_out_channels=(8, 16, 16))
    for weight in network.parameters():
        weight.data.normal_(std=0.1)
    network.save_pretrained(copy / "controlnet")
    controlled = load_checkpoint(find_checkpoint(str(copy)))
    hint = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(2))
    pipeline = theirs(StableDiffusionXLControlNetPipeline, controlled, controlnet=controlled.controlnet)
    noise = start_noise()
    expected = generate_with(pipeline, image=hint, negative_prompt=NEGATIVE, latents=noise, controlnet_conditioning_scale=0.6)
    generated = ours(controlled, NEGATIVE, noise, controls=[Control(image=hint, weight=0.6)])
    np.testing.assert_allclose(generated, expected, atol=1e-4)
    assert np.abs(generated - ours(controlled, NEGATIVE, noise)).max() > 1e-3


def test_clip_skip_equals_diffusers_which_counts_from_0(checkpoint: Checkpoint) -> None:
    expected, _, pooled, _ = theirs(StableDiffusionXLPipeline, checkpoint).encode_prompt(PROMPT, device="cpu", clip_skip=1)
    tokens, row = checkpoint.split_pooled(replace(checkpoint, clip_skip=2).encode_prompts([PROMPT]))
    assert torch.allclose(tokens, expected, atol=1e-5)
    assert torch.allclose(row[:, 0, : checkpoint.info.pooled_channels], pooled, atol=1e-5)


def test_the_info_is_that_of_sdxl(tiny_xl_folder: Path) -> None:
    source = find_checkpoint(str(tiny_xl_folder))
    facts = source.info
    assert (facts.native_size, facts.token_limit, facts.sequence_length, facts.pooled_channels, facts.zeros_for_empty_prompt) == (
        32,
        77,
        78,
        20,
        True,
    )
    assert (facts.has_text_encoder, facts.has_image_encoder, family_of(source.info).name) == (True, False, "sdxl")
    assert {path.parent.name for path in source.loaded_files()} >= {"tokenizer_2", "text_encoder_2", tiny_xl_folder.name}


def test_emphasis_leaves_the_pooled_text_unchanged(checkpoint: Checkpoint) -> None:
    plain, emphasized, empty = (checkpoint.encode_prompts([prompt])[0] for prompt in ("a red sea!", "a (red:1.5) sea!", ""))
    red = [
        place
        for place, (start, stop) in enumerate(checkpoint.text_encoders[1].tokenize("a red sea!").offsets)
        if start >= 2 and 2 < stop <= 5
    ]
    others = [place for place in range(78) if place not in red]
    assert torch.equal(emphasized[others], plain[others])
    assert torch.allclose(emphasized[red], empty[red] + 1.5 * (plain[red] - empty[red]), atol=1e-5)
    assert plain[-1, :20].any()
    assert not plain[-1, 20:].any()


def test_tokens_and_pooled_texts_are_slerped_separately(checkpoint: Checkpoint) -> None:
    first, second = (checkpoint.encode_prompts([prompt])[0] for prompt in ("a castle", "the sea"))
    half = encode_conditioning(
        checkpoint, Interpolated(first=Prompt(prompt="a castle"), second=Prompt(prompt="the sea"), at=0.5, method="slerp"), unseen
    )[0]
    for rows in (slice(0, -1), slice(-1, None)):
        between, here, there = (outputs[rows].flatten() for outputs in (half, first, second))
        cosine = torch.nn.functional.cosine_similarity
        assert torch.allclose(cosine(between, here, dim=0), cosine(between, there, dim=0), atol=0.02)
    even = encode_conditioning(
        checkpoint, Interpolated(first=Prompt(prompt="a castle"), second=Prompt(prompt="the sea"), at=0.5, method="lerp"), unseen
    )[0]
    assert torch.allclose(even, (first + second) / 2, atol=1e-5)


def test_the_pooled_text_is_taken_at_the_end_mark_behind_learned_words(checkpoint: Checkpoint) -> None:
    """Published configs have an end mark of 2, for which transformers takes the greatest token number, such as a learned word's."""
    reader = checkpoint.text_encoders[1]
    reader.network.config.eos_token_id, original = 2, reader.network.config.eos_token_id
    try:
        assert torch.equal(encode_texts(checkpoint.text_encoders, ["a cat"], 77), checkpoint.encode_prompts(["a cat"]))
    finally:
        reader.network.config.eos_token_id = original


def test_a_second_tokenizer_without_a_vocabulary_uses_the_first(checkpoint: Checkpoint, copy: Path) -> None:
    before = load_checkpoint(find_checkpoint(str(copy))).encode_prompts([PROMPT])
    (copy / "tokenizer_2" / "tokenizer.json").unlink()
    assert torch.equal(load_checkpoint(find_checkpoint(str(copy))).encode_prompts([PROMPT]), before)
    edit(copy / "text_encoder_2" / "config.json", vocab_size=5)
    with pytest.raises(
        CheckpointError, match=r"its tokenizer_2/ has no vocabulary \(vocab.json and merges.txt\): download the folder again"
    ):
        find_checkpoint(str(copy))
    (copy / "tokenizer" / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match="its tokenizer/ has no vocabulary"):
        find_checkpoint(str(copy))


def test_tokens_are_counted_by_the_first_tokenizer(checkpoint: Checkpoint) -> None:
    assert checkpoint.count_tokens("a (cat:1.2)!") == 7
    long = checkpoint.truncated_prompt("a " * 80)
    assert long is not None
    assert (long.tokens, long.limit) == (82, 77)


def test_a_refiner_is_refused(copy: Path) -> None:
    message = "is an SDXL refiner, which works only after a base model: use the base model"
    edit(copy / "model_index.json", requires_aesthetics_score=True)
    with pytest.raises(CheckpointError, match=message):
        find_checkpoint(str(copy))
    edit(copy / "model_index.json", requires_aesthetics_score=False)
    find_checkpoint(str(copy))
    for part in ("tokenizer", "text_encoder"):
        shutil.rmtree(copy / part)
    with pytest.raises(CheckpointError, match=message):
        find_checkpoint(str(copy))


def test_components_of_different_models_are_refused(copy: Path, tiny_folder: Path) -> None:
    edit(copy / "text_encoder_2" / "config.json", projection_dim=24)
    with pytest.raises(CheckpointError, match=r"give 16 \+ 24 channels and 24 pooled, but its UNet takes 40 and 20"):
        find_checkpoint(str(copy))
    shutil.rmtree(copy / "text_encoder_2")
    with pytest.raises(CheckpointError, match="has no text_encoder_2, which its UNet needs"):
        find_checkpoint(str(copy))
    plain = Path(shutil.copytree(tiny_folder, copy.parent / "plain"))
    (plain / "text_encoder_2").mkdir()
    with pytest.raises(CheckpointError, match="has a text_encoder_2, which its UNet does not use"):
        find_checkpoint(str(plain))


@pytest.mark.parametrize(
    ("part", "change", "why"),
    [
        ("unet", {"addition_embed_type": "text_image"}, "needs an input of type text_image"),
        ("unet", {"encoder_hid_dim_type": "text_proj"}, "projects the prompt embeddings"),
        ("vae", {"latents_mean": [0.1] * 8}, "shifts the latents by means"),
    ],
)
def test_unsupported_variants_of_sdxl_are_refused(copy: Path, part: str, change: dict[str, object], why: str) -> None:
    edit(copy / part / "config.json", **change)
    with pytest.raises(CheckpointError, match=rf"is not supported: its \w+ {why}"):
        find_checkpoint(str(copy))


def test_the_sdxl_autoencoder_stays_fp32_in_half_precision(copy: Path) -> None:
    assert load_checkpoint(find_checkpoint(str(copy)), precision="fp16").vae.dtype == torch.float32
    assert load_checkpoint(find_checkpoint(str(copy)), precision="bf16").vae.dtype == torch.bfloat16
    edit(copy / "vae" / "config.json", force_upcast=False)
    half = load_checkpoint(find_checkpoint(str(copy)), precision="fp16")
    assert {half.vae.dtype, half.unet.dtype, half.text_encoders[1].network.dtype} == {torch.float16}


def test_fp16_variants_of_files_are_used(copy: Path) -> None:
    before = load_checkpoint(find_checkpoint(str(copy))).encode_prompts([PROMPT])
    for file in copy.glob("*/*.safetensors"):
        file.rename(file.with_suffix(".fp16.safetensors"))
    assert torch.equal(load_checkpoint(find_checkpoint(str(copy))).encode_prompts([PROMPT]), before)


def test_the_index_is_part_of_the_digest(copy: Path) -> None:
    before = find_checkpoint(str(copy)).digest
    edit(copy / "model_index.json", force_zeros_for_empty_prompt=False)
    after = find_checkpoint(str(copy))
    assert after.digest != before
    assert not after.info.zeros_for_empty_prompt


def test_each_tokenizer_pads_with_its_own_token(checkpoint: Checkpoint) -> None:
    for reader, part, padding in zip(checkpoint.text_encoders, ("tokenizer", "tokenizer_2"), ("<|endoftext|>", "!"), strict=True):
        theirs = CLIPTokenizer.from_pretrained(checkpoint.files.folder / part)
        assert reader.tokenizer.pad_token_id == theirs.convert_tokens_to_ids(padding)
        assert reader.tokenizer(PROMPT).input_ids == theirs(PROMPT, add_special_tokens=False).input_ids
