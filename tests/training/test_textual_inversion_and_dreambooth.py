"""Textual Inversion trains only its word; DreamBooth trains a subject and preserves its class."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTokenizer

from sakuga import InputError, studio
from sakuga.datasets.training_set import read_set
from sakuga.models.adapters import read_style
from sakuga.models.applied_adapters import applied_adapters
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.style_files import EMBEDDING_FILE, LORA_FILE
from sakuga.models.styles import find_style
from sakuga.story.settings import FilmSettings
from sakuga.studio.training.resolution import TrainSettings
from sakuga.studio.training.train import train
from sakuga.training.full_unet import FullUNetMethod
from sakuga.training.method_settings import DreamBooth, Lora, TextualInversion
from sakuga.training.textual_inversion import EmbeddingMethod
from tests.training.conftest import prepared, resumed, trained, write_small_set


def test_only_the_words_embedding_changes_and_applies_as_trained(settings: TrainSettings) -> None:
    checkpoint = load_checkpoint(find_checkpoint(settings.model))
    before = {name: tensor.clone() for name, tensor in checkpoint.text_encoder.state_dict().items()}
    method = TextualInversion(word="<zk>", initial="ball", vectors=3)
    training = EmbeddingMethod(checkpoint, method, "<zk>", seed=0)
    assert training.add_word("a red ball") == "a red ball, <zk>"
    assert training.add_word("a <zk> in the snow") == "a <zk> in the snow"
    assert training.add_word("") == ""
    loss = training.encode_captions(["a <zk> in the snow"]).square().sum()
    loss.backward()
    assert [name for name, weight in training.networks.named_parameters() if weight.grad is not None] == ["rows"]
    with torch.no_grad():
        training.embeddings["text_encoder"].rows.add_(1.0)
        embeds = training.encode_captions(["a <zk> in the snow"])
    adapter = training.adapter("it")
    training.close()
    after = checkpoint.text_encoder.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    with applied_adapters(checkpoint, [(adapter, 1.0)]):
        torch.testing.assert_close(checkpoint.encode_prompts(["a <zk> in the snow"]), embeds)


def test_a_trained_word_becomes_a_style(settings: TrainSettings, tmp_path: Path) -> None:
    inversion = replace(settings, method=TextualInversion(initial="ball", vectors=2), learning_rate=0.1)
    result = trained(inversion)
    style = find_style(str(result.style), find_checkpoint(settings.model))
    assert (style.contents.learned_words, style.prompt_trigger) == ({"zk": 2}, "zk")
    rows = load_file(result.style / EMBEDDING_FILE)["zk"]
    assert rows.shape == (2, 32)
    resumed_run = resumed(replace(inversion, out=tmp_path / "again"), 4)
    assert torch.equal(load_file(resumed_run.style / EMBEDDING_FILE)["zk"], rows)
    assert read_style(style.files, "it").learned_words[0].trigger == "zk"
    assert "Textual Inversion, 2 vectors" in (result.style / "README.md").read_text()


def test_textual_inversion_needs_a_word_of_letters_or_digits(settings: TrainSettings, tmp_path: Path) -> None:
    plain = write_small_set(tmp_path / "plain", trigger="")
    with pytest.raises(InputError, match="no word to train: the set has no trigger word, so give --word"):
        trained(replace(settings, set=plain, method=TextualInversion()))
    with pytest.raises(InputError, match="cannot be a word of prompts"):
        trained(replace(settings, method=TextualInversion(word="<>")))


def test_dreambooth_generates_class_images_and_preserves_the_class(settings: TrainSettings, tmp_path: Path) -> None:
    dreambooth = DreamBooth(adapter=Lora(rank=2, targets=("attention",)), class_prompt="a ball", class_images=3, prior="images")
    result = trained(replace(settings, method=dreambooth))
    generated = read_set(result.run / "class")
    assert [example.text for example in generated.examples] == ["a ball"] * 3
    assert len({example.seed for example in generated.examples}) == 3
    alone = trained(
        replace(settings, method=replace(dreambooth, prior_weight=0.0, class_set=str(result.run / "class")), out=tmp_path / "alone")
    )
    assert result.loss > alone.loss * 1.5
    assert not np.array_equal(*(next(iter(load_file(run.style / LORA_FILE).values())).numpy() for run in (result, alone)))
    resumed_run = resumed(replace(settings, method=dreambooth, out=tmp_path / "again"), 4)
    assert (resumed_run.style / LORA_FILE).read_bytes() == (result.style / LORA_FILE).read_bytes()


def test_a_subject_and_its_name_are_trained_together(settings: TrainSettings, tmp_path: Path) -> None:
    name = TextualInversion(initial="ball", vectors=2)
    dreambooth = DreamBooth(
        adapter=Lora(rank=2, targets=("attention",)), name=name, class_prompt="a ball", class_images=2, prior="predictions"
    )
    result = trained(replace(settings, method=dreambooth))
    contents = find_style(str(result.style), find_checkpoint(settings.model)).contents
    assert contents.learned_words == {"zk": 2}
    assert contents.layers
    assert "its name in 2 vectors" in (result.style / "README.md").read_text()
    resumed_run = resumed(replace(settings, method=dreambooth, out=tmp_path / "again"), 4)
    for file in (LORA_FILE, EMBEDDING_FILE):
        assert (resumed_run.style / file).read_bytes() == (result.style / file).read_bytes()
    with pytest.raises(InputError, match="no name to train: the set has no trigger word, so build it with --trigger"):
        trained(replace(settings, method=dreambooth, set=write_small_set(tmp_path / "plain", trigger=""), out=tmp_path / "plain-run"))
    with pytest.raises(InputError, match="a fully trained UNet is written as a model, without embeddings"):
        trained(replace(settings, method=replace(dreambooth, adapter=None), out=tmp_path / "full"))
    with pytest.raises(InputError, match="prior: there is no 'both'; choose images or predictions"):
        trained(replace(settings, method=replace(dreambooth, prior="both"), out=tmp_path / "both"))  # type: ignore[arg-type]


def test_the_trained_word_is_added_to_every_caption_but_those_of_the_class(settings: TrainSettings) -> None:
    name = TextualInversion(initial="ball", vectors=2)
    dreambooth = DreamBooth(adapter=Lora(rank=2, targets=("attention",)), name=name, instance_prompt="a red ball")
    training = prepared(replace(settings, method=dreambooth))
    assert {example.text for example in training.streams[0].encoded.examples} == {"a red ball, zk"}
    method = training.method
    (method.encode_captions(["a ball, zk"]).square().sum() + method.encode_captions(["a ball"]).square().sum()).backward()  # type: ignore[no-untyped-call]
    trained_names = [name for name, weight in method.networks.named_parameters() if weight.grad is not None]
    assert trained_names == ["name.rows"]
    assert not method.encode_captions(["a ball"]).requires_grad


@pytest.mark.parametrize("adapter", [Lora(rank=2, targets=("attention",), text_encoder=True), None])
def test_prior_preservation_keeps_the_base_models_predictions(settings: TrainSettings, tmp_path: Path, adapter: Lora | None) -> None:
    class_set = str(write_small_set(tmp_path / "class", trigger=""))
    dreambooth = DreamBooth(adapter=adapter, class_set=class_set, prior="predictions", prior_weight=3.0)
    training = prepared(replace(settings, method=dreambooth), read_set(class_set))
    stream = training.streams[1]
    batch = training.objective.make_batch(stream, 0)

    def predicted() -> torch.Tensor:
        with torch.no_grad():
            return training.objective.predict(batch, training.method.encode_captions(batch.captions))

    def loss() -> float:
        [(target, _)] = training._targets(batch, stream)
        return float(training._loss(batch, target).detach())

    before = predicted()
    assert loss() == 0.0
    for _ in range(3):
        training.step()
    assert loss() > 0.0
    assert not torch.equal(predicted(), before)
    with training.method.base_weights():
        assert torch.equal(predicted(), before)
    assert not torch.equal(predicted(), before)


def test_a_word_that_the_model_knows_brings_a_warning(settings: TrainSettings) -> None:
    def notes(word: str, out: str) -> list[str]:
        method = TextualInversion(word=word, initial="ball")
        return [step.note for step in train(replace(settings, method=method, steps=1, out=Path(settings.out) / out)) if step.note]

    assert any("the model knows 'b' already: with the style applied" in note for note in notes("b", "known"))
    assert not any("knows" in note for note in notes("<b>", "new"))


def test_a_fully_trained_unet_becomes_a_model_that_generates(settings: TrainSettings, tmp_path: Path) -> None:
    dreambooth = replace(settings, method=DreamBooth(adapter=None, instance_prompt="a zk ball"), learning_rate=1e-3, steps=6)
    result = trained(dreambooth)
    assert result.style == result.run / "model"
    weights = load_file(result.style / "unet" / "diffusion_pytorch_model.safetensors")
    base = load_checkpoint(find_checkpoint(settings.model)).unet.state_dict()
    assert all((weights[name].float() - base[name]).abs().max() > 0 for name in base if name.endswith("to_q.weight"))
    studio.draw(["a zk ball"], tmp_path / "generated", settings=FilmSettings(model=str(result.style), steps=2)).result()
    resumed_run = resumed(replace(dreambooth, out=tmp_path / "again"), 4)
    resumed_weights = load_file(resumed_run.style / "unet" / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(resumed_weights[name], weights[name]) for name in weights)


@pytest.mark.parametrize("index", [None, {"_class_name": "StableDiffusionPipeline", "safety_checker": ["stable_diffusion", "Checker"]}])
def test_a_written_model_opens_in_diffusers(settings: TrainSettings, tmp_path: Path, index: dict[str, object] | None) -> None:
    """The base may have a safety checker, which is not copied, or no model index."""
    folder = Path(shutil.copytree(settings.model, tmp_path / "base"))
    if index:
        checkpoint = load_checkpoint(find_checkpoint(settings.model))
        parts = {"scheduler": DDIMScheduler.from_config(checkpoint.scheduler_config), "feature_extractor": None, "safety_checker": None}
        networks = {
            "vae": checkpoint.vae,
            "text_encoder": CLIPTextModel.from_pretrained(checkpoint.files.folder / "text_encoder"),
            "tokenizer": CLIPTokenizer.from_pretrained(checkpoint.files.folder / "tokenizer"),
            "unet": checkpoint.unet,
        }
        StableDiffusionPipeline(**networks, **parts, requires_safety_checker=False).save_pretrained(folder)
        (folder / "model_index.json").write_text(json.dumps(json.loads((folder / "model_index.json").read_text()) | index))
        (folder / "safety_checker").mkdir()
    method = FullUNetMethod(load_checkpoint(find_checkpoint(str(folder))))
    method.write(tmp_path / "model", "model", "zk")
    method.close()
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path / "model", dtype=torch.float32)
    weights = zip(pipeline.unet.parameters(), method.networks.parameters(), strict=True)
    assert all(torch.allclose(first, second, atol=1e-3) for first, second in weights)
    assert pipeline.safety_checker is None


def test_an_instance_prompt_replaces_all_captions(settings: TrainSettings) -> None:
    dreambooth = DreamBooth(adapter=Lora(rank=2, targets=("attention",)), instance_prompt="a zk ball")
    training = prepared(replace(settings, method=dreambooth))
    assert {example.text for example in training.streams[0].encoded.examples} == {"a zk ball"}
