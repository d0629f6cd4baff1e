"""A training is resolved once, before its Work; every image is decoded once."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from sakuga import InputError
from sakuga.datasets import image_reading
from sakuga.studio.training.resolution import PLAN_SETTINGS, TrainSettings, resolve_training
from sakuga.studio.training.train import train
from sakuga.training import training_data
from sakuga.training.method_settings import Lora
from sakuga.training.plan import TrainingPlan, options_of, plan_to_dict, read_plan
from sakuga.training.run_folder import CONFIG
from tests.training.conftest import resumed, trained


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each image is decoded for training."""
    counts: Counter[str] = Counter()

    def counting(path: Path) -> image_reading.LoadedImage:
        counts[path.name] += 1
        return image_reading.read_image(path)

    monkeypatch.setattr(training_data, "read_image", counting)
    return counts


def test_every_setting_is_an_option_of_the_plan() -> None:
    options = options_of(TrainingPlan)
    assert set(PLAN_SETTINGS) <= set(options)
    assert all(option.help for option in options.values())
    assert all(option.shown_default for name, option in options.items() if name in PLAN_SETTINGS)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"set": "nowhere"}, "nowhere"),
        ({"model": "nowhere"}, "nowhere"),
        ({"method": Lora(rank=0)}, "rank: 0 is out of range"),
        ({"tracker": "wandb"}, "Weights & Biases is not installed"),
        ({"precision": "fp16"}, "fp16 needs a GPU"),
    ],
)
def test_invalid_requests_are_refused_before_a_work_is_returned(settings: TrainSettings, change: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        train(replace(settings, **change))  # type: ignore[arg-type]
    assert not Path(settings.out).exists()


def test_each_image_is_decoded_once_and_a_resumed_run_uses_the_cache(settings: TrainSettings, decoded: Counter[str]) -> None:
    resumed(replace(settings, flip=True), 4)
    assert len(decoded) == 7
    assert set(decoded.values()) == {1}


def test_a_plan_survives_its_file_and_older_keys_are_read(settings: TrainSettings, tmp_path: Path) -> None:
    plan = resolve_training(settings).plan
    run = trained(settings)
    assert read_plan(run.run / CONFIG) == plan
    config = (run.run / CONFIG).read_text()
    for old, new in {"rate": "learning_rate", "clip": "max_grad_norm", "average": "ema_decay"}.items():
        assert f'"{new}"' in config
        config = config.replace(f'"{new}"', f'"{old}"')
    (tmp_path / "old.json").write_text(config)
    assert plan_to_dict(read_plan(tmp_path / "old.json")) == plan_to_dict(plan)
