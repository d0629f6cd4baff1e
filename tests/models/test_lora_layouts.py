"""Every layout of LoRA files has the effect it has in diffusers and peft."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders import StableDiffusionLoraLoaderMixin, StableDiffusionXLLoraLoaderMixin
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from sakuga.models.adapters import Adapter, AdapterError, LoraLayer, read_adapter, write_adapter
from sakuga.models.applied_adapters import AppliedAdapter, check_compatible, patched_weights
from sakuga.models.lora_keys import kohya_layer, parse_key

COMMON: dict[str, Any] = {"sample_size": 8, "block_out_channels": (8, 8, 8), "norm_num_groups": 4, "layers_per_block": 2}
FULL: dict[str, Any] = {"block_out_channels": (320, 640, 1280, 1280)}
XL: dict[str, Any] = {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 2),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 4,
    "projection_class_embeddings_input_dim": 32,
}
WORDS = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 50} | dict.fromkeys(
    ("bos_token_id", "eos_token_id", "pad_token_id"), 49
)


def tiny_unet(xl: bool) -> Any:
    torch.manual_seed(0)
    shape = XL if xl else {"down_block_types": ("CrossAttnDownBlock2D",) * 3, "up_block_types": ("CrossAttnUpBlock2D",) * 3}
    return UNet2DConditionModel(**COMMON, **shape, cross_attention_dim=16 if xl else 8, attention_head_dim=2).eval()


def tiny_networks(xl: bool) -> dict[str, Any]:
    """A UNet and text encoders with the names of Stable Diffusion 1.5, or of XL, and few weights."""
    unet = tiny_unet(xl)
    encoders = {"text_encoder": CLIPTextModel(CLIPTextConfig(**WORDS)).eval()}
    if xl:
        encoders["text_encoder_2"] = CLIPTextModelWithProjection(CLIPTextConfig(**WORDS, projection_dim=8)).eval()
    return {"unet": unet, **encoders}


def layers_of(network: Any, ending: str) -> list[str]:
    return [name for name, module in network.named_modules() if re.search(ending, name) and getattr(module, "weight", None) is not None]


def random_adapter(networks: dict[str, Any], alpha: float | None = None) -> Adapter:
    """Change every attention and convolution, at another rank in every layer, and another scale unless an alpha is given."""
    generator = torch.Generator().manual_seed(3)
    layers = {}
    for network, module in networks.items():
        expected = r"(to_[qkv]|to_out\.0|proj_in|proj_out|ff\.net\..*|conv1|conv|time_emb_proj|conv_shortcut|_proj|fc1)$"
        for index, name in enumerate(layers_of(module, expected)):
            weight, rank = module.get_submodule(name).weight, 1 + index % 3
            down = torch.randn(rank, *weight.shape[1:], generator=generator) / 4
            up = torch.randn(weight.shape[0], rank, *[1] * (weight.ndim - 2), generator=generator) / 4
            layer = f"{network}.{name}".replace("text_model.", "")
            layers[layer] = LoraLayer(down=down, up=up, scale=alpha / rank if alpha else (index % 4 + 1) / 2)
    return Adapter(name="random", layers=layers)


@torch.inference_mode()
def outputs(networks: dict[str, Any]) -> list[torch.Tensor]:
    """What each network answers."""
    generator = torch.Generator().manual_seed(5)
    noisy, ids = torch.randn(1, 4, 8, 8, generator=generator), torch.randint(0, 49, (1, 7), generator=generator)
    words = [networks[name](ids).last_hidden_state for name in networks if name != "unet"]
    more = {"text_embeds": torch.ones(1, 8), "time_ids": torch.ones(1, 6)} if len(words) == 2 else None
    return [networks["unet"](noisy, 7, torch.cat(words, dim=-1), added_cond_kwargs=more).sample, *words]


def told_by_diffusers(file: Path, xl: bool) -> list[torch.Tensor]:
    networks = tiny_networks(xl)
    loader: Any = StableDiffusionXLLoraLoaderMixin if xl else StableDiffusionLoraLoaderMixin
    state, alphas, *rest = loader.lora_state_dict(str(file), unet_config=networks["unet"].config, return_lora_metadata=True)
    loader.load_lora_into_unet(state, alphas, networks["unet"], adapter_name="ours", metadata=rest[0])
    for prefix in [name for name in networks if name != "unet"]:
        loader.load_lora_into_text_encoder(state, alphas, networks[prefix], prefix=prefix, adapter_name="ours", metadata=rest[0])
    return outputs(networks)


def told_worn(file: Path, xl: bool) -> list[torch.Tensor]:
    networks, adapter = tiny_networks(xl), read_adapter(file, "read")
    check_compatible(adapter, networks, "tiny", None)
    plain = outputs(networks)
    with patched_weights(networks, [AppliedAdapter(adapter=adapter)]):
        applied = outputs(networks)
    assert all(torch.equal(*pair) for pair in zip(plain, outputs(networks), strict=True))
    assert all((one - other).abs().max() > 1e-3 for one, other in zip(plain, applied, strict=True))
    return applied


def same(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def original(path: str) -> str:
    """Name a layer of a UNet as Stability's own code does."""
    inside = {"conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "conv_shortcut": "skip_connection"}
    if found := re.fullmatch(r"(down|up)_blocks\.(\d)\.(resnets|attentions)\.(\d)\.(.+)", path):
        side, block, kind, layer, rest = found.groups()
        number = 3 * int(block) + int(layer) + (side == "down")
        return f"{'input' if side == 'down' else 'output'}_blocks.{number}.{int(kind == 'attentions')}.{inside.get(rest, rest)}"
    if found := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.+)", path):
        kind, layer, rest = found.groups()
        return f"middle_block.{1 if kind == 'attentions' else 2 * int(layer)}.{inside.get(rest, rest)}"
    if found := re.fullmatch(r"down_blocks\.(\d)\.downsamplers\.0\.conv", path):
        return f"input_blocks.{3 * int(found[1]) + 3}.0.op"
    found = re.fullmatch(r"up_blocks\.(\d)\.upsamplers\.0\.conv", path)
    assert found, path
    return f"output_blocks.{3 * int(found[1]) + 2}.{1 if found[1] == '2' else 2}.conv"


