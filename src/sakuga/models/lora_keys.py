"""How LoRA files name what they change: diffusers, old diffusers, peft and kohya, all told as "unet.mid_block.resnets.0.conv1".

Layers are named as diffusers names its modules; text encoders without the "text_model." that only some of their classes have.
"""

import re
from dataclasses import dataclass
from typing import Literal

Part = Literal["down", "up", "mid", "alpha"]

DOWN, UP, MID, ALPHA = ".lora_A.weight", ".lora_B.weight", ".lora_mid.weight", ".alpha"
"""How diffusers ends its keys today; the middle factor and alpha are kohya's."""
ENDINGS: dict[str, Part] = {
    **dict.fromkeys((DOWN, ".lora_A.default.weight", ".lora.down.weight", "_lora.down.weight", ".lora_down.weight"), "down"),
    **dict.fromkeys((UP, ".lora_B.default.weight", ".lora.up.weight", "_lora.up.weight", ".lora_up.weight"), "up"),
    **dict.fromkeys((".lora_linear_layer.down.weight",), "down"),
    **dict.fromkeys((".lora_linear_layer.up.weight",), "up"),
    MID: "mid",
    ALPHA: "alpha",
}
OTHER_KINDS = {
    "hada_": "LoHa", "lokr_": "LoKr", "dora_scale": "DoRA", "lora_magnitude_vector": "DoRA", "oft_": "OFT", "boft_": "BOFT",
    "ia3_": "IA3", ".diff": "full difference", "glora": "GLoRA",
}  # fmt: skip
"""What in a key tells an adapter of another kind, which is no sum of low-rank changes."""
TRANSFORMERS = re.compile(r"(lora_)?(transformer[._]|unet_(double|single|joint)_blocks|diffusion_model\.(double|single|joint)_blocks)")
"""How the keys of adapters for diffusion transformers begin."""

