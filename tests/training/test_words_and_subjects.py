"""Textual Inversion learns a word and nothing else; DreamBooth learns a subject beside its class."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from safetensors.torch import load_file

from sakuga import InputError, studio
from sakuga.datasets.training_set import read_set
from sakuga.models.adapters import read_style
from sakuga.models.applied_adapters import wearing
from sakuga.models.checkpoint import load
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.styles import LORA, WORDS, find_style
from sakuga.story.film import FilmSettings
from sakuga.studio.training.train import TrainSettings, train
from sakuga.training.full_unet import WholeLearner
from sakuga.training.plan import DreamBooth, Lora, TextualInversion
from sakuga.training.textual_inversion import WordLearner
from tests.training.conftest import begun, done, resumed, write_small_set


def test_a_word_is_learnt_and_worn_and_all_else_stays(settings: TrainSettings) -> None:
    checkpoint = load(find_checkpoint(settings.model))
    before = {name: tensor.clone() for name, tensor in checkpoint.text_encoder.state_dict().items()}
    method = TextualInversion(word="<zk>", initial="ball", vectors=3)
    learner = WordLearner(checkpoint, method, "<zk>", seed=0)
    assert learner.said("a red ball") == "a red ball, <zk>"
    assert learner.said("a <zk> in the snow") == "a <zk> in the snow"
    assert learner.said("") == ""
    loss = learner.told(["a <zk> in the snow"]).square().sum()
    loss.backward()
    assert [name for name, weight in learner.networks.named_parameters() if weight.grad is not None] == ["rows"]
    with torch.no_grad():
        learner.longer["text_encoder"].rows.add_(1.0)
        told = learner.told(["a <zk> in the snow"])
    adapter = learner.adapter("it")
    learner.close()
    after = checkpoint.text_encoder.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    with wearing(checkpoint, [(adapter, 1.0)]):
        torch.testing.assert_close(checkpoint.encode_text(["a <zk> in the snow"]), told)


def test_a_word_is_trained_into_a_style_of_its_own(settings: TrainSettings, tmp_path: Path) -> None:
    inverting = replace(settings, method=TextualInversion(initial="ball", vectors=2), rate=0.1)
    made = done(inverting)
    style = find_style(str(made.style), find_checkpoint(settings.model))
    assert (style.contents.words, style.said) == ({"zk": 2}, "zk")
    rows = load_file(made.style / WORDS)["zk"]
    assert rows.shape == (2, 32)
    again = resumed(replace(inverting, out=tmp_path / "again"), 4)
    assert torch.equal(load_file(again.style / WORDS)["zk"], rows)
    assert read_style(style.files, "it").words[0].trigger == "zk"
    assert "Textual Inversion, 2 vectors" in (made.style / "README.md").read_text()


def test_a_word_needs_a_name_and_a_beginning(settings: TrainSettings, tmp_path: Path) -> None:
    plain = write_small_set(tmp_path / "plain", trigger="")
    with pytest.raises(InputError, match="no word to learn: the set has no trigger, so give --word"):
        done(replace(settings, set=plain, method=TextualInversion()))
    with pytest.raises(InputError, match="no word to begin from"):
        done(replace(settings, method=TextualInversion(word="<>")))


def test_dreambooth_draws_its_class_and_learns_it_beside(settings: TrainSettings, tmp_path: Path) -> None:
    booth = DreamBooth(adapter=Lora(rank=2, targets=("attention",)), class_prompt="a ball", class_pictures=3, prior="pictures")
    made = done(replace(settings, method=booth))
    drawn = read_set(made.run / "class")
    assert [example.text for example in drawn.examples] == ["a ball"] * 3
    assert len({example.seed for example in drawn.examples}) == 3
    alone = done(replace(settings, method=replace(booth, prior_weight=0.0, class_set=str(made.run / "class")), out=tmp_path / "alone"))
    assert made.loss > alone.loss * 1.5
    assert not np.array_equal(*(next(iter(load_file(run.style / LORA).values())).numpy() for run in (made, alone)))
    again = resumed(replace(settings, method=booth, out=tmp_path / "again"), 4)
    assert (again.style / LORA).read_bytes() == (made.style / LORA).read_bytes()


def test_a_subject_and_its_name_are_learnt_at_once(settings: TrainSettings, tmp_path: Path) -> None:
    name = TextualInversion(initial="ball", vectors=2)
    booth = DreamBooth(adapter=Lora(rank=2, targets=("attention",)), name=name, class_prompt="a ball", class_pictures=2, prior="answers")
    made = done(replace(settings, method=booth))
    contents = find_style(str(made.style), find_checkpoint(settings.model)).contents
    assert contents.words == {"zk": 2}
    assert contents.layers
    assert "its name in 2 vectors" in (made.style / "README.md").read_text()
    again = resumed(replace(settings, method=booth, out=tmp_path / "again"), 4)
    for file in (LORA, WORDS):
        assert (again.style / file).read_bytes() == (made.style / file).read_bytes()
    with pytest.raises(InputError, match="no name to learn: the set has no trigger, so build it with --trigger"):
        done(replace(settings, method=booth, set=write_small_set(tmp_path / "plain", trigger=""), out=tmp_path / "plain-run"))
    with pytest.raises(InputError, match="no place for a name that is learnt"):
        done(replace(settings, method=replace(booth, adapter=None), out=tmp_path / "whole"))
    with pytest.raises(InputError, match="prior 'both' will not do: input should be 'pictures' or 'answers'"):
        done(replace(settings, method=replace(booth, prior="both"), out=tmp_path / "both"))  # type: ignore[arg-type]


def test_a_subject_is_called_in_every_caption_and_its_class_in_none(settings: TrainSettings) -> None:
    name = TextualInversion(initial="ball", vectors=2)
    booth = DreamBooth(adapter=Lora(rank=2, targets=("attention",)), name=name, instance_prompt="a red ball")
    training = begun(replace(settings, method=booth))
    assert {lesson.text for lesson in training.courses[0].latents.lessons} == {"a red ball, zk"}
    learner = training.learner
    (learner.told(["a ball, zk"]).square().sum() + learner.told(["a ball"]).square().sum()).backward()  # type: ignore[no-untyped-call]
    reached = [name for name, weight in learner.networks.named_parameters() if weight.grad is not None]
    assert reached == ["name.rows"]
    assert not learner.told(["a ball"]).requires_grad


@pytest.mark.parametrize("adapter", [Lora(rank=2, targets=("attention",), text_encoder=True), None])
def test_what_is_held_is_what_the_model_answered_before(settings: TrainSettings, tmp_path: Path, adapter: Lora | None) -> None:
    drawn = str(write_small_set(tmp_path / "class", trigger=""))
    booth = DreamBooth(adapter=adapter, class_set=drawn, prior="answers", prior_weight=3.0)
    training = begun(replace(settings, method=booth), read_set(drawn))
    held = training.courses[1]
    asked = training.objective.ask(held, 0)

    def answered() -> torch.Tensor:
        with torch.no_grad():
            return training.objective.answer(asked, training.learner.told(asked.captions))

    before = answered()
    assert float(training._loss(asked, held.held).detach()) == 0.0
    for _ in range(3):
        training.step()
    assert float(training._loss(asked, held.held).detach()) > 0.0
    assert not torch.equal(answered(), before)
    with training.learner.unchanged():
        assert torch.equal(answered(), before)
    assert not torch.equal(answered(), before)


def test_a_word_that_the_model_knows_is_doubted(settings: TrainSettings) -> None:
    def notes(word: str, out: str) -> list[str]:
        method = TextualInversion(word=word, initial="ball")
        return [step.note for step in train(replace(settings, method=method, steps=1, out=Path(settings.out) / out)) if step.note]

    assert any("the model knows 'b' already: prompts with it show what is learnt instead" in note for note in notes("b", "known"))
    assert not any("knows" in note for note in notes("<b>", "new"))


def test_a_whole_unet_becomes_a_model_that_draws(settings: TrainSettings, tmp_path: Path) -> None:
    booth = replace(settings, method=DreamBooth(adapter=None, instance_prompt="a zk ball"), rate=1e-3, steps=6)
    made = done(booth)
    assert made.style == made.run / "model"
    weights = load_file(made.style / "unet" / "diffusion_pytorch_model.safetensors")
    base = load(find_checkpoint(settings.model)).unet.state_dict()
    assert all((weights[name].float() - base[name]).abs().max() > 0 for name in base if name.endswith("to_q.weight"))
    studio.draw(["a zk ball"], tmp_path / "drawn", settings=FilmSettings(model=str(made.style), steps=2)).result()
    again = resumed(replace(booth, out=tmp_path / "again"), 4)
    theirs = load_file(again.style / "unet" / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(theirs[name], weights[name]) for name in weights)


@pytest.mark.parametrize("told", [None, {"_class_name": "StableDiffusionPipeline", "safety_checker": ["stable_diffusion", "Checker"]}])
def test_a_model_that_was_written_opens_in_diffusers(settings: TrainSettings, tmp_path: Path, told: dict[str, object] | None) -> None:
    """A base may bring a safety checker along, which is not copied, or may not say what it is made of."""
    folder = Path(shutil.copytree(settings.model, tmp_path / "base"))
    if told:
        checkpoint = load(find_checkpoint(settings.model))
        parts = {"scheduler": DDIMScheduler.from_config(checkpoint.schedule), "feature_extractor": None, "safety_checker": None}
        networks = {
            "vae": checkpoint.vae,
            "text_encoder": checkpoint.text_encoder,
            "tokenizer": checkpoint.tokenizer,
            "unet": checkpoint.unet,
        }
        StableDiffusionPipeline(**networks, **parts, requires_safety_checker=False).save_pretrained(folder)
        (folder / "model_index.json").write_text(json.dumps(json.loads((folder / "model_index.json").read_text()) | told))
        (folder / "safety_checker").mkdir()
    learner = WholeLearner(load(find_checkpoint(str(folder))))
    learner.write(tmp_path / "model", "model", "zk")
    learner.close()
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path / "model", dtype=torch.float32)
    weights = zip(pipeline.unet.parameters(), learner.networks.parameters(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-3) for one, other in weights)
    assert pipeline.safety_checker is None


def test_one_prompt_may_tell_all_pictures(settings: TrainSettings) -> None:
    booth = DreamBooth(adapter=Lora(rank=2, targets=("attention",)), instance_prompt="a zk ball")
    training = begun(replace(settings, method=booth))
    assert {lesson.text for lesson in training.courses[0].latents.lessons} == {"a zk ball"}