@pytest.mark.parametrize("xl", [False, True], ids=["sd15", "sdxl"])
@pytest.mark.parametrize("layout", ["diffusers", "kohya"])
def test_a_written_lora_equals_diffusers(tmp_path: Path, xl: bool, layout: Any) -> None:
    file = tmp_path / "lora.safetensors"
    alpha = 1.5 if layout == "kohya" else None  # diffusers passes over alphas that differ from layer to layer
    write_adapter(random_adapter(tiny_networks(xl), alpha), file, layout, torch.float32)
    same(told_worn(file, xl), told_by_diffusers(file, xl))


def test_original_block_names_equal_diffusers(tmp_path: Path) -> None:
    tensors = {}
    for layer, factors in random_adapter(tiny_networks(True), 1.5).layers.items():
        name = kohya_layer(layer, True)
        if layer.startswith("unet."):
            name = "lora_unet_" + original(layer.removeprefix("unet.")).replace(".", "_")
        tensors |= {f"{name}.lora_down.weight": factors.down, f"{name}.lora_up.weight": factors.up}
        tensors[f"{name}.alpha"] = torch.tensor(factors.scale * factors.rank)
    save_file(tensors, tmp_path / "lora.safetensors")
    same(told_worn(tmp_path / "lora.safetensors", True), told_by_diffusers(tmp_path / "lora.safetensors", True))


@pytest.mark.parametrize("root", [False, True], ids=["alpha/rank", "alpha/sqrt(rank)"])
def test_a_peft_adapter_equals_peft(tmp_path: Path, root: bool) -> None:
    config = LoraConfig(
        r=2, lora_alpha=6, target_modules=["to_q", "to_out.0", "conv1"], init_lora_weights=False, use_rslora=root,
        rank_pattern={"mid_block.attentions.0.transformer_blocks.0.attn1.to_q": 3}, alpha_pattern={"to_out.0": 1},
    )  # fmt: skip
    peft = get_peft_model(tiny_unet(False), config)
    peft.save_pretrained(tmp_path)
    networks = {"unet": tiny_unet(False)}
    noisy, words = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1)), torch.ones(1, 7, 8)
    with (
        torch.inference_mode(),
        patched_weights(networks, [AppliedAdapter(adapter=read_adapter(tmp_path / "adapter_model.safetensors", "peft"))]),
    ):
        applied = networks["unet"](noisy, 7, words).sample
    with torch.inference_mode():
        same([applied], [peft(noisy, 7, words).sample])
        assert (applied - networks["unet"](noisy, 7, words).sample).abs().max() > 1e-3


