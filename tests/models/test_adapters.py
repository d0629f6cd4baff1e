"""Adapters are applied, removed to the bit, and refused if they do not fit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from sakuga.diffusion.low_rank import low_rank_delta
from sakuga.models.adapters import ADAPTER_METADATA, Adapter, AdapterError, LoraLayer, read_adapter, write_adapter
from sakuga.models.applied_adapters import applied_adapters
from sakuga.models.checkpoint import Checkpoint, load_checkpoint
from sakuga.models.checkpoint_lookup import find_checkpoint

QUERY = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
CONVOLUTION = "unet.mid_block.resnets.0.conv1"
WORDS = "text_encoder.encoder.layers.0.self_attn.q_proj"


@pytest.fixture(scope="module")
def checkpoint(tiny_v_folder: Path) -> Checkpoint:
    return load_checkpoint(find_checkpoint(str(tiny_v_folder)))


def weights(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    networks = {"unet": checkpoint.unet, "text_encoder": checkpoint.text_encoder}
    return {f"{name}.{key}": value for name, network in networks.items() for key, value in network.state_dict().items()}


def copied(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in weights(checkpoint).items()}


def adapter(checkpoint: Checkpoint, *layers: str, rank: int = 2, seed: int = 0, name: str = "test") -> Adapter:
    generator = torch.Generator().manual_seed(seed)
    found: dict[str, LoraLayer] = {}
    for layer in layers:
        weight = weights(checkpoint)[f"{layer}.weight"]
        down = torch.randn(rank, *weight.shape[1:], generator=generator) / 10
        found[layer] = LoraLayer(down=down, up=torch.randn(weight.shape[0], rank, *[1] * (weight.ndim - 2), generator=generator), scale=0.5)
    return Adapter(name=name, layers=found)


def test_applied_adapters_add_up_and_are_removed_to_the_bit(checkpoint: Checkpoint) -> None:
    before = copied(checkpoint)
    first, second = adapter(checkpoint, QUERY, CONVOLUTION), adapter(checkpoint, QUERY, seed=1)
    with applied_adapters(checkpoint, [(first, 0.8), (second, -0.3)]):
        now = weights(checkpoint)
        changed = {name for name in before if not torch.equal(before[name], now[name])}
        assert changed == {f"{QUERY}.weight", f"{CONVOLUTION}.weight"}
        parts = [(first.layers[QUERY], 0.8), (second.layers[QUERY], -0.3)]
        expected = before[f"{QUERY}.weight"] + sum(low_rank_delta(one.down, one.up) * one.scale * share for one, share in parts)
        torch.testing.assert_close(now[f"{QUERY}.weight"], expected)
    assert all(torch.equal(before[name], value) for name, value in weights(checkpoint).items())


def test_adapters_are_removed_after_an_error(checkpoint: Checkpoint) -> None:
    before = copied(checkpoint)
    with pytest.raises(ZeroDivisionError), applied_adapters(checkpoint, [(adapter(checkpoint, QUERY), 1.0)]):
        1 / 0  # noqa: B018
    assert all(torch.equal(before[name], value) for name, value in weights(checkpoint).items())


def test_prompts_are_encoded_by_the_changed_text_encoder_and_then_by_the_original(checkpoint: Checkpoint) -> None:
    before = checkpoint.encode_prompts(["a castle"])
    with applied_adapters(checkpoint, [(adapter(checkpoint, WORDS), 1.0)]):
        assert not torch.equal(checkpoint.encode_prompts(["a castle"]), before)
    assert torch.equal(checkpoint.encode_prompts(["a castle"]), before)


def test_a_written_adapter_contains_its_scale(checkpoint: Checkpoint, tmp_path: Path) -> None:
    made = adapter(checkpoint, QUERY, CONVOLUTION)
    write_adapter(made, tmp_path / "style" / "lora.safetensors")
    read = read_adapter(tmp_path / "style" / "lora.safetensors", "again")
    assert read.layers.keys() == made.layers.keys()
    for layer, factors in read.layers.items():
        mine = made.layers[layer]
        change = low_rank_delta(factors.down, factors.up) * factors.scale
        torch.testing.assert_close(change, low_rank_delta(mine.down, mine.up) * mine.scale, atol=2e-3, rtol=2e-3)


def written(folder: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> Path:
    save_file(tensors, folder / "lora.safetensors", metadata)
    return folder / "lora.safetensors"


@pytest.mark.parametrize(
    ("endings", "alpha", "metadata", "scale"),
    [
        ((".lora_A.weight", ".lora_B.weight"), None, None, 1.0),
        ((".lora.down.weight", ".lora.up.weight"), None, None, 1.0),
        ((".lora_A.weight", ".lora_B.weight"), None, {"unet.lora_alpha": 8, "unet.r": 4}, 2.0),
        ((".lora.down.weight", ".lora.up.weight"), 1.0, None, 0.25),
    ],
)
def test_both_spellings_of_diffusers_and_their_alphas_are_read(
    tmp_path: Path, endings: tuple[str, str], alpha: float | None, metadata: dict[str, int] | None, scale: float
) -> None:
    tensors = {QUERY + endings[0]: torch.ones(4, 32), QUERY + endings[1]: torch.ones(32, 4)}
    tensors |= {} if alpha is None else {f"{QUERY}.alpha": torch.tensor(alpha)}
    file = written(tmp_path, tensors, {ADAPTER_METADATA: json.dumps(metadata)} if metadata else None)
    assert read_adapter(file, "style").layers[QUERY].scale == scale


def _cut(folder: Path) -> Path:
    file = written(folder, {f"{QUERY}.lora_A.weight": torch.ones(4, 32), f"{QUERY}.lora_B.weight": torch.ones(32, 4)})
    file.write_bytes(file.read_bytes()[:-100])
    return file


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_cut, "cannot read"),
        (lambda folder: folder / "absent.safetensors", "cannot read"),
        (lambda folder: written(folder, {"base_model.model.to_q": torch.ones(2, 2, 2)}), "1 of 1 tensors"),
        (lambda folder: written(folder, {f"{QUERY}.lora_A.weight": torch.ones(4, 32)}), "lacks some of its weights, of unet.mid_block"),
        (
            lambda folder: written(
                folder,
                {f"{QUERY}.lora_A.weight": torch.ones(4, 32), f"{QUERY}.lora_B.weight": torch.ones(32, 4)},
                {ADAPTER_METADATA: json.dumps({"unet.use_dora": True})},
            ),
            "DoRA",
        ),
    ],
)
def test_invalid_lora_files_are_refused(tmp_path: Path, make: Callable[[Path], Path], message: str) -> None:
    with pytest.raises(AdapterError, match=message) as caught:
        read_adapter(make(tmp_path), "style")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("layer", "size", "message"),
    [
        (QUERY, 16, "but 32 x 32 in the model"),
        ("unet.mid_block.attentions.7.to_q", 32, "is not in the model"),
        ("vae.decoder.conv_in", 32, "is not in the model"),
        ("unet.mid_block", 32, "is not in the model"),
    ],
)
def test_a_lora_for_another_model_is_refused_and_changes_nothing(checkpoint: Checkpoint, layer: str, size: int, message: str) -> None:
    before = copied(checkpoint)
    other: Any = Adapter(name="other", layers={layer: LoraLayer(down=torch.ones(2, size), up=torch.ones(size, 2))})
    with (
        pytest.raises(AdapterError, match=f"'other' was trained for another model.*{message}"),
        applied_adapters(checkpoint, [(other, 1.0)]),
    ):
        pass
    assert all(torch.equal(before[name], value) for name, value in weights(checkpoint).items())