KOHYA = {"lora_unet_": "unet", "lora_te1_": "text_encoder", "lora_te2_": "text_encoder_2", "lora_te_": "text_encoder"}
PEFT = "base_model.model."
TEXT_MODEL = "text_model."
PROCESSORS = {"to_q": "to_q", "to_k": "to_k", "to_v": "to_v", "to_out": "to_out.0"}
WORDS_OF_OLD = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}
WHOLE = (
    "down_blocks|up_blocks|mid_block|transformer_blocks|time_emb_proj|time_embedding|add_embedding|conv_shortcut|conv_norm_out|conv_in"
    "|conv_out|linear_1|linear_2|proj_in|proj_out|to_q|to_k|to_v|to_out|text_model|text_projection|token_embedding|position_embedding"
    "|self_attn|q_proj|k_proj|v_proj|out_proj|layer_norm1|layer_norm2|final_layer_norm"
    "|input_blocks|middle_block|output_blocks|in_layers|out_layers|emb_layers|skip_connection|time_embed|label_emb"
)
"""Module names that have an underscore of their own, which kohya's flat names do not tell from a dot."""
FLAT = re.compile(rf"(?:{WHOLE}|[^_]+)(?:_|$)")
IN_A_BLOCK = 3
"""Input or output blocks of Stable Diffusion that make one block of diffusers: two layers, and a change of size."""
INSIDE = {"in_layers.2": "conv1", "out_layers.3": "conv2", "emb_layers.1": "time_emb_proj", "skip_connection": "conv_shortcut"}
MIDDLE = ("resnets.0", "attentions.0", "resnets.1")
OUTSIDE = {
    "time_embed.0": "time_embedding.linear_1", "time_embed.2": "time_embedding.linear_2", "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2", "input_blocks.0.0": "conv_in", "out.2": "conv_out",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """What a key of a file holds: a part of one layer's change."""

    layer: str
    part: Part


def place(key: str) -> Place | None:
    """Tell what a key of a LoRA file holds; None where it is none that can be read."""
    ending = max((ending for ending in ENDINGS if key.endswith(ending)), key=len, default=None)
    if ending is None:
        return None
    layer = _layer(key.removesuffix(ending))
    return Place(layer, ENDINGS[ending]) if layer else None


def other_kind(key: str) -> str | None:
    """Name the kind of adapter that a key betrays, where it is none of low rank."""
    return next((kind for sign, kind in OTHER_KINDS.items() if sign in key), None)


def kohya_layer(layer: str, two_encoders: bool) -> str:
    """Name a layer as kohya does: "lora_unet_mid_block_resnets_0_conv1"."""
    network, path = written(layer).split(".", 1)
    begins = {"unet": "lora_unet_", "text_encoder": "lora_te1_" if two_encoders else "lora_te_", "text_encoder_2": "lora_te2_"}
    return begins[network] + path.replace(".", "_")


def written(layer: str) -> str:
    """Name a layer as files do: text encoders with their "text_model."."""
    network, path = layer.split(".", 1)
    return f"{network}.{TEXT_MODEL}{path}" if network.startswith("text_encoder") and path != "text_projection" else layer


def _layer(name: str) -> str | None:
    for begin, network in KOHYA.items():
        if name.startswith(begin):
            return _of(network, _original(flat_to_path(name.removeprefix(begin))))
    network, _, path = name.partition(".")
    if network not in ("unet", "text_encoder", "text_encoder_2"):
        path = name.removeprefix(PEFT)
        network = "text_encoder" if path.startswith((TEXT_MODEL, "encoder.layers.")) else "unet"
    return _of(network, _of_processor(path.removeprefix(PEFT), network))


def _of(network: str, path: str) -> str | None:
    known = re.compile(
        r"(down_blocks|up_blocks|mid_block|conv_in|conv_out|time_embedding|add_embedding|class_embedding)\b"
        if network == "unet"
        else r"(encoder\.layers|embeddings|final_layer_norm|text_projection)\b"
    )
    path = path.removeprefix(TEXT_MODEL) if network != "unet" else path
    return f"{network}.{path}" if known.match(path) else None


def flat_to_path(flat: str) -> str:
    """Put the dots back into a name of kohya.

    >>> flat_to_path("mid_block_attentions_0_transformer_blocks_0_attn1_to_out_0")
    'mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0'
    """
    return ".".join(found.removesuffix("_") for found in FLAT.findall(flat))


def _of_processor(path: str, network: str) -> str:
    """Turn "attn1.processor.to_out" of old diffusers into "attn1.to_out.0", and its names in text encoders into theirs."""
    before, _, last = path.rpartition(".")
    if before.endswith(".processor") and last in PROCESSORS:
        return f"{before.removesuffix('.processor')}.{PROCESSORS[last]}"
    if network.startswith("text_encoder") and last in WORDS_OF_OLD:
        return f"{before}.{WORDS_OF_OLD[last]}"
    return path


def _original(path: str) -> str:
    """Turn Stable Diffusion's own names of blocks into those of diffusers; what is no such name stays.

    >>> _original("input_blocks.4.1.proj_in"), _original("output_blocks.2.1.conv")
    ('down_blocks.1.attentions.0.proj_in', 'up_blocks.0.upsamplers.0.conv')
    """
    if path in OUTSIDE:
        return OUTSIDE[path]
    side, *way = path.split(".")
    try:
        match side:
            case "input_blocks":
                block, layer = divmod(int(way[0]) - 1, IN_A_BLOCK)
                return f"down_blocks.{block}.{_inner(way[1], layer, way[2:], 'downsamplers', 'op')}"
            case "middle_block":
                inside = ".".join(way[1:])
                return f"mid_block.{MIDDLE[int(way[0])]}.{INSIDE.get(inside, inside)}"
            case "output_blocks":
                block, layer = divmod(int(way[0]), IN_A_BLOCK)
                return f"up_blocks.{block}.{_inner(way[1], layer, way[2:], 'upsamplers', 'conv')}"
    except (IndexError, ValueError):
        pass
    return path


def _inner(kind: str, layer: int, way: list[str], resampler: str, convolution: str) -> str:
    if way == [convolution]:
        return f"{resampler}.0.conv"
    inside = ".".join(way)
    return f"{('resnets', 'attentions')[int(kind)]}.{layer}.{INSIDE.get(inside, inside)}"
