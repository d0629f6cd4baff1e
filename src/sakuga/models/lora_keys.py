"""Keys of adapters' files: diffusers, peft, kohya and LyCORIS.

All are parsed to names such as "unet.mid_block.resnets.0.conv1". Layers have the names of diffusers' modules; those of text encoders lack
the "text_model." that only some classes have.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sakuga.models.motion_layout import diffusers_name

Part = Literal[
    "down", "up", "mid", "alpha", "dora_scale", "magnitude", "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2",
    "lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t1", "lokr_t2", "diff", "ia3", "ia3_l", "on_input",
]  # fmt: skip
"""What a tensor is of its layer's change; the names are those of LyCORIS and peft."""

DOWN, UP, MID, ALPHA = ".lora_A.weight", ".lora_B.weight", ".lora_mid.weight", ".alpha"
"""Key endings of current diffusers; the middle factor and alpha are kohya's."""
LYCORIS: tuple[Part, ...] = (
    "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2", "lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2",
    "lokr_w2_a", "lokr_w2_b", "lokr_t1", "lokr_t2", "dora_scale", "on_input", "ia3_l",
)  # fmt: skip
ENDINGS: dict[str, Part] = {
    **dict.fromkeys((DOWN, ".lora_A.default.weight", ".lora.down.weight", "_lora.down.weight", ".lora_down.weight"), "down"),
    **dict.fromkeys((UP, ".lora_B.default.weight", ".lora.up.weight", "_lora.up.weight", ".lora_up.weight"), "up"),
    **dict.fromkeys((".lora_linear_layer.down.weight",), "down"),
    **dict.fromkeys((".lora_linear_layer.up.weight",), "up"),
    MID: "mid",
    ALPHA: "alpha",
    **{f".{part}{ending}": part for part in LYCORIS for ending in ("", ".default")},
    **{f".lora_magnitude_vector{ending}": "magnitude" for ending in ("", ".weight", ".default", ".default.weight")},
    **dict.fromkeys((".diff", ".diff_b", ".w_norm", ".b_norm"), "diff"),
}
"""What keys end with, and what they hold."""
BIASES = (".diff_b", ".b_norm")
BIAS = ".bias"
"""How the name of a changed bias ends."""
FLAT_WEIGHT = ".weight"
"""The ending of IA3's numbers in LyCORIS, behind a flat name."""
UNSUPPORTED_ENDINGS = {
    r"\.oft_(blocks|diag|R)(\.(default\.)?weight)?": "OFT", r"\.boft_[RS]": "BOFT", r"\.(a1|a2|b1|b2|c)\.weight": "GLoRA",
    r"\.vera_lambda_[bd](\..*)?": "VeRA", r"\.(set_weight|reshape_weight)": "ComfyUI patch",
}  # fmt: skip
"""Endings of keys of other adapters."""
TRANSFORMER_KEYS = re.compile(r"(lora_)?(transformer[._]|unet_(double|single|joint)_blocks|diffusion_model\.(double|single|joint)_blocks)")
"""Beginnings of keys of adapters for diffusion transformers."""

