"""The LoRA applied equals the one trained, whether cached, split or resumed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sakuga import InputError
from sakuga.datasets.training_set import read_set
from sakuga.models.adapters import read_adapter
from sakuga.models.applied_adapters import applied_adapters
from sakuga.models.checkpoint import load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.style_files import LORA_FILE
from sakuga.models.styles import find_style
from sakuga.studio.training.resolution import TrainSettings
from sakuga.studio.training.train import TrainedRun, train
from sakuga.training.loop import TrainingError, run_training
from sakuga.training.lora import LoraMethod
from sakuga.training.low_rank import LowRank
from sakuga.training.method import TrainingMethod
from sakuga.training.method_settings import Lora
from tests.training.conftest import prepared, trained, write_small_set


def style(run: TrainedRun) -> dict[str, torch.Tensor]:
    return load_file(run.style / LORA_FILE)


def equal(first: TrainedRun, second: TrainedRun) -> bool:
    left, right = style(first), style(second)
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def test_a_run_writes_a_style_with_card_and_metrics(settings: TrainSettings) -> None:
    run = trained(replace(settings, sample_every=4, prompts=("a red ball", "a blue one")))
    found = find_style(str(run.style), find_checkpoint(settings.model))
    assert found.trigger == "zk"
    card = (run.style / "README.md").read_text()
    assert "LoRA, rank 2, alpha 2, on attention of the UNet" in card
    assert "| image licences | MIT |" in card
    assert (run.style / "sheet.webp").exists()
    assert sorted(path.name for path in (run.run / "samples").iterdir()) == ["step-00000004.png", "step-00000008.png"]
    assert (run.steps, run.validation_loss is not None) == (8, True)
    assert run.seconds > 0
    assert run.peak_memory > 2**20
    assert not (run.run / "cache").exists()
    assert [path.name for path in sorted((run.run / "checkpoints").iterdir())] == [
        "best.safetensors", "step-00000006.safetensors", "step-00000008.safetensors",
    ]  # fmt: skip


def test_caching_samples_and_validation_do_not_change_the_weights(settings: TrainSettings, tmp_path: Path) -> None:
    flipped = replace(settings, flip=True, validate_every=0)
    plain = trained(flipped)
    assert equal(plain, trained(replace(flipped, out=tmp_path / "uncached", cache=False)))
    assert equal(plain, trained(replace(flipped, out=tmp_path / "watched", sample_every=5, prompts=("a ball",), keep=1, validate_every=3)))


def test_batches_split_to_save_memory_train_the_same(settings: TrainSettings) -> None:
    weights = []
    for chunks in (1, 2):
        training = prepared(replace(settings, batch=4, out=Path(settings.out) / str(chunks)))
        training.chunks = chunks
        list(run_training(training))
        weights.append(torch.cat([weight.detach().flatten() for weight in training.method.networks.parameters()]))
        training.method.close()
    torch.testing.assert_close(*weights, atol=1e-4, rtol=1e-3)


class Greedy:
    """A method that runs out of memory with more than one image."""

    def __init__(self, method: TrainingMethod) -> None:
        self._method = method

    def __getattr__(self, name: str) -> object:
        return getattr(self._method, name)

    def encode_captions(self, captions: Sequence[str]) -> torch.Tensor:
        if len(captions) > 1:
            torch.empty(2**50)
        return self._method.encode_captions(captions)


def test_out_of_memory_splits_batches_further(settings: TrainSettings) -> None:
    training = prepared(replace(settings, batch=4))
    training.method = Greedy(training.method)
    training.validation = None
    first, *_ = run_training(training)
    assert [note.split(" in ")[0] for note in first.notes] == [
        "out of memory: continuing with 2 images at a time", "out of memory: continuing with 1 images at a time",
    ]  # fmt: skip
    assert training.chunks == 4


def test_a_loss_that_is_not_finite_stops_at_the_last_good_step(settings: TrainSettings) -> None:
    training = prepared(replace(settings, learning_rate=1e6, schedule="constant", weight_decay=0.0, warmup=0))
    with pytest.raises(TrainingError, match="the loss is not a finite number at step"):
        list(run_training(training))
    assert (training.run.checkpoints / f"step-{training.steps:08d}.safetensors").exists()
    assert training.steps < 8


def test_early_stopping_uses_the_best_checkpoint(settings: TrainSettings) -> None:
    run = trained(replace(settings, steps=40, learning_rate=1e-12, validate_every=1, patience=2))
    assert run.steps == 1
    assert run.notes[-1] == "the style is that of step 1, with the best validation loss"
    assert "stopped early: no better validation loss in 2 validations" in (run.run / "log.txt").read_text()


def test_the_lora_trained_equals_the_lora_applied(tiny_folder: Path) -> None:
    checkpoint = load_checkpoint(find_checkpoint(str(tiny_folder)))
    shown, at, words = torch.randn(2, 8, 8, 8), torch.tensor([3, 900]), torch.randn(2, 77, 32)
    method = Lora(rank=3, alpha=6.0, targets=("attention", "convolutions"), text_encoder=True)
    with torch.no_grad():
        plain, plain_words = checkpoint.unet(shown, at, words)[0], checkpoint.text_encoder(torch.tensor([[70, 3, 71]]))[0]
        training = LoraMethod(checkpoint, method, seed=0)
        assert torch.equal(checkpoint.unet(shown, at, words)[0], plain)
        for network in training.low_rank.values():
            for up in network.ups:
                up.normal_()
        changed, changed_words = checkpoint.unet(shown, at, words)[0], checkpoint.text_encoder(torch.tensor([[70, 3, 71]]))[0]
        adapter = training.adapter("new")
        training.close()
        assert torch.equal(checkpoint.unet(shown, at, words)[0], plain)
        with applied_adapters(checkpoint, [(adapter, 1.0)]):
            torch.testing.assert_close(checkpoint.unet(shown, at, words)[0], changed, atol=1e-3, rtol=1e-3)
            torch.testing.assert_close(checkpoint.text_encoder(torch.tensor([[70, 3, 71]]))[0], changed_words, atol=1e-3, rtol=1e-3)
    assert (changed - plain).abs().mean() > 0.01
    assert (changed_words - plain_words).abs().mean() > 0.01


@pytest.mark.parametrize(
    "change",
    [
        {"precision": "bf16", "gradient_checkpointing": True, "method": Lora(rank=2, targets=("attention",), text_encoder=True)},
        {
            "ema_decay": 0.9, "noise_offset": 0.1, "min_snr_gamma": 0.0, "schedule": "cosine-restarts", "cycles": 2, "buckets": False,
            "gradient_accumulation": 2,
        },
    ],
)  # fmt: skip
def test_every_kind_of_training_resumes_exactly(settings: TrainSettings, tmp_path: Path, change: dict[str, object]) -> None:
    uninterrupted = trained(replace(settings, out=tmp_path / "uninterrupted", **change))  # type: ignore[arg-type]
    half = replace(settings, **change)  # type: ignore[arg-type]
    work = train(half)
    next(step for step in work if step.stage == "training" and step.done == 4)
    work.close()
    assert equal(uninterrupted, trained(replace(half, resume=True)))


def test_less_memory_or_precision_train_nearly_the_same(settings: TrainSettings, tmp_path: Path) -> None:
    plain = trained(settings)
    losses = [
        trained(replace(settings, out=tmp_path / name, **change)).loss  # type: ignore[arg-type]
        for name, change in [("half", {"precision": "bf16"}), ("checkpointed", {"gradient_checkpointing": True})]
    ]
    assert losses == pytest.approx([plain.loss, plain.loss], rel=0.02)


def test_unknown_targets_are_refused_with_the_known_ones(settings: TrainSettings) -> None:
    with pytest.raises(InputError) as caught:
        trained(replace(settings, method=Lora(targets=("atention",))))
    assert "this model has no layer named 'atention'; targets are attention, feed-forward, convolutions" in str(caught.value)
    assert "to_out.0" in str(caught.value)


def test_a_trigger_word_that_the_model_knows_is_told_before_the_training(settings: TrainSettings, tmp_path: Path) -> None:
    def told(trigger: str) -> bool:
        known = replace(settings, set=write_small_set(tmp_path / trigger / "set", trigger), out=tmp_path / trigger / "run", steps=1)
        return any("the model knows the trigger word" in step.note for step in train(known))

    assert told("b")
    assert not told("zk")


def test_a_refused_run_leaves_its_folder_free(settings: TrainSettings) -> None:
    for refused in (replace(settings, method=Lora(targets=("atention",))), replace(settings, precision="fp16")):
        with pytest.raises(InputError):
            trained(refused)
    assert not any(Path(settings.out).iterdir())
    assert trained(replace(settings, steps=1)).steps == 1


def test_fp16_is_refused_where_there_is_no_gpu(settings: TrainSettings) -> None:
    with pytest.raises(InputError, match="fp16 needs a GPU"):
        trained(replace(settings, precision="fp16"))


def test_unreadable_images_are_skipped_unless_they_are_many(settings: TrainSettings, tmp_path: Path) -> None:
    folder = write_small_set(tmp_path / "set")
    training_set = read_set(folder)
    training_set.path(training_set.training[0]).write_bytes(b"")
    with pytest.raises(InputError, match=r"1 or more of the 5 images of .* cannot be read \(the last: .*0000\.png"):
        trained(replace(settings, set=folder))


def test_low_rank_on_a_convolution_with_stride_is_the_merged_weight() -> None:
    network = torch.nn.ModuleDict({"conv1": torch.nn.Conv2d(4, 6, 3, stride=2, padding=1)})
    change = LowRank(network, ("conv1",), 2, alpha=1.0)
    torch.nn.init.normal_(change.ups[0])
    shown = torch.randn(1, 4, 9, 9)
    with change.attached():
        answered = network["conv1"](shown)
    factors = change.adapter("it").layers["unet.conv1"]
    merged = (factors.up.flatten(1) @ factors.down.flatten(1)).view(6, 4, 3, 3) * factors.scale
    expected = torch.nn.functional.conv2d(shown, network["conv1"].weight + merged, network["conv1"].bias, 2, 1)
    torch.testing.assert_close(answered, expected, atol=1e-5, rtol=1e-5)


def test_the_style_has_the_layout_of_other_trainers(settings: TrainSettings) -> None:
    run = trained(settings)
    read = read_adapter(run.style / LORA_FILE, "it")
    assert all(np.isfinite(factors.up.numpy()).all() for factors in read.layers.values())
    assert all(key.startswith("unet.") and (".lora_A." in key or ".lora_B." in key) for key in style(run))
