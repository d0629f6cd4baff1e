"""Families of base models, told by their sizes and by what files say of themselves: no network is loaded, and no torch."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from sakuga.models.checkpoint_files import Source

Family = Literal["sketchbook", "sd1", "sd2", "sdxl"]
CALLED: dict[Family, str] = {
    "sketchbook": "the Sketchbook", "sd1": "Stable Diffusion 1.x", "sd2": "Stable Diffusion 2.x", "sdxl": "Stable Diffusion XL"
}  # fmt: skip
WORD_CHANNELS: dict[int, Family] = {256: "sketchbook", 768: "sd1", 1024: "sd2", 2048: "sdxl"}
"""Channels of the words that a UNet attends to."""
TOKEN_CHANNELS: dict[int, Family] = {256: "sketchbook", 768: "sd1", 1024: "sd2", 1280: "sdxl"}
"""Channels of a token's embedding, in the text encoder that only this family has."""
SAID: dict[str, Family] = {
    "sketchbook": "sketchbook", "sdxl": "sdxl", "xl": "sdxl", "sd_v2": "sd2", "stable-diffusion-v2": "sd2", "sd2": "sd2",
    "sd_v1": "sd1", "stable-diffusion-v1": "sd1", "sd1": "sd1",
}  # fmt: skip
"""What kohya's, the model spec's and our own metadata call them."""
SAYING = ("modelspec.architecture", "ss_base_model_version", "sakuga.base")


def family_of_source(source: Source) -> Family | None:
    """Tell a checkpoint's family by its UNet; None for sizes of no known one."""
    unet = source.config("unet")
    if unet.get("addition_embed_type") is not None:
        return "sdxl"
    return WORD_CHANNELS.get(unet.get("cross_attention_dim", 0))


def family_said(metadata: Mapping[str, Any]) -> Family | None:
    """Tell a family by a file's metadata."""
    said = [str(metadata[key]).lower() for key in SAYING if key in metadata]
    return next((family for text in said for name, family in SAID.items() if name in text), None)


def family_of(layers: Mapping[str, int], words: Iterable[tuple[str, int]], said: Family | None) -> Family | None:
    """Tell what an adapter was made for: by the channels that its layers read, those of its words by encoder, or else by what is said.

    >>> family_of({"unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k": 768}, (), None)
    'sd1'
    """
    networks = {layer.split(".", 1)[0] for layer in layers} | {network for network, _ in words}
    if "text_encoder_2" in networks or any("transformer_blocks.1." in layer for layer in layers):
        return "sdxl"
    if read := [channels for layer, channels in layers.items() if layer.endswith(("attn2.to_k", "attn2.to_v"))]:
        return WORD_CHANNELS.get(read[0])
    told = [channels for layer, channels in layers.items() if layer.endswith("self_attn.q_proj")]
    told += [channels for _, channels in words]
    return said or (TOKEN_CHANNELS.get(told[0]) if told else None)