def test_old_attention_processors_and_locons_are_read(tmp_path: Path) -> None:
    down, up = torch.randn(2, 8), torch.randn(8, 2)
    begin = "mid_block.attentions.0.transformer_blocks.0.attn1"
    save_file(
        {f"{begin}.processor.to_out_lora.{way}.weight": value for way, value in (("down", down), ("up", up))}, tmp_path / "old.safetensors"
    )
    old = read_adapter(tmp_path / "old.safetensors", "old")
    assert old.layers.keys() == {f"unet.{begin}.to_out.0"}
    assert torch.equal(old.layers[f"unet.{begin}.to_out.0"].down, down)
    three = {"lora_down": torch.randn(2, 8, 1, 1), "lora_mid": torch.randn(2, 2, 3, 3), "lora_up": torch.randn(8, 2, 1, 1)}
    save_file({f"lora_unet_mid_block_resnets_0_conv1.{key}.weight": value for key, value in three.items()}, tmp_path / "locon.safetensors")
    read = read_adapter(tmp_path / "locon.safetensors", "locon")
    networks = {"unet": tiny_unet(False)}
    before = networks["unet"].mid_block.resnets[0].conv1.weight.clone()
    with patched_weights(networks, [AppliedAdapter(adapter=read)]):
        change = networks["unet"].mid_block.resnets[0].conv1.weight - before
    functional = torch.nn.functional
    image = torch.randn(1, 8, 5, 5)
    one_by_one = functional.conv2d(functional.conv2d(functional.conv2d(image, three["lora_down"]), three["lora_mid"]), three["lora_up"])
    torch.testing.assert_close(functional.conv2d(image, change), one_by_one, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("words", [768, 1024, 2048])
def test_every_layer_name_converts_to_kohya_and_back(words: int) -> None:
    with torch.device("meta"):
        xl = {
            **XL,
            "block_out_channels": (320, 640, 1280),
            "transformer_layers_per_block": (1, 2, 10),
            "projection_class_embeddings_input_dim": 2816,
        }
        unet = UNet2DConditionModel(cross_attention_dim=words, **(xl if words == 2048 else FULL))
    names = [f"unet.{name}" for name in layers_of(unet, "") if "norm" not in name]
    assert len(names) > 200
    for name in names:
        found = parse_key(f"{kohya_layer(name, False)}.lora_down.weight")
        assert found is not None
        assert (found.layer, found.part) == (name, "down")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "lora_unet_mid_block_resnets_0_conv1.oft_blocks",
            "holds OFT, which is not supported: .*; not read: lora_unet_.*_conv1.oft_blocks",
        ),
        ("lora_unet_mid_block_resnets_0_conv1.b2.weight", "holds GLoRA, which is not supported"),
        ("lora_unet_mid_block_resnets_0_conv1.hada_w1_a", "lacks some of its weights, of unet.mid_block.resnets.0.conv1"),
        ("lora_unet_mid_block_resnets_0_conv1.dora_scale", "lacks some of its weights"),
        ("lora_unet_double_blocks_0_img_attn_proj.lora_down.weight", "for a diffusion transformer"),
        ("transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight", "for a diffusion transformer"),
        ("something.else", "1 of 1 tensors in .* are of no known layout: something.else"),
    ],
)
def test_unsupported_adapters_are_refused_by_kind(tmp_path: Path, key: str, message: str) -> None:
    save_file({key: torch.ones(2, 2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(AdapterError, match=message):
        read_adapter(tmp_path / "other.safetensors", "other")


@pytest.mark.parametrize(("width", "family"), [(256, "sketchbook"), (768, "sd1"), (1024, "sd2"), (2048, "sdxl")])
def test_the_family_is_recognized_by_shapes(tmp_path: Path, width: int, family: str) -> None:
    layer = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
    made = Adapter(name="made", layers={layer: LoraLayer(down=torch.ones(1, width), up=torch.ones(4, 1))})
    write_adapter(made, tmp_path / "lora.safetensors")
    assert read_adapter(tmp_path / "lora.safetensors", "read").family == family
    other: Any = "sd1" if family != "sd1" else "sd2"
    with pytest.raises(AdapterError, match=r"was trained for .*, but 'model' is Stable Diffusion .\.x: use it with"):
        check_compatible(made, {}, "model", other)


def test_the_family_is_read_from_kohyas_metadata_if_shapes_are_ambiguous(tmp_path: Path) -> None:
    name = "lora_unet_mid_block_resnets_0_conv1"
    tensors = {f"{name}.lora_down.weight": torch.ones(1, 8, 3, 3), f"{name}.lora_up.weight": torch.ones(8, 1, 1, 1)}
    save_file(tensors, tmp_path / "lora.safetensors", {"ss_base_model_version": "sd_v2_v"})
    assert read_adapter(tmp_path / "lora.safetensors", "read").family == "sd2"


def test_converting_a_lora_keeps_every_bit(tmp_path: Path) -> None:
    write_adapter(random_adapter(tiny_networks(False)), tmp_path / "a.safetensors", "kohya", torch.float32)
    write_adapter(read_adapter(tmp_path / "a.safetensors", "a"), tmp_path / "b.safetensors", "kohya", torch.float32)
    one, other = load_file(tmp_path / "a.safetensors"), load_file(tmp_path / "b.safetensors")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
