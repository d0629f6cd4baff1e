"""A folder of images is trained on at once; its time and memory are estimated first, and its file says what it is."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage
from safetensors import safe_open

from sakuga import InputError
from sakuga.datasets.training_set import read_set
from sakuga.models.saving import data_hash
from sakuga.models.style_files import STYLE_FILE, read_metadata
from sakuga.sketchbook.labels import LOOKS
from sakuga.studio.evaluation.training_page import training_facts
from sakuga.studio.training import train as training_verb
from sakuga.studio.training.resolution import TrainSettings
from sakuga.studio.training.train import train
from sakuga.studio.training.weight_choice import WeightChoice, trial
from sakuga.training.method_settings import Lora
from tests.training.conftest import prepared, trained, write_small_set


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twenty pictures with captions, and a copy of one."""
    folder, rng = tmp_path / "pictures", np.random.default_rng(0)
    folder.mkdir()
    for place in range(20):
        pixels = np.kron(rng.integers(0, 256, (8, 8 + place % 3, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        PILImage.fromarray(pixels).save(folder / f"{place}.png")
        (folder / f"{place}.txt").write_text(f"a red ball {place}, round")
    shutil.copy(folder / "0.png", folder / "copy.png")
    return folder


def test_a_folder_of_images_becomes_a_set_and_says_what_was_chosen(settings: TrainSettings, pictures: Path) -> None:
    asked = replace(settings, set=pictures, trigger="zk", steps=12)
    work = train(asked)
    notes = [step.note for step in work if step.note]
    said = "\n".join(notes)
    for part in (
        "made a training set of 21 images, 20 with a caption",
        "leaving 1 near duplicate out",
        "around faces to the nearest shape",
        "rank 2 and 12 steps are 1.3 passes over 18 images at rate 0.01; of 24 images on the Sketchbook",
    ):
        assert part in said
    assert "holding 2 images out for the validation loss, training on 18" in said
    assert any(note.startswith("about 0:00:") and note.endswith("corrected after 10 steps") for note in notes)
    assert any("2 steps of" in note and note.endswith("as measured over 10 steps") for note in notes)
    made = read_set(Path(settings.out) / "set")
    assert (len(made.training), len(made.held_out)) == (18, 2)
    assert all(example.text.endswith("zk") for example in made.examples)
    assert work.result().validation_loss is not None
    again = train(replace(asked, resume=True))
    assert [step.note for step in again] == [f"{settings.out} is finished already"]


def test_a_folder_is_refused_before_it_is_built(settings: TrainSettings, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for change, sentence in (
        ({"set": tmp_path / "empty"}, "contains no images"),
        ({"set": pictures, "method": Lora(rank=0)}, "rank: 0 is out of range"),
        ({"trigger": "zk"}, "has its trigger words already"),
        ({"set": pictures / "0.png"}, "is one file: give a folder of images"),
    ):
        with pytest.raises(InputError, match=sentence):
            train(replace(settings, **change))  # type: ignore[arg-type]
    assert not Path(settings.out).exists()


def test_concepts_train_together(settings: TrainSettings, tmp_path: Path) -> None:
    write_small_set(tmp_path / "others", trigger="others")
    text = f'[[concept]]\nset = "{settings.set}"\nloss_weight = 0.5\n[[concept]]\nset = "others"\nregularisation = true\n'
    (tmp_path / "concepts.toml").write_text(text)
    together = replace(settings, set=tmp_path / "concepts.toml")
    run = trained(together)
    assert "| images | 12" in (run.style / "README.md").read_text()
    training = prepared(replace(together, out=tmp_path / "weighted"))
    weights = [training.objective.make_batch(training.streams[0], place).weights for place in range(6)]
    training.method.close()
    assert {float(one) for row in weights if row is not None for one in row} == {0.5, 1.0}


def test_predictions_without_the_trigger_word_are_preserved(settings: TrainSettings) -> None:
    method = Lora(rank=2, targets=("attention",), preserve=1.0)
    run = trained(replace(settings, method=method, steps=2))
    kept = read_set(run.run / "class")
    assert {example.text for example in kept.examples} == {f"a red ball {place}" for place in range(5)}


def test_the_file_says_what_it_is_as_other_programs_read_it(settings: TrainSettings) -> None:
    run = trained(replace(settings, steps=2, sample_every=2, prompts=("a red ball",)))
    file = run.style / f"{run.run.name}-kohya.safetensors"
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata()
        tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    assert (metadata["ss_network_dim"], metadata["ss_network_module"], metadata["ss_output_name"]) == ("2", "networks.lora", "run")
    assert json.loads(metadata["ss_tag_frequency"])["balls"]["zk"] == 5
    assert metadata["modelspec.trigger_phrase"] == "zk"
    assert metadata["sshs_model_hash"] == data_hash(tensors)
    beside = json.loads(file.with_suffix(".json").read_text())
    assert (beside["activation text"], beside["preferred weight"]) == ("zk", 1.0)
    with PILImage.open(file.with_suffix(".preview.png")) as preview:
        assert preview.size == (32, 32)


def test_the_weight_that_keeps_subjects_is_written_into_the_style(
    settings: TrainSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trials = (trial(1.0, np.array([0.0, 0.5])), trial(0.7, np.array([0.0, 0.05])))

    def chosen(*_: object) -> object:
        yield from ()
        return WeightChoice(weight=0.7, trials=trials, prompts=2)

    monkeypatch.setattr(training_verb, "_choose_weight", chosen)
    run = trained(replace(settings, steps=2))
    assert run.weight == 0.7
    assert read_metadata("it", run.style).weight == 0.7
    assert "| weight | 0.7" in (run.style / "README.md").read_text()
    assert (run.style / STYLE_FILE).read_text().startswith('trigger = "zk"')
    assert run.notes[-1].startswith("subjects lost: at weight 1 25% [0%, 50%] of what 2 prompts state is lost, at 0.7 2%")
    values = json.loads((run.run / "metrics.json").read_text())
    assert [one["weight"] for one in values["weight_choice"]["trials"]] == [1.0, 0.7]
    facts = dict(training_facts(run.run))
    assert (facts["weight"], facts["learning rate"]) == ("0.7", "0.01")
    assert facts["labels of prompts lost by weight"].startswith("1: 25% [0%, 50%]; 0.7: 2%")


def test_the_sketchbook_reads_its_own_images_to_choose_a_weight(settings: TrainSettings) -> None:
    assert "watercolor" in LOOKS
    method = Lora(rank=1, targets=("attention",))
    run = trained(replace(settings, model="sketchbook", method=method, steps=1, learning_rate=1e-9, weight_prompts=2, validate_every=0))
    assert run.weight == 1
    assert run.notes[-1].startswith("weight 1 keeps subjects: 0%")
    with PILImage.open(run.run / "samples" / "weights.png") as sheet:
        assert sheet.size == (2 * 128, 2 * 128), "two prompts; the base model above weight 1"


def test_a_trigger_word_that_loses_subjects_by_itself_is_named(settings: TrainSettings, tmp_path: Path) -> None:
    known = write_small_set(tmp_path / "known", trigger="watercolor")
    method = Lora(rank=1, targets=("attention",))
    asked = replace(settings, set=known, model="sketchbook", method=method, steps=1, learning_rate=1e-9, weight_prompts=3)
    run = trained(replace(asked, validate_every=0))
    values = json.loads((run.run / "metrics.json").read_text())["weight_choice"]
    assert values["word"]["lost"] == values["trials"][0]["lost"] > 0.05, "a style that changes nothing loses what its word loses"
    assert "the word 'watercolor' alone loses" in run.notes[-1]
    assert "choose a trigger word that it does not know" in run.notes[-1]
