"""A LoRA's weight is chosen by a CLIP where a model has no classifier, and the message names the CLIP."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from sakuga import InputError
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio.evaluation.training_page import training_facts
from sakuga.studio.training.clip_reading import READABLE, recognised
from sakuga.studio.training.resolution import WEIGHT_PROMPTS, TrainSettings, has_clip, resolve_training
from sakuga.studio.training.weight_choice import WeightChoice, trial
from sakuga.training.method_settings import Lora
from tests.training.conftest import trained, write_small_set


@pytest.fixture
def unread(settings: TrainSettings, tmp_path: Path) -> TrainSettings:
    """A LoRA that changes nothing, without a trigger word, on the Sketchbook without its classifier."""
    folder = tmp_path / "unread"
    folder.mkdir()
    for part in find_checkpoint("sketchbook").folder.iterdir():
        if part.name != "classifier":
            (folder / part.name).symlink_to(part)
    method = Lora(rank=1, targets=("attention",))
    plain = write_small_set(tmp_path / "plain", trigger="")
    return replace(settings, model=str(folder), set=plain, method=method, steps=1, learning_rate=1e-9, weight_prompts=4, validate_every=0)


def test_a_prompt_is_recognised_where_it_fits_its_image_best() -> None:
    texts = np.eye(4, dtype=np.float32)
    assert recognised(texts, texts).tolist() == [1, 1, 1, 1]
    assert recognised(texts[[1, 0, 2, 3]], texts).tolist() == [0, 0, 1, 1], "two images have each other's prompt"
    assert recognised(texts + 9, texts).tolist() == [1, 1, 1, 1], "what all images have in common changes nothing"


def test_a_model_without_a_classifier_chooses_by_its_own_clip(unread: TrainSettings) -> None:
    run = trained(unread)
    assert run.weight == 1
    assert run.notes[-1].startswith("weight 1 keeps subjects: 0% [0%, 0%] of what 4 prompts state is lost")
    assert f"by the CLIP of {unread.model}" in run.notes[-1]
    found = json.loads((run.run / "metrics.json").read_text())["weight_choice"]
    assert found["base"] >= READABLE
    assert f"which recognises {found['base']:.0%} of the prompts without the style" in run.notes[-1]
    assert abs(found["likeness"] - found["trials"][0]["likeness"]) < 5, "a style that changes nothing brings nothing nearer to the set"
    assert dict(training_facts(run.run))["prompts lost by weight, by a CLIP"] == "1: 0% [0%, 0%]"


def test_a_clip_that_reads_nothing_chooses_no_weight_and_says_so(settings: TrainSettings, tiny_v_folder: Path) -> None:
    asked = replace(settings, model=str(tiny_v_folder), steps=2, validate_every=0)
    assert resolve_training(asked).plan.weight_prompts == WEIGHT_PROMPTS, "its own CLIP is used by default"
    run = trained(replace(asked, weight_prompts=4))
    assert run.weight == 1
    assert run.notes[-1].startswith("no weight was chosen: ")
    assert run.notes[-1].endswith("name another with --weight-clip, and try weight 0.7 by hand")
    with PILImage.open(run.run / "samples" / "weights.png") as sheet:
        assert sheet.size == (4 * 32, 32), "the base model's images alone"


def test_another_clip_can_be_named(settings: TrainSettings, tiny_folder: Path, tiny_v_folder: Path, tmp_path: Path) -> None:
    assert not has_clip(find_checkpoint(str(tiny_folder)))
    assert resolve_training(settings).plan.weight_prompts == 0
    asked = replace(settings, steps=2, validate_every=0, weight_clip=str(tiny_v_folder))
    assert resolve_training(asked).plan.weight_prompts == WEIGHT_PROMPTS
    assert f"the CLIP of {tiny_v_folder}" in trained(replace(asked, weight_prompts=4)).notes[-1]
    for change, sentence in (
        ({"weight_clip": str(tmp_path / "none")}, "none"),
        ({"weight_clip": str(tiny_folder)}, "has no image encoder"),
        ({"weight_prompts": 3}, "give 4 or more, or 0"),
        ({"weight_clip": None, "weight_prompts": 4}, "no CLIP of its own, so no weight can be chosen: name a CLIP with --weight-clip"),
    ):
        with pytest.raises(InputError, match=sentence):
            resolve_training(replace(asked, out=tmp_path / "other", **change))


def test_what_a_clip_went_by_is_told() -> None:
    trials = (replace(trial(1.0, np.array([0.1, 0.3])), likeness=70.5), replace(trial(0.7, np.array([0.0, 0.04])), likeness=66.0))
    words = WeightChoice(weight=0.7, trials=trials, prompts=2, base=0.97, likeness=60.25, clip="sd").text()
    assert words.startswith("subjects lost: at weight 1 20% [10%, 30%] of what 2 prompts state is lost, at 0.7 2%")
    assert words.endswith(
        "which recognises 97% of the prompts without the style; likeness to the set's images: 60.25 without the style, 70.5 at 1, 66 at 0.7"
    )
