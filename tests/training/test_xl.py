"""Training on Stable Diffusion XL: both text encoders, pooled text and sizes; diffusers applies the results."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from safetensors.torch import load_file, save_file

from sakuga.models.adapters import AdapterError, read_style
from sakuga.models.applied_adapters import applied_adapters
from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.style_files import EMBEDDING_FILE, LORA_FILE
from sakuga.models.styles import find_style
from sakuga.story.settings import FilmSettings
from sakuga.studio.styles.check import check_style
from sakuga.studio.training.resolution import TrainSettings
from sakuga.training.caption_embeddings import CaptionEncoder
from sakuga.training.defaults import default_settings
from sakuga.training.method_settings import DreamBooth, Lora, TextualInversion
from sakuga.training.training_data import TrainingExample, crop_origin
from tests.models.test_xl import NEGATIVE, SIZE, generate_with, ours, theirs
from tests.training.conftest import prepared, resumed, trained

NOISE = torch.randn(1, 8, 8, 12, generator=torch.Generator().manual_seed(4))
OPTIONS = {"negative_prompt": NEGATIVE, "latents": NOISE, **SIZE}


@pytest.fixture
def settings(small_set: Path, tiny_xl_folder: Path, tmp_path: Path) -> TrainSettings:
    return TrainSettings(
        method=Lora(rank=2, targets=("attention",), text_encoder=True), set=small_set, out=tmp_path / "run", model=str(tiny_xl_folder),
        steps=3, batch=2, learning_rate=0.05, sample_every=0, validate_every=3, checkpoint_every=2, precision="fp32", tracker="none",
        device="cpu",
    )  # fmt: skip


def generated(checkpoint: Checkpoint, prompt: str) -> np.ndarray:
    return ours(checkpoint, NEGATIVE, NOISE, prompt=prompt)


def test_a_lora_of_all_three_networks_applies_as_in_diffusers_and_resumes_exactly(settings: TrainSettings, tmp_path: Path) -> None:
    run = trained(settings)
    weights = load_file(run.style / LORA_FILE)
    assert {key.split(".")[0] for key in weights} == {"unet", "text_encoder", "text_encoder_2"}
    resumed_weights = load_file(resumed(replace(settings, out=tmp_path / "again"), 1).style / LORA_FILE)
    assert all(torch.equal(weights[key], resumed_weights[key]) for key in weights | resumed_weights)
    checkpoint = load_checkpoint(find_checkpoint(settings.model))
    plain = generated(checkpoint, "a zk castle")
    for file in (run.style / LORA_FILE, run.style / "run-kohya.safetensors"):
        pipeline = theirs(StableDiffusionXLPipeline, checkpoint)
        pipeline.load_lora_weights(file.parent, weight_name=file.name)
        expected = generate_with(pipeline, "a zk castle", **OPTIONS)
        adapter = read_style([file], "it")
        assert adapter.family == "sdxl"
        with applied_adapters(checkpoint, [(adapter, 1.0)]):
            styled = generated(checkpoint, "a zk castle")
        assert np.abs(styled - plain).max() > 1e-3
        np.testing.assert_allclose(styled, expected, atol=1e-4)
    assert np.array_equal(generated(checkpoint, "a zk castle"), plain)
    checked = check_style(str(run.style), settings.model, settings=FilmSettings(steps=1)).result()
    assert (checked.sound, checked.made_for, checked.unmatched) == (True, "Stable Diffusion XL", {})


def test_a_word_is_trained_in_both_encoders_as_diffusers_reads_it(settings: TrainSettings, tmp_path: Path) -> None:
    inversion = replace(settings, method=TextualInversion(word="<zk>", initial="ball", vectors=2), learning_rate=0.1)
    run = trained(inversion)
    rows = load_file(run.style / EMBEDDING_FILE)
    assert {key: value.shape for key, value in rows.items()} == {"clip_l": (2, 16), "clip_g": (2, 24)}
    resumed_weights = load_file(resumed(replace(inversion, out=tmp_path / "again"), 1).style / EMBEDDING_FILE)
    assert all(torch.equal(rows[key], resumed_weights[key]) for key in rows)
    checkpoint = load_checkpoint(find_checkpoint(settings.model))
    style = find_style(str(run.style), checkpoint.files)
    assert (style.contents.learned_words, style.contents.family) == ({"<zk>": 2}, "sdxl")
    pipeline = theirs(StableDiffusionXLPipeline, checkpoint)
    for key, encoder, tokenizer in (
        ("clip_l", pipeline.text_encoder, pipeline.tokenizer), ("clip_g", pipeline.text_encoder_2, pipeline.tokenizer_2)
    ):  # fmt: skip
        pipeline.load_textual_inversion({"<zk>": rows[key]}, text_encoder=encoder, tokenizer=tokenizer)
    words, _, pooled, _ = pipeline.encode_prompt("a <zk> by the sea", device="cpu")
    plain = checkpoint.encode_prompts(["a <zk> by the sea"])
    with applied_adapters(checkpoint, [(read_style(style.files, "it"), 1.0)]):
        embeds = checkpoint.encode_prompts(["a <zk> by the sea"])
    torch.testing.assert_close(embeds[:, :-1], words, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(embeds[:, -1, :20], pooled, atol=1e-5, rtol=1e-4)
    assert not torch.equal(embeds, plain)
    assert torch.equal(checkpoint.encode_prompts(["a <zk> by the sea"]), plain)


def test_a_word_for_one_encoder_alone_is_refused(tiny_xl_folder: Path, tmp_path: Path) -> None:
    save_file({"clip_l": torch.ones(1, 16)}, tmp_path / "neon.safetensors")
    checkpoint = load_checkpoint(find_checkpoint(str(tiny_xl_folder)))
    with (
        pytest.raises(AdapterError, match=r"'neon' has no vectors for text_encoder_2"),
        applied_adapters(checkpoint, [(read_style([tmp_path / "neon.safetensors"], "neon"), 1.0)]),
    ):
        pass


def test_a_dreambooth_model_generates_the_same_here_and_in_diffusers(settings: TrainSettings, tmp_path: Path) -> None:
    full = replace(settings, method=DreamBooth(adapter=None, instance_prompt="a zk ball"), learning_rate=1e-3, validate_every=0)
    run = trained(full)
    checkpoint = load_checkpoint(find_checkpoint(str(run.style)))
    assert checkpoint.info == find_checkpoint(settings.model).info
    pipeline = theirs(StableDiffusionXLPipeline, checkpoint)
    np.testing.assert_allclose(generated(checkpoint, "a zk ball"), generate_with(pipeline, "a zk ball", **OPTIONS), atol=1e-4)
    base = load_checkpoint(find_checkpoint(settings.model))
    assert np.abs(generated(checkpoint, "a zk ball") - generated(base, "a zk ball")).max() > 1e-3


def test_a_subjects_name_is_trained_beside_its_lora(settings: TrainSettings) -> None:
    method = DreamBooth(adapter=Lora(rank=2, targets=("attention",), text_encoder=True), name=TextualInversion(word="<zk>", initial="ball"))
    run = trained(replace(settings, method=method, validate_every=0))
    checkpoint = load_checkpoint(find_checkpoint(settings.model))
    style = find_style(str(run.style), checkpoint.files)
    assert (style.contents.learned_words, {layer.split(".")[0] for layer in style.contents.layers}) == (
        {"<zk>": 1}, {"unet", "text_encoder", "text_encoder_2"},
    )  # fmt: skip
    plain = generated(checkpoint, "a <zk>")
    with applied_adapters(checkpoint, [(read_style(style.files, "it"), 1.0)]):
        assert np.abs(generated(checkpoint, "a <zk>") - plain).max() > 1e-3


def test_size_conditioning_has_each_images_size_and_crop(settings: TrainSettings) -> None:
    training = prepared(settings)
    time_ids: list[torch.Tensor] = []
    handle = training.method.checkpoint.unet.add_time_proj.register_forward_hook(lambda layer, inputs, output: time_ids.append(inputs[0]))
    stream = training.streams[0]
    batch = training.objective.make_batch(stream, 0)
    training.objective.loss(batch, training.method.encode_captions(batch.captions))
    handle.remove()
    examples = [stream.encoded.examples[index] for index in stream.batch_at(0)]
    expected = [[example.size[1], example.size[0], *crop_origin(example, False)[2:], *example.bucket[::-1]] for example in examples]
    assert time_ids[0].view(2, 6).tolist() == expected
    training.method.close()


def test_a_mirrored_image_is_cropped_from_the_other_side() -> None:
    wide = TrainingExample(path=Path("wide.png"), text="", size=(301, 100), bucket=(64, 64))
    assert crop_origin(wide, False) == (100, 301, 0, 64)
    assert crop_origin(wide, True) == (100, 301, 0, 65)
    tall = TrainingExample(path=Path("tall.png"), text="", size=(100, 200), bucket=(50, 50))
    assert crop_origin(tall, True) == crop_origin(tall, False) == (200, 100, 25, 0)


def test_empty_captions_are_zeros_where_the_checkpoint_expects_them(tiny_xl_folder: Path) -> None:
    checkpoint = load_checkpoint(find_checkpoint(str(tiny_xl_folder)))
    for encoder_trained in (False, True):
        embeds = CaptionEncoder(checkpoint, trained=encoder_trained)(["a cat", ""])
        torch.testing.assert_close(embeds[0], checkpoint.encode_prompts(["a cat"])[0].clone())
        assert not embeds[1].any()


def test_defaults_for_xl(settings: TrainSettings) -> None:
    info = replace(find_checkpoint(settings.model).info, native_size=1024)
    values = default_settings(Lora(), info)
    expected = {"size": 1024, "learning_rate": 1e-4, "batch": 1, "gradient_accumulation": 4, "gradient_checkpointing": True}
    assert {name: values[name] for name in expected} == expected
