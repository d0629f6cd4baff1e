"""LyCORIS, DoRA and peft files change weights as those libraries do, to 1e-5."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lycoris.modules.full import FullModule
from lycoris.modules.ia3 import IA3Module
from lycoris.modules.locon import LoConModule
from lycoris.modules.loha import LohaModule
from lycoris.modules.lokr import LokrModule
from lycoris.modules.norms import NormModule
from peft import IA3Config, LoHaConfig, LoKrConfig, LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch import nn

from sakuga.models.adapters import AdapterError, read_adapter
from sakuga.models.applied_adapters import AppliedAdapter, patched_weights
from sakuga.models.style_files import Style

LINEAR, CONV, NORM = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q", "mid_block.resnets.0.conv1", "mid_block.resnets.0.norm1"
OUT, IN = 8, 12


class Network(nn.Module):
    """A part of a UNet, by its names: one linear layer, one convolution, one norm."""

    def __init__(self) -> None:
        super().__init__()
        layers = {LINEAR: nn.Linear(IN, OUT), CONV: nn.Conv2d(IN, OUT, 3), NORM: nn.GroupNorm(2, OUT)}
        for path, layer in layers.items():
            self._put(self, path.split("."), layer)

    def _put(self, module: nn.Module, path: list[str], layer: nn.Module) -> None:
        if len(path) == 1:
            module.add_module(path[0], layer)
            return
        if not hasattr(module, path[0]):
            module.add_module(path[0], nn.Module())
        self._put(getattr(module, path[0]), path[1:], layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def network() -> Network:
    torch.manual_seed(1)
    return Network()


def filled(module: nn.Module) -> nn.Module:
    """Fill every trainable weight with random numbers, magnitudes near those there."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            noise = torch.randn(weight.shape, generator=generator) / 3
            weight.copy_(weight * (1 + noise.abs()) if "dora" in name or "magnitude" in name else noise)
    return module


def saved(module: nn.Module, path: str, file: Path, dtype: torch.dtype = torch.float32) -> Path:
    flat = f"lora_unet_{path.replace('.', '_')}"
    state = module.custom_state_dict() or module.state_dict()
    tensors = {f"{flat}.{key}": value if key == "on_input" else value.to(dtype) for key, value in state.items()}
    save_file({key: value.clone().contiguous() for key, value in tensors.items()}, file)
    return file


def changed(file: Path, weight: float = 1.0) -> dict[str, torch.Tensor]:
    unet = network()
    with patched_weights({"unet": unet}, [AppliedAdapter(adapter=read_adapter(file, "style"), weight=weight)]):
        return {name: value.detach().clone() for name, value in unet.state_dict().items()}


KINDS: dict[str, Callable[..., Any]] = {
    "LoCon": lambda layer: LoConModule("x", layer, lora_dim=3, alpha=2),
    "LoCon with a middle": lambda layer: LoConModule("x", layer, lora_dim=3, alpha=2, use_tucker=True),
    "LoHa": lambda layer: LohaModule("x", layer, lora_dim=3, alpha=2),
    "LoHa with cores": lambda layer: LohaModule("x", layer, lora_dim=3, alpha=2, use_tucker=True),
    "LoKr": lambda layer: LokrModule("x", layer, lora_dim=1, alpha=2, factor=2),
    "LoKr of four factors": lambda layer: LokrModule("x", layer, lora_dim=1, alpha=2, factor=4, decompose_both=True),
    "LoKr with a core": lambda layer: LokrModule("x", layer, lora_dim=1, alpha=2, factor=2, use_tucker=True),
    "LoKr of whole factors": lambda layer: LokrModule("x", layer, lora_dim=64, alpha=2, factor=2),
    "IA3 of outputs": lambda layer: IA3Module("x", layer),
    "IA3 of inputs": lambda layer: IA3Module("x", layer, train_on_input=True),
    "DoRA": lambda layer: LoConModule("x", layer, lora_dim=3, alpha=2, weight_decompose=True),
    "DoRA of inputs": lambda layer: LoConModule("x", layer, lora_dim=3, alpha=2, weight_decompose=True, wd_on_out=False),
    "DoRA of a LoHa": lambda layer: LohaModule("x", layer, lora_dim=3, alpha=2, weight_decompose=True),
    "DoRA of a LoKr": lambda layer: LokrModule("x", layer, lora_dim=1, alpha=2, factor=2, weight_decompose=True),
}


def probe(path: str) -> torch.Tensor:
    return torch.randn(2, IN, *[5, 5] if path == CONV else [], generator=torch.Generator().manual_seed(5))


