"""A concept slider moves predictions towards one text at weight 1, and towards the other at weight -1."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sakuga import InputError
from sakuga.studio.training.resolution import TrainSettings
from sakuga.training.loop import run_training
from sakuga.training.lora import LoraMethod
from sakuga.training.plan import Lora, Slider
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
