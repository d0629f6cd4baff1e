"""Stable Diffusion XL learns: both text encoders, pooled text and sizes; and diffusers wears what was written."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from safetensors.torch import load_file, save_file

from sakuga.models.adapters import AdapterError, read_style
from sakuga.models.applied_adapters import wearing
from sakuga.models.checkpoint import Checkpoint, load
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.styles import LORA, WORDS, find_style
from sakuga.story.film import FilmSettings
from sakuga.studio.styles.check import check_style
from sakuga.studio.training.train import TrainSettings
from sakuga.training.caption_embeddings import Texts
from sakuga.training.defaults import usual
from sakuga.training.plan import DreamBooth, Lora, TextualInversion
from sakuga.training.training_data import Lesson, origin
from tests.models.test_xl import NEGATIVE, SIZE, drawn_by, ours, theirs
from tests.training.conftest import begun, done, resumed

NOISE = torch.randn(1, 8, 8, 12, generator=torch.Generator().manual_seed(4))
SAID = {"negative_prompt": NEGATIVE, "latents": NOISE, **SIZE}


@pytest.fixture
def settings(small_set: Path, tiny_xl_folder: Path, tmp_path: Path) -> TrainSettings:
    return TrainSettings(
        method=Lora(rank=2, targets=("attention",), text_encoder=True), set=small_set, out=tmp_path / "run", model=str(tiny_xl_folder),
        steps=3, batch=2, rate=0.05, sample_every=0, validate_every=3, checkpoint_every=2, precision="fp32", tracker="none", device="cpu",
    )  # fmt: skip


def drawn(checkpoint: Checkpoint, prompt: str) -> np.ndarray:
    return ours(checkpoint, NEGATIVE, NOISE, prompt=prompt)


def test_a_lora_of_all_three_networks_is_worn_as_diffusers_wears_it_and_resumes_to_the_bit(settings: TrainSettings, tmp_path: Path) -> None:
    made = done(settings)
    weights = load_file(made.style / LORA)
    assert {key.split(".")[0] for key in weights} == {"unet", "text_encoder", "text_encoder_2"}
    again = load_file(resumed(replace(settings, out=tmp_path / "again"), 1).style / LORA)
    assert all(torch.equal(weights[key], again[key]) for key in weights | again)
    checkpoint = load(find_checkpoint(settings.model))
    plain = drawn(checkpoint, "a zk castle")
    for file in (made.style / LORA, made.style / "run-kohya.safetensors"):
        pipeline = theirs(StableDiffusionXLPipeline, checkpoint)
        pipeline.load_lora_weights(file.parent, weight_name=file.name)
        expected = drawn_by(pipeline, "a zk castle", **SAID)
        adapter = read_style([file], "it")
        assert adapter.family == "sdxl"
        with wearing(checkpoint, [(adapter, 1.0)]):
            worn = drawn(checkpoint, "a zk castle")
        assert np.abs(worn - plain).max() > 1e-3
        np.testing.assert_allclose(worn, expected, atol=1e-4)
    assert np.array_equal(drawn(checkpoint, "a zk castle"), plain)
    checked = check_style(str(made.style), settings.model, settings=FilmSettings(steps=1)).result()
    assert (checked.sound, checked.made_for, checked.unmatched) == (True, "Stable Diffusion XL", {})


def test_a_word_is_learnt_in_both_encoders_as_diffusers_reads_it(settings: TrainSettings, tmp_path: Path) -> None:
    inverting = replace(settings, method=TextualInversion(word="<zk>", initial="ball", vectors=2), rate=0.1)
    made = done(inverting)
    rows = load_file(made.style / WORDS)
    assert {key: value.shape for key, value in rows.items()} == {"clip_l": (2, 16), "clip_g": (2, 24)}
    again = load_file(resumed(replace(inverting, out=tmp_path / "again"), 1).style / WORDS)
    assert all(torch.equal(rows[key], again[key]) for key in rows)
    checkpoint = load(find_checkpoint(settings.model))
    style = find_style(str(made.style), checkpoint.source)
    assert (style.contents.words, style.contents.family) == ({"<zk>": 2}, "sdxl")
    pipeline = theirs(StableDiffusionXLPipeline, checkpoint)
    for key, encoder, tokenizer in (
        ("clip_l", pipeline.text_encoder, pipeline.tokenizer), ("clip_g", pipeline.text_encoder_2, pipeline.tokenizer_2)
    ):  # fmt: skip
        pipeline.load_textual_inversion({"<zk>": rows[key]}, text_encoder=encoder, tokenizer=tokenizer)
    words, _, pooled, _ = pipeline.encode_prompt("a <zk> by the sea", device="cpu")
    plain = checkpoint.encode_text(["a <zk> by the sea"])
    with wearing(checkpoint, [(read_style(style.files, "it"), 1.0)]):
        told = checkpoint.encode_text(["a <zk> by the sea"])
    torch.testing.assert_close(told[:, :-1], words, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(told[:, -1, :20], pooled, atol=1e-5, rtol=1e-4)
    assert not torch.equal(told, plain)
    assert torch.equal(checkpoint.encode_text(["a <zk> by the sea"]), plain)


def test_a_word_for_one_encoder_alone_is_refused(tiny_xl_folder: Path, tmp_path: Path) -> None:
    save_file({"clip_l": torch.ones(1, 16)}, tmp_path / "neon.safetensors")
    checkpoint = load(find_checkpoint(str(tiny_xl_folder)))
    with (
        pytest.raises(AdapterError, match=r"'neon' has no vectors for text_encoder_2, which reads it too"),
        wearing(checkpoint, [(read_style([tmp_path / "neon.safetensors"], "neon"), 1.0)]),
    ):
        pass


def test_dreambooth_writes_a_model_that_draws_here_and_in_diffusers(settings: TrainSettings, tmp_path: Path) -> None:
    whole = replace(settings, method=DreamBooth(adapter=None, instance_prompt="a zk ball"), rate=1e-3, validate_every=0)
    made = done(whole)
    checkpoint = load(find_checkpoint(str(made.style)))
    assert checkpoint.facts == find_checkpoint(settings.model).facts
    pipeline = theirs(StableDiffusionXLPipeline, checkpoint)
    np.testing.assert_allclose(drawn(checkpoint, "a zk ball"), drawn_by(pipeline, "a zk ball", **SAID), atol=1e-4)
    base = load(find_checkpoint(settings.model))
    assert np.abs(drawn(checkpoint, "a zk ball") - drawn(base, "a zk ball")).max() > 1e-3


def test_a_subjects_name_is_learnt_beside_its_lora(settings: TrainSettings) -> None:
    method = DreamBooth(adapter=Lora(rank=2, targets=("attention",), text_encoder=True), name=TextualInversion(word="<zk>", initial="ball"))
    made = done(replace(settings, method=method, validate_every=0))
    checkpoint = load(find_checkpoint(settings.model))
    style = find_style(str(made.style), checkpoint.source)
    assert (style.contents.words, {layer.split(".")[0] for layer in style.contents.layers}) == (
        {"<zk>": 1}, {"unet", "text_encoder", "text_encoder_2"},
    )  # fmt: skip
    plain = drawn(checkpoint, "a <zk>")
    with wearing(checkpoint, [(read_style(style.files, "it"), 1.0)]):
        assert np.abs(drawn(checkpoint, "a <zk>") - plain).max() > 1e-3


def test_each_picture_is_told_with_its_own_size_and_where_it_was_cut(settings: TrainSettings) -> None:
    training = begun(settings)
    told: list[torch.Tensor] = []
    handle = training.learner.checkpoint.unet.add_time_proj.register_forward_hook(lambda layer, given, answer: told.append(given[0]))
    course = training.courses[0]
    asked = training.objective.ask(course, 0)
    training.objective.loss(asked, training.learner.told(asked.captions))
    handle.remove()
    lessons = [course.latents.lessons[index] for index in course.batch_at(0)]
    expected = [[lesson.size[1], lesson.size[0], *origin(lesson, False)[2:], *lesson.bucket[::-1]] for lesson in lessons]
    assert told[0].view(2, 6).tolist() == expected
    training.learner.close()


def test_a_mirrored_picture_is_cut_from_the_other_side() -> None:
    wide = Lesson(path=Path("wide.png"), text="", size=(301, 100), bucket=(64, 64))
    assert origin(wide, False) == (100, 301, 0, 64)
    assert origin(wide, True) == (100, 301, 0, 65)
    tall = Lesson(path=Path("tall.png"), text="", size=(100, 200), bucket=(50, 50))
    assert origin(tall, True) == origin(tall, False) == (200, 100, 25, 0)


def test_no_words_are_learnt_as_a_drawing_is_led_away_from_them(tiny_xl_folder: Path) -> None:
    checkpoint = load(find_checkpoint(str(tiny_xl_folder)))
    for learning in (False, True):
        told = Texts(checkpoint, learning=learning)(["a cat", ""])
        torch.testing.assert_close(told[0], checkpoint.encode_text(["a cat"])[0].clone())
        assert not told[1].any()


def test_what_is_usual_for_xl(settings: TrainSettings) -> None:
    facts = replace(find_checkpoint(settings.model).facts, native_size=1024)
    told = usual(Lora(), facts)
    assert (told["size"], told["rate"], told["batch"], told["accumulation"], told["gradient_checkpointing"]) == (1024, 1e-4, 1, 4, True)
