"""The parts of a training: learning rates, batch order, loss weights, plans."""

from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise

import pytest
import torch

from sakuga import InputError
from sakuga.datasets.training_set import read_set
from sakuga.diffusion.objective import min_snr_weights, training_target
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio.training.resolution import TrainSettings, lora_method, plan_warnings, resolve_plan
from sakuga.training.batch_order import batches
from sakuga.training.defaults import PRESETS
from sakuga.training.method_settings import Lora, TextualInversion
from sakuga.training.plan import TrainingPlan
from sakuga.training.schedule import Schedule, rate_share


@pytest.mark.parametrize(
    ("schedule", "last"), [("constant", 1.0), ("linear", 0.01), ("cosine", 0.0), ("cosine-restarts", 0.001)]
)  # fmt: skip
def test_learning_rates_warm_up_and_end_as_scheduled(schedule: Schedule, last: float) -> None:
    shares = [rate_share(step, 100, schedule, warmup=10, cycles=3) for step in range(100)]
    assert shares[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert max(shares) == 1.0
    assert shares[-1] == pytest.approx(last, abs=0.02)
    tops = sum(before < 0.5 and after > 0.9 for before, after in pairwise(shares))
    assert tops == (2 if schedule == "cosine-restarts" else 0)


def test_batches_have_one_shape_and_every_example_comes_up_equally_often() -> None:
    bucket_sizes = ["wide"] * 5 + ["tall"] * 3 + ["square"]
    found = list(islice(batches(bucket_sizes, 4, seed=7), 90))
    assert all(len(batch) == 4 and len({bucket_sizes[index] for index in batch}) == 1 for batch in found)
    counts = Counter(index for batch in found for index in batch)
    assert set(counts) == set(range(9))
    assert max(counts.values()) - min(counts.values()) <= 4
    assert found == list(islice(batches(bucket_sizes, 4, seed=7), 90))
    assert found != list(islice(batches(bucket_sizes, 4, seed=8), 90))


def test_min_snr_weights_have_a_floor_for_v_prediction() -> None:
    signal = torch.tensor([0.999, 0.5, 0.01, 0.0])
    ratio = signal / (1 - signal)
    epsilon = min_snr_weights(signal, 5.0, "epsilon")
    torch.testing.assert_close(epsilon[:3], torch.minimum(ratio, torch.tensor(5.0))[:3] / ratio[:3])
    loss_weights = min_snr_weights(signal, 5.0, "v_prediction")
    torch.testing.assert_close(loss_weights, torch.minimum(ratio, torch.tensor(5.0)) / (ratio + 1))
    assert loss_weights[-1] == 0
    assert min_snr_weights(signal, 5.0, "v_prediction", 0.1).min() == pytest.approx(0.1)


def test_every_prediction_type_gives_the_same_image() -> None:
    clean, noise, signal = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4), torch.tensor(0.3)
    noisy = signal.sqrt() * clean + (1 - signal).sqrt() * noise
    velocity = training_target("v_prediction", clean, noise, signal)
    torch.testing.assert_close(signal.sqrt() * noisy - (1 - signal).sqrt() * velocity, training_target("sample", clean, noise, signal))
    torch.testing.assert_close((1 - signal).sqrt() * noisy + signal.sqrt() * velocity, training_target("epsilon", clean, noise, signal))


def plan_of(settings: TrainSettings) -> TrainingPlan:
    return resolve_plan(settings, find_checkpoint(settings.model), read_set(settings.set))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"method": Lora(rank=0)}, "rank: 0 is out of range; choose 1 to 4096"),
        ({"method": Lora(rank=100_000)}, "rank: 100000 is out of range; choose 1 to 4096"),
        ({"method": TextualInversion(word="w", vectors=100)}, "vectors: 100 is out of range; choose 1 to 75"),
        ({"method": TextualInversion(word="(w)")}, "word: '(w)' cannot be read in a prompt"),
        ({"method": TextualInversion(word=" ")}, "word: ' ' cannot be a word of prompts"),
        ({"method": TextualInversion(word="a.diff")}, "word: 'a.diff' would be taken for a layer"),
        ({"seed": 2**63}, "seed: 9223372036854775808 is out of range"),
        ({"steps": 10**400}, "steps: "),
        ({"epochs": float("inf"), "steps": None}, "epochs inf is invalid"),
        ({"learning_rate": -1e-4}, "learning rate: -0.0001 is out of range; choose above 0 to 1000000"),
        ({"schedule": "sinus"}, "schedule: there is no 'sinus'; choose constant, linear, cosine or cosine-restarts"),
        ({"batch": 0}, "batch: 0 is out of range"),
        ({"epochs": 0.0, "steps": None}, "epochs 0 is invalid: give more than 0"),
        ({"epochs": 2.0}, "both steps and epochs are given"),
        ({"caption_dropout": 1.5}, "caption dropout: 1.5 is out of range; choose 0 to 1"),
        ({"preset": "sd3"}, "unknown preset 'sd3'; presets are sd15"),
        ({"precision": "int8"}, "precision: there is no 'int8'"),
        ({"learning_rate": float("nan")}, "learning rate: nan is out of range"),
    ],
)
def test_invalid_settings_are_refused_with_their_range(settings: TrainSettings, change: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        plan_of(replace(settings, **change))  # type: ignore[arg-type]
    assert sentence in str(caught.value)


def test_epochs_count_the_training_images(settings: TrainSettings) -> None:
    assert plan_of(replace(settings, steps=None, epochs=10.0, batch=2, gradient_accumulation=5)).steps == 5
    assert plan_of(replace(settings, steps=None, epochs=0.1)).steps == 1


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_resolve_and_given_settings_override_them(settings: TrainSettings, name: str) -> None:
    base = TrainSettings(method=lora_method(name), set=settings.set, out=settings.out, model=settings.model, preset=name, size=32)
    plan = plan_of(base)
    assert plan.method == PRESETS[name].method
    assert plan.min_snr_gamma == PRESETS[name].values["min_snr_gamma"]
    given = plan_of(replace(base, method=lora_method(name, rank=3), learning_rate=0.5, epochs=None, steps=7))
    assert (given.learning_rate, given.steps) == (0.5, 7)
    assert isinstance(given.method, Lora)
    assert (given.method.rank, given.method.targets) == (3, ("attention",))


def test_risky_plans_bring_warnings(settings: TrainSettings) -> None:
    training_set = read_set(settings.set)
    warnings = " ".join(plan_warnings(plan_of(replace(settings, flip=True)), training_set))
    assert "random flip mirrors images" in warnings
    unsplit = replace(training_set, examples=training_set.training[:1])
    warnings = " ".join(plan_warnings(plan_of(settings), unsplit))
    assert "only 1 image to train on: use at least 50; with fewer it may memorise them" in warnings
    assert "has no held-out images" in warnings
    with pytest.raises(InputError, match="early stopping needs held-out images"):
        plan_warnings(replace(plan_of(settings), patience=2), unsplit)