KOHYA = {"lora_unet_": "unet", "lora_te1_": "text_encoder", "lora_te2_": "text_encoder_2", "lora_te_": "text_encoder"}
ORIGINAL_PREFIXES = ("model.diffusion_model.", "diffusion_model.")
"""Beginnings of names of the original UNet with dots, as ComfyUI writes them."""
PEFT = "base_model.model."
TEXT_MODEL = "text_model."
PROCESSOR_NAMES = {"to_q": "to_q", "to_k": "to_k", "to_v": "to_v", "to_out": "to_out.0"}
OLD_TEXT_NAMES = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}
UNDERSCORED = (
    "down_blocks|up_blocks|mid_block|transformer_blocks|motion_modules|temporal_transformer|attention_blocks"
    "|time_emb_proj|time_embedding|add_embedding|conv_shortcut|conv_norm_out|conv_in|conv_out|linear_1|linear_2|proj_in|proj_out|to_q|to_k|to_v|to_out|text_model|text_projection|token_embedding|position_embedding"
    "|self_attn|q_proj|k_proj|v_proj|out_proj|layer_norm1|layer_norm2|final_layer_norm"
    "|input_blocks|middle_block|output_blocks|in_layers|out_layers|emb_layers|skip_connection|time_embed|label_emb"
)
"""Module names with underscores of their own, which kohya's flat names do not distinguish from dots."""
FLAT_NAME = re.compile(rf"(?:{UNDERSCORED}|[^_]+)(?:_|$)")
ORIGINAL_BLOCKS = 3
"""Input or output blocks of the original UNet per block of diffusers: two layers and a resampler."""
LAYER_NAMES = {
    "in_layers.0": "norm1", "in_layers.2": "conv1", "out_layers.0": "norm2", "out_layers.3": "conv2", "emb_layers.1": "time_emb_proj",
    "skip_connection": "conv_shortcut",
}  # fmt: skip
MIDDLE_NAMES = ("resnets.0", "attentions.0", "resnets.1")
TOP_NAMES = {
    "time_embed.0": "time_embedding.linear_1", "time_embed.2": "time_embedding.linear_2", "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2", "input_blocks.0.0": "conv_in", "out.0": "conv_norm_out", "out.2": "conv_out",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeyTarget:
    """The layer of a key, and the part of its change."""

    layer: str
    part: Part


def parse_key(key: str) -> KeyTarget | None:
    """Parse a key of an adapter's file; None for an unknown key."""
    ending = max((ending for ending in ENDINGS if key.endswith(ending)), key=len, default=None)
    if ending is None:
        layer = _layer(key.removesuffix(FLAT_WEIGHT)) if _is_flat_weight(key) else None
        return KeyTarget(layer, "ia3") if layer else None
    layer = _layer(key.removesuffix(ending))
    return KeyTarget(layer + (BIAS if ending in BIASES else ""), ENDINGS[ending]) if layer else None


def _is_flat_weight(key: str) -> bool:
    return key.endswith(FLAT_WEIGHT) and "." not in key.removesuffix(FLAT_WEIGHT)


def is_adapter_key(key: str) -> bool:
    """Return whether a key ends as one of an adapter, of whatever kind and model."""
    return key.endswith(tuple(ENDINGS)) or unsupported_kind(key) is not None


def is_motion_layer(layer: str) -> bool:
    """Return whether a layer belongs to a motion adapter, as those of a MotionLoRA do."""
    return ".motion_modules." in layer


OTHER_KINDS = {
    "model.diffusion_model.": "a checkpoint: use it with --model",
    "cond_stage_model.": "a checkpoint: use it with --model",
    "conditioner.embedders.": "a checkpoint: use it with --model",
    "control_model.": "a ControlNet: use it with --controlnet",
    "controlnet_cond_embedding.": "a ControlNet: use it with --controlnet",
    "input_hint_block.": "a ControlNet: use it with --controlnet",
    "ip_adapter.": "an IP-Adapter: use it with --controlnet",
    "image_proj.": "an IP-Adapter: use it with --controlnet",
    "first_stage_model.": "a VAE: use it with --vae",
    "encoder.down.": "a VAE: use it with --vae",
}
"""Beginnings of keys of files that are given as a style by mistake."""


def unsupported_kind(key: str) -> str | None:
    """Return a key's unsupported kind of adapter by its ending, if any."""
    return next((kind for ending, kind in UNSUPPORTED_ENDINGS.items() if re.search(ending + "$", key)), None)


def other_kind(keys: Iterable[str]) -> str | None:
    """Return what keys belong to if that is no adapter, with its own option; None for anything else."""
    return next((title for key in keys for mark, title in OTHER_KINDS.items() if key.startswith(mark)), None)


def kohya_layer(layer: str, two_encoders: bool) -> str:
    """Return kohya's name of a layer: "lora_unet_mid_block_resnets_0_conv1"."""
    network, path = file_layer_name(layer).split(".", 1)
    prefixes = {"unet": "lora_unet_", "text_encoder": "lora_te1_" if two_encoders else "lora_te_", "text_encoder_2": "lora_te2_"}
    return prefixes[network] + path.replace(".", "_")


def file_layer_name(layer: str) -> str:
    """Return a layer's name in files: text encoders with "text_model."."""
    network, path = layer.split(".", 1)
    return f"{network}.{TEXT_MODEL}{path}" if network.startswith("text_encoder") and path != "text_projection" else layer


def _layer(name: str) -> str | None:
    for prefix, network in KOHYA.items():
        if name.startswith(prefix):
            return _known_layer(network, _diffusers_name(flat_to_path(name.removeprefix(prefix))))
    for original in ORIGINAL_PREFIXES:
        if name.startswith(original):
            return _known_layer("unet", _diffusers_name(name.removeprefix(original)))
    network, _, path = name.partition(".")
    if network not in ("unet", "text_encoder", "text_encoder_2"):
        path = name.removeprefix(PEFT)
        network = "text_encoder" if path.startswith((TEXT_MODEL, "encoder.layers.")) else "unet"
    return _known_layer(network, _current_name(path.removeprefix(PEFT), network))


def _known_layer(network: str, path: str) -> str | None:
    known = re.compile(
        r"(down_blocks|up_blocks|mid_block|conv_in|conv_out|conv_norm_out|time_embedding|add_embedding|class_embedding)\b"
        if network == "unet"
        else r"(encoder\.layers|embeddings|final_layer_norm|text_projection)\b"
    )
    path = path.removeprefix(TEXT_MODEL) if network != "unet" else path
    return f"{network}.{diffusers_name(path)}" if known.match(path) else None


def flat_to_path(flat: str) -> str:
    """Restore the dots of a flat kohya name.

    >>> flat_to_path("mid_block_attentions_0_transformer_blocks_0_attn1_to_out_0")
    'mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0'
    """
    return ".".join(found.removesuffix("_") for found in FLAT_NAME.findall(flat))


def _current_name(path: str, network: str) -> str:
    """Convert layer names of old diffusers.

    "attn1.processor.to_out" becomes "attn1.to_out.0"; those in text encoders differ.
    """
    before, _, last = path.rpartition(".")
    if before.endswith(".processor") and last in PROCESSOR_NAMES:
        return f"{before.removesuffix('.processor')}.{PROCESSOR_NAMES[last]}"
    if network.startswith("text_encoder") and last in OLD_TEXT_NAMES:
        return f"{before}.{OLD_TEXT_NAMES[last]}"
    return path


def _diffusers_name(path: str) -> str:
    """Convert block names of the original UNet.

    Other names stay.

    >>> _diffusers_name("input_blocks.4.1.proj_in"), _diffusers_name("output_blocks.2.1.conv")
    ('down_blocks.1.attentions.0.proj_in', 'up_blocks.0.upsamplers.0.conv')
    """
    if path in TOP_NAMES:
        return TOP_NAMES[path]
    side, *rest = path.split(".")
    try:
        match side:
            case "input_blocks":
                block, layer = divmod(int(rest[0]) - 1, ORIGINAL_BLOCKS)
                return f"down_blocks.{block}.{_block_layer(rest[1], layer, rest[2:], 'downsamplers', 'op')}"
            case "middle_block":
                inside = ".".join(rest[1:])
                return f"mid_block.{MIDDLE_NAMES[int(rest[0])]}.{LAYER_NAMES.get(inside, inside)}"
            case "output_blocks":
                block, layer = divmod(int(rest[0]), ORIGINAL_BLOCKS)
                return f"up_blocks.{block}.{_block_layer(rest[1], layer, rest[2:], 'upsamplers', 'conv')}"
    except (IndexError, ValueError):
        pass
    return path


def _block_layer(kind: str, layer: int, rest: list[str], resampler: str, convolution: str) -> str:
    if rest == [convolution]:
        return f"{resampler}.0.conv"
    inside = ".".join(rest)
    return f"{('resnets', 'attentions')[int(kind)]}.{layer}.{LAYER_NAMES.get(inside, inside)}"
