"""The parts of a training: rates, orders of examples, weights of noise levels, plans."""

from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise

import pytest
import torch

from sakuga import InputError
from sakuga.datasets.training_set import read_set
from sakuga.diffusion.objective import min_snr_weights, wanted
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studio.training.train import TrainSettings, doubts, lora_method, settled_plan
from sakuga.training.batch_order import batches
from sakuga.training.defaults import PRESETS
from sakuga.training.plan import Lora, Plan
from sakuga.training.schedule import Schedule, rate_share


@pytest.mark.parametrize(
    ("schedule", "last"), [("constant", 1.0), ("linear", 0.01), ("cosine", 0.0), ("cosine-restarts", 0.001)]
)  # fmt: skip
def test_rates_rise_and_end_where_they_should(schedule: Schedule, last: float) -> None:
    shares = [rate_share(step, 100, schedule, warmup=10, cycles=3) for step in range(100)]
    assert shares[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert max(shares) == 1.0
    assert shares[-1] == pytest.approx(last, abs=0.02)
    tops = sum(before < 0.5 and after > 0.9 for before, after in pairwise(shares))
    assert tops == (2 if schedule == "cosine-restarts" else 0)


def test_batches_have_one_shape_and_every_example_comes_up_equally_often() -> None:
    shapes = ["wide"] * 5 + ["tall"] * 3 + ["square"]
    found = list(islice(batches(shapes, 4, seed=7), 90))
    assert all(len(batch) == 4 and len({shapes[index] for index in batch}) == 1 for batch in found)
    counts = Counter(index for batch in found for index in batch)
    assert set(counts) == set(range(9))
    assert max(counts.values()) - min(counts.values()) <= 4
    assert found == list(islice(batches(shapes, 4, seed=7), 90))
    assert found != list(islice(batches(shapes, 4, seed=8), 90))


def test_noise_levels_count_by_min_snr_and_never_nothing() -> None:
    signal = torch.tensor([0.999, 0.5, 0.01, 0.0])
    ratio = signal / (1 - signal)
    epsilon = min_snr_weights(signal, 5.0, "epsilon")
    torch.testing.assert_close(epsilon[:3], torch.minimum(ratio, torch.tensor(5.0))[:3] / ratio[:3])
    bare = min_snr_weights(signal, 5.0, "v_prediction")
    torch.testing.assert_close(bare, torch.minimum(ratio, torch.tensor(5.0)) / (ratio + 1))
    assert bare[-1] == 0
    assert min_snr_weights(signal, 5.0, "v_prediction", 0.1).min() == pytest.approx(0.1)


def test_every_prediction_tells_the_same_picture() -> None:
    clean, noise, signal = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4), torch.tensor(0.3)
    noisy = signal.sqrt() * clean + (1 - signal).sqrt() * noise
    velocity = wanted("v_prediction", clean, noise, signal)
    torch.testing.assert_close(signal.sqrt() * noisy - (1 - signal).sqrt() * velocity, wanted("sample", clean, noise, signal))
    torch.testing.assert_close((1 - signal).sqrt() * noisy + signal.sqrt() * velocity, wanted("epsilon", clean, noise, signal))


def planned(settings: TrainSettings) -> Plan:
    return settled_plan(settings, find_checkpoint(settings.model), read_set(settings.set))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"method": Lora(rank=0)}, "rank 0 will not do: input should be greater than or equal to 1"),
        ({"rate": -1e-4}, "rate -0.0001 will not do: input should be greater than 0"),
        ({"schedule": "sinus"}, "schedule 'sinus' will not do"),
        ({"batch": 0}, "batch 0 will not do"),
        ({"epochs": 0.0, "steps": None}, "epochs 0 trains nothing"),
        ({"epochs": 2.0}, "steps and epochs both say how long"),
        ({"caption_dropout": 1.5}, "caption dropout 1.5 will not do"),
        ({"preset": "sd3"}, "no preset 'sd3': there are sd15"),
        ({"precision": "int8"}, "precision 'int8' will not do"),
        ({"rate": float("nan")}, "rate"),
    ],
)
def test_what_no_training_can_be_run_by_is_refused(settings: TrainSettings, change: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        planned(replace(settings, **change))  # type: ignore[arg-type]
    assert sentence in str(caught.value)


def test_epochs_count_the_pictures_that_are_learnt(settings: TrainSettings) -> None:
    assert planned(replace(settings, steps=None, epochs=10.0, batch=2, accumulation=5)).steps == 5
    assert planned(replace(settings, steps=None, epochs=0.1)).steps == 1


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_make_plans_and_what_is_said_goes_before(settings: TrainSettings, name: str) -> None:
    bare = TrainSettings(method=lora_method(name), set=settings.set, out=settings.out, model=settings.model, preset=name, size=32)
    plan = planned(bare)
    assert plan.method == PRESETS[name].method
    assert plan.min_snr == PRESETS[name].values["min_snr"]
    said = planned(replace(bare, method=lora_method(name, rank=3), rate=0.5, epochs=None, steps=7))
    assert (said.rate, said.steps) == (0.5, 7)
    assert isinstance(said.method, Lora)
    assert (said.method.rank, said.method.targets) == (3, ("attention",))


def test_doubts_are_told(settings: TrainSettings) -> None:
    taught = read_set(settings.set)
    told = " ".join(doubts(planned(replace(settings, flip=True)), taught))
    assert "mirrored at random" in told
    unsplit = replace(taught, examples=taught.training[:1])
    told = " ".join(doubts(planned(settings), unsplit))
    assert "one picture is learnt by heart" in told
    assert "holds nothing out" in told
    with pytest.raises(InputError, match="to stop early needs pictures held out"):
        doubts(replace(planned(settings), patience=2), unsplit)
