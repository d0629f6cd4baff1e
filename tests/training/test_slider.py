"""A concept slider moves predictions towards one text at weight 1, and towards the other at weight -1."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sakuga import InputError
from sakuga.datasets.training_set import Example, read_set
from sakuga.datasets.writing import write_set
from sakuga.studio.training.resolution import TrainSettings
from sakuga.training.loop import run_training
from sakuga.training.lora import LoraMethod
from sakuga.training.method_settings import Lora, Slider
from sakuga.training.objective import TrainingBatch
from sakuga.training.slider import added
from tests.training.conftest import prepared, trained
from tests.training.test_lycoris import assert_resumes

SLIDER = Slider(adapter=Lora(rank=4, targets=("attention",)), more="zzz at night", less="noon 000")


def test_weights_1_and_minus_1_move_predictions_to_their_ends(settings: TrainSettings) -> None:
    training = prepared(replace(settings, method=SLIDER, steps=40, learning_rate=3e-2, schedule="constant", batch=4, warmup=0))
    list(run_training(training))
    method, objective = training.method, training.objective
    assert isinstance(method, LoraMethod)
    batch = objective.make_batch(training.streams[0], 1000)
    with torch.no_grad():
        embeds = method.encode_captions(batch.captions)
        positive = objective.predict(batch, embeds)
        with method.negative():
            negative = objective.predict(batch, embeds)
        with method.base_weights():
            base = objective.predict(batch, embeds)
            ends = [objective.predict(batch, method.encode_captions(added(batch.captions, text))) for text in (SLIDER.more, SLIDER.less)]
    method.close()
    direction = ends[0] - ends[1]
    along = [float(((moved - base) * direction).sum() / direction.square().sum()) for moved in (positive, negative)]
    assert along[0] > 0.2
    assert along[1] < -0.2


def test_a_slider_resumes_exactly(settings: TrainSettings, tmp_path: Path) -> None:
    assert_resumes(replace(settings, method=SLIDER), tmp_path)


def test_gradient_checkpointing_trains_the_same_slider(settings: TrainSettings, tmp_path: Path) -> None:
    moved = []
    for checkpointing in (False, True):
        asked = replace(settings, method=SLIDER, steps=3, gradient_checkpointing=checkpointing, out=tmp_path / str(checkpointing))
        training = prepared(asked)
        list(run_training(training))
        moved.append(torch.cat([weight.detach().flatten() for weight in training.method.networks.parameters()]))
        training.method.close()
        training.method.checkpoint.unet.disable_gradient_checkpointing()
    torch.testing.assert_close(*moved, atol=1e-5, rtol=1e-4)


def test_its_card_names_both_ends(settings: TrainSettings) -> None:
    run = trained(replace(settings, method=SLIDER, steps=2))
    assert 'concept slider from "noon 000" (weight -1) to "zzz at night" (weight 1)' in (run.style / "README.md").read_text()


@pytest.mark.parametrize("change", [{"less": ""}, {"less": SLIDER.more}, {"adapter": Lora(algorithm="dora")}])
def test_a_slider_without_two_ends_or_of_another_kind_is_refused(settings: TrainSettings, change: dict[str, object]) -> None:
    with pytest.raises(InputError, match="a slider"):
        trained(replace(settings, method=replace(SLIDER, **change)))  # type: ignore[arg-type]


@pytest.fixture
def pairs(tmp_path: Path) -> tuple[Path, Path]:
    """Two sets of the same names: bright images, and dark ones in another order."""
    rng, folders = np.random.default_rng(0), (tmp_path / "bright", tmp_path / "dark")
    for folder, grey in zip(folders, (200, 20), strict=True):
        names = [f"{place}.png" for place in range(4)]
        images = [np.full((32, 32, 3), grey, np.uint8) + rng.integers(0, 40, (32, 32, 3)).astype(np.uint8) for _ in names]
        rows = [(Example(file=f"images/{name}", text="a wall"), image) for name, image in zip(names, images, strict=True)]
        write_set(folder, rows if grey == 200 else rows[::-1])
    return folders


def paired(settings: TrainSettings, pairs: tuple[Path, Path], **more: Any) -> TrainSettings:
    slider = replace(SLIDER, more="", less="", less_set=str(pairs[1]))
    return replace(settings, method=slider, set=pairs[0], validate_every=None, **more)


def test_a_step_learns_one_side_at_weight_1_and_the_other_at_minus_1(settings: TrainSettings, pairs: tuple[Path, Path]) -> None:
    asked = paired(settings, pairs, steps=1, learning_rate=1e-3, schedule="constant", batch=4, warmup=0)
    training = prepared(asked, read_set(pairs[1]))
    names = [[example.path.name for example in stream.encoded.examples] for stream in training.streams]
    assert names[0] == names[1], "the order of the first set"
    method, objective = training.method, training.objective
    assert isinstance(method, LoraMethod)
    bright, dark = (objective.make_batch(stream, 0) for stream in training.streams)
    assert torch.equal(bright.noise, dark.noise)
    assert torch.equal(bright.timesteps, dark.timesteps)

    def loss(positive: TrainingBatch, negative: TrainingBatch) -> float:
        with torch.no_grad():
            total = objective.loss(positive, method.encode_captions(positive.captions))
            with method.negative():
                return float(total + objective.loss(negative, method.encode_captions(negative.captions)))

    before = loss(bright, dark)
    list(run_training(training))
    assert loss(bright, dark) < before < loss(dark, bright)
    method.close()


def test_pairs_that_are_alike_teach_nothing(settings: TrainSettings, pairs: tuple[Path, Path]) -> None:
    training = prepared(paired(settings, (pairs[0], pairs[0]), steps=3), read_set(pairs[0]))
    list(run_training(training))
    assert isinstance(training.method, LoraMethod)
    assert all((up == 0).all() for network in training.method.low_rank.values() for up in network.ups)  # type: ignore[union-attr]
    training.method.close()


def test_pairs_resume_exactly(settings: TrainSettings, pairs: tuple[Path, Path], tmp_path: Path) -> None:
    assert_resumes(paired(settings, pairs), tmp_path)


def test_images_without_a_pair_are_refused(settings: TrainSettings, pairs: tuple[Path, Path], small_set: Path) -> None:
    with pytest.raises(InputError, match=r"has no pair for 0.png: build both sets from files of the same names"):
        trained(paired(settings, (pairs[0], small_set)))
    with pytest.raises(InputError, match="leave --more and --less out, or --less-set"):
        trained(replace(settings, method=replace(SLIDER, less_set=str(pairs[1]))))
