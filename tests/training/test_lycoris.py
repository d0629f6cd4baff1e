"""LoHa, LoKr and DoRA: what is trained equals what is applied from the file, and resumes exactly."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sakuga import InputError
from sakuga.models.adapters import read_style
from sakuga.models.applied_adapters import applied_adapters
from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.style_files import style_in_folder
from sakuga.studio.training.resolution import TrainSettings
from sakuga.training import checkpoints
from sakuga.training.factors import split_evenly
from sakuga.training.lora import LoraMethod
from sakuga.training.method_settings import Lora
from tests.training.conftest import resumed, trained

ALGORITHMS = ("dora", "loha", "lokr")
TARGETS = ("attention", "convolutions")


@pytest.fixture(scope="module")
def checkpoint(tiny_folder: Path) -> Checkpoint:
    return load_checkpoint(find_checkpoint(str(tiny_folder)))


def predict(checkpoint: Checkpoint) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    noisy, words = torch.randn(2, 8, 8, 8, generator=generator), torch.randn(2, 77, 32, generator=generator)
    with torch.no_grad():
        return checkpoint.unet(noisy, torch.tensor([3, 900]), words)[0]


@pytest.mark.parametrize("algorithm", ["lora", *ALGORITHMS])
def test_it_starts_at_the_base_model_and_its_file_holds_what_was_trained(checkpoint: Checkpoint, algorithm: str, tmp_path: Path) -> None:
    base = predict(checkpoint)
    settings = Lora(rank=3, alpha=6.0, targets=TARGETS, algorithm=algorithm, convolution_rank=2, text_encoder=True)  # type: ignore[arg-type]
    method = LoraMethod(checkpoint, settings, seed=0)
    torch.testing.assert_close(predict(checkpoint), base, atol=1e-5, rtol=1e-5)
    with torch.no_grad():
        for parameter in method.networks.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())))
    changed = predict(checkpoint)
    method.write(tmp_path, "it", "zk")
    method.close()
    assert torch.equal(predict(checkpoint), base)
    assert (changed - base).norm() > 0.01 * base.norm()
    style = style_in_folder("it", tmp_path)
    assert {"dora": "DoRA", "loha": "LoHa", "lokr": "LoKr", "lora": "LoRA"}[algorithm] in style.contents.kinds
    with applied_adapters(checkpoint, [(read_style(style.files, "it"), 1.0)]):
        torch.testing.assert_close(predict(checkpoint), changed, atol=5e-3, rtol=5e-3)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_it_resumes_exactly_with_every_option_of_the_network(settings: TrainSettings, algorithm: str, tmp_path: Path) -> None:
    dropout = {} if algorithm == "lokr" else {"rank_dropout": 0.5, "loraplus_ratio": 4.0}
    method = Lora(rank=2, targets=TARGETS, algorithm=algorithm, block_rates="down=0.5,mid=0", **dropout)  # type: ignore[arg-type]
    assert_resumes(replace(settings, method=method), tmp_path)


@pytest.mark.parametrize("optimizer", ["prodigy", "schedule-free"])
def test_adaptive_optimizers_resume_exactly(settings: TrainSettings, optimizer: str, tmp_path: Path) -> None:
    assert_resumes(replace(settings, optimizer=optimizer, learning_rate=None if optimizer == "prodigy" else 1e-2), tmp_path)
    named = {"prodigy": "Prodigy", "schedule-free": "schedule-free AdamW"}[optimizer]
    assert f"px, {named}, learning rate" in (tmp_path / "whole" / "style" / "README.md").read_text()


def test_changes_of_data_and_noise_resume_exactly(settings: TrainSettings, tmp_path: Path) -> None:
    options = {"shuffle_tags": True, "keep_tags": 1, "tag_dropout": 0.5, "caption_dropout_every": 2, "multires_noise": 4, "debiased": True}
    shape = {"loss": "huber", "timestep_sampling": "logit-normal", "min_timestep": 100, "max_timestep": 900}
    method = Lora(rank=2, targets=("attention",), rank_dropout=0.5)
    assert_resumes(replace(settings, method=method, **options, **shape), tmp_path)  # type: ignore[arg-type]


def assert_resumes(settings: TrainSettings, tmp_path: Path) -> None:
    whole, parted = trained(replace(settings, out=tmp_path / "whole")), resumed(settings, 5)
    tensors = [load_file(checkpoints.list_checkpoints(run.run / "checkpoints")[0]) for run in (whole, parted)]
    assert tensors[0].keys() == tensors[1].keys()
    assert all(torch.equal(tensors[0][key], tensors[1][key]) for key in tensors[0])
    styles = [load_file(next(iter(sorted(run.style.glob("*.safetensors"))))) for run in (whole, parted)]
    assert styles[0].keys() == styles[1].keys()
    assert all(torch.equal(styles[0][key], styles[1][key]) for key in styles[0])


def test_a_rate_of_a_block_and_the_ratio_of_loraplus_apply(checkpoint: Checkpoint) -> None:
    method = LoraMethod(checkpoint, Lora(rank=2, targets=("attention",), block_rates="down=0.5,mid=0", loraplus_ratio=4.0), seed=0)
    shares = method.rate_shares()
    method.close()
    layers = dict(zip(method.low_rank["unet"].names, range(100), strict=False))
    down = next(place for layer, place in layers.items() if "down_blocks" in layer)
    up = next(place for layer, place in layers.items() if "up_blocks" in layer)
    assert (shares[f"unet.downs.{down}"], shares[f"unet.ups.{down}"]) == (0.5, 2.0)
    assert (shares[f"unet.downs.{up}"], shares[f"unet.ups.{up}"]) == (1.0, 4.0)


def test_rank_dropout_leaves_ranks_out_within_a_step_only(checkpoint: Checkpoint) -> None:
    method = LoraMethod(checkpoint, Lora(rank=4, targets=("attention",), rank_dropout=0.5), seed=0)
    with torch.no_grad():
        for up in method.low_rank["unet"].ups:  # type: ignore[union-attr]
            up.normal_(generator=torch.Generator().manual_seed(1))
    whole = predict(checkpoint)
    with method.training_step(3):
        dropped = predict(checkpoint)
    with method.training_step(3):
        assert torch.equal(predict(checkpoint), dropped)
    assert torch.equal(predict(checkpoint), whole)
    assert not torch.equal(dropped, whole)
    method.close()


def test_what_excludes_each_other_is_refused(settings: TrainSettings) -> None:
    for change, sentence in (
        ({"method": Lora(algorithm="lokr", rank_dropout=0.5)}, "LoKr has no ranks to drop"),
        ({"method": Lora(factor=4)}, "a factor is LoKr's"),
        ({"optimizer": "schedule-free", "ema_decay": 0.9}, "averages the weights itself"),
        ({"optimizer": "schedule-free", "schedule": "cosine"}, "needs no schedule"),
        ({"min_timestep": 500, "max_timestep": 500}, "timesteps 500 to 500 are none"),
        ({"debiased": True, "min_snr_gamma": 5.0}, "give one of them"),
        ({"weight_prompts": 4}, "has no classifier to read its images by"),
        ({"method": Lora(block_rates="sideways=1")}, "is no rate of a block"),
    ):
        with pytest.raises(InputError, match=sentence):
            trained(replace(settings, **change))  # type: ignore[arg-type]


def test_a_size_is_split_into_its_most_even_factors() -> None:
    assert [split_evenly(size) for size in (1, 12, 320, 1280)] == [(1, 1), (3, 4), (16, 20), (32, 40)]
    assert split_evenly(320, 8) == (8, 40)