def answer(path: str, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return what a layer gives for the probe with these weights."""
    layer = network().get_submodule(path)
    layer.load_state_dict({name: weights[f"{path}.{name}"] for name in ("weight", "bias")})
    with torch.no_grad():
        return layer(probe(path))


@pytest.mark.parametrize("path", [LINEAR, CONV])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_lycoris_changes_a_layer_as_there(kind: str, path: str, tmp_path: Path) -> None:
    module = filled(KINDS[kind](network().get_submodule(path))).eval()
    file = saved(module, path, tmp_path / "style.safetensors")
    module.apply_to()
    with torch.no_grad():
        expected = module(probe(path))
    after, before = changed(file), network().state_dict()
    assert torch.allclose(answer(path, after), expected, atol=1e-5)
    assert not torch.allclose(answer(path, before), expected, atol=1e-2)
    half = before[f"{path}.weight"] + (after[f"{path}.weight"] - before[f"{path}.weight"]) / 2
    assert torch.allclose(changed(file, 0.5)[f"{path}.weight"], half, atol=1e-5)  # linear in the weight of the style, as in ComfyUI


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_read(dtype: torch.dtype, tmp_path: Path) -> None:
    module = filled(KINDS["LoHa"](network().get_submodule(LINEAR)))
    whole, half = (changed(saved(module, LINEAR, tmp_path / "a.safetensors", one))[f"{LINEAR}.weight"] for one in (torch.float32, dtype))
    assert torch.allclose(half, whole, atol=3e-2)


def test_full_differences_change_weights_biases_and_norms(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(3)
    before, tensors = network().state_dict(), {}
    for path, (weight, bias) in {CONV: ("diff", "diff_b"), NORM: ("w_norm", "b_norm")}.items():
        for ending, name in ((weight, "weight"), (bias, "bias")):
            tensors[f"lora_unet_{path.replace('.', '_')}.{ending}"] = torch.randn(before[f"{path}.{name}"].shape, generator=generator)
    save_file(tensors, tmp_path / "full.safetensors")
    after = changed(tmp_path / "full.safetensors")
    for path in (CONV, NORM):
        for (key, difference), name in zip(
            [one for one in tensors.items() if path.replace(".", "_") in one[0]], ("weight", "bias"), strict=True
        ):
            assert torch.allclose(after[f"{path}.{name}"], before[f"{path}.{name}"] + difference, atol=1e-6), key


def test_full_modules_of_lycoris_change_weights_as_there(tmp_path: Path) -> None:
    for path, kind in ((CONV, FullModule), (NORM, NormModule)):
        layer = network().get_submodule(path)
        module = kind("x", layer, 1.0)
        module.apply_to()
        with torch.no_grad():
            for value in module.parameters():
                value.add_(0.25)
        after = changed(saved(module, path, tmp_path / "a.safetensors"))
        before = network().state_dict()
        assert all(torch.allclose(after[f"{path}.{name}"], before[f"{path}.{name}"] + 0.25, atol=1e-5) for name in ("weight", "bias"))


PEFT: dict[str, Callable[[list[str]], Any]] = {
    "LoRA": lambda names: LoraConfig(r=3, lora_alpha=2, target_modules=names, init_lora_weights=False),
    "LoRA with patterns": lambda names: LoraConfig(
        r=3, lora_alpha=2, target_modules=names, init_lora_weights=False, rank_pattern={"to_q": 2}, alpha_pattern={"to_q": 5}
    ),
    "DoRA": lambda names: LoraConfig(r=3, lora_alpha=2, target_modules=names, init_lora_weights=False, use_dora=True),
    "LoHa": lambda names: LoHaConfig(r=3, alpha=2, target_modules=names, init_weights=False),
    "LoHa with cores": lambda names: LoHaConfig(r=3, alpha=2, target_modules=names, init_weights=False, use_effective_conv2d=True),
    "LoKr": lambda names: LoKrConfig(r=2, alpha=3, target_modules=names, init_weights=False, decompose_factor=2),
    "LoKr of whole factors": lambda names: LoKrConfig(r=32, alpha=3, target_modules=names, init_weights=False, decompose_factor=2),
    "IA3": lambda names: IA3Config(target_modules=names, feedforward_modules=["conv1"], init_ia3_weights=False),
}


@pytest.mark.parametrize("kind", PEFT)
def test_each_kind_of_peft_changes_weights_as_there(kind: str, tmp_path: Path) -> None:
    model = get_peft_model(network(), PEFT[kind](["to_q", "conv1"]))
    filled(model)
    base = network().state_dict()
    for name, value in model.named_parameters():
        plain = name.removeprefix("base_model.model.").replace(".base_layer", "")
        if plain in base:
            value.data.copy_(base[plain])
    model.save_pretrained(tmp_path)
    expected = model.merge_and_unload().state_dict()
    after = changed(tmp_path / "adapter_model.safetensors")
    for name, value in expected.items():
        assert torch.allclose(after[name], value, atol=1e-5), name
    assert not torch.allclose(after[f"{LINEAR}.weight"], base[f"{LINEAR}.weight"], atol=1e-2)


def test_the_head_of_a_file_tells_kind_rank_and_frequent_tags(tmp_path: Path) -> None:
    module = filled(KINDS["LoHa"](network().get_submodule(LINEAR)))
    flat = f"lora_unet_{LINEAR.replace('.', '_')}"
    tensors = {f"{flat}.{key}": value.clone() for key, value in module.custom_state_dict().items()}
    metadata = {
        "ss_tag_frequency": '{"10_ink": {"inkwash": 40, " tree": 7}, "1_more": {"tree": 50}}',
        "modelspec.trigger_phrase": "ink style",
    }
    save_file(tensors, tmp_path / "a.safetensors", metadata)
    contents = Style("a", (tmp_path / "a.safetensors",)).contents
    assert contents.kinds == ("LoHa",)
    assert list(contents.layers.values()) == [3]
    assert contents.frequent_tags == ("ink style", "tree", "inkwash")


def test_keys_that_cannot_be_read_are_named_one_by_one(tmp_path: Path) -> None:
    save_file({"first.thing": torch.ones(1, 1, 1), "second.thing": torch.ones(1, 1, 1)}, tmp_path / "a.safetensors")
    with pytest.raises(AdapterError, match=r"2 of 2 tensors .* are of no known layout: first.thing, second.thing"):
        read_adapter(tmp_path / "a.safetensors", "a")
