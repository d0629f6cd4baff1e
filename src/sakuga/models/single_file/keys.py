"""Names of weights in Stability's single-file layout.

Each function maps a weight's name in diffusers or transformers to its places in a single file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

UNET, EMA, VAE = "model.diffusion_model.", "model_ema.", "first_stage_model."
UNET_TOP = {
    "conv_in": "input_blocks.0.0", "conv_out": "out.2", "conv_norm_out": "out.0", "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2", "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
    "mid_block.resnets.0": "middle_block.0", "mid_block.attentions.0": "middle_block.1", "mid_block.resnets.1": "middle_block.2",
}  # fmt: skip
RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0", "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}  # fmt: skip
UNET_BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)")
UPSAMPLER_PLACES = "12"
"""Its place in an output block: behind the residual layer, or behind attention too."""
VAE_BLOCK = re.compile(r"(encoder|decoder)\.(?:down|up)_blocks\.(\d+)\.(resnets|downsamplers|upsamplers)\.(\d+)\.(.+)")
VAE_MIDDLE = re.compile(r"(encoder|decoder)\.mid_block\.(resnets|attentions)\.(\d+)\.(.+)")
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OPEN_CLIP = {
    "embeddings.token_embedding.weight": "token_embedding.weight", "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm": "ln_final", "layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}  # fmt: skip
THIRDS = {"q_proj": 0, "k_proj": 1, "v_proj": 2}
"""The order of queries, keys and values in OpenCLIP's one matrix."""
TEXT_LAYER = re.compile(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a weight lies in a file: under a key, as a third of it, or transposed."""

    key: str
    third: int | None = None
    transposed: bool = False


def unet_places(name: str, layers: int) -> Iterator[Place]:
    """Yield the places of a UNet's weight: its own, then its moving average.

    `layers` are the residual layers of a block.
    """
    path, ending = name.rsplit(".", 1)
    for second in UPSAMPLER_PLACES if ".upsamplers." in path else "-":
        original = f"{_unet_path(path, layers)}.{ending}".replace("*", second)
        yield Place(UNET + original)
        yield Place(EMA + f"diffusion_model.{original}".replace(".", ""))


def _unet_path(path: str, layers: int) -> str:
    found = UNET_BLOCK.fullmatch(path)
    if not found:
        top = next(start for start in UNET_TOP if path == start or path.startswith(f"{start}."))
        rest = path.removeprefix(top).lstrip(".")
        return ".".join(filter(None, [UNET_TOP[top], RESNET.get(rest, rest)]))
    side, block, kind, place, rest = found[1], int(found[2]), found[3], int(found[4]), found[5]
    first, name = (1, "input_blocks") if side == "down" else (0, "output_blocks")
    match kind:
        case "resnets":
            return f"{name}.{first + block * (layers + 1) + place}.0.{RESNET[rest]}"
        case "attentions":
            return f"{name}.{first + block * (layers + 1) + place}.1.{rest}"
        case "downsamplers":
            return f"{name}.{first + block * (layers + 1) + layers}.0.op"
        case _:
            return f"{name}.{first + block * (layers + 1) + layers}.*.conv"


def vae_places(name: str, levels: int) -> Iterator[Place]:
    """Yield the places of a VAE's weight, with and without prefix; last in diffusers' layout."""
    path, ending = name.rsplit(".", 1)
    original = f"{_vae_path(path, levels)}.{ending}"
    yield from (Place(VAE + original), Place(original), Place(name))


def _vae_path(path: str, levels: int) -> str:
    if found := VAE_BLOCK.fullmatch(path):
        part, block, kind, place, rest = found[1], int(found[2]), found[3], found[4], found[5]
        side = f"down.{block}" if part == "encoder" else f"up.{levels - 1 - block}"
        if kind != "resnets":
            return f"{part}.{side}.{kind.removesuffix('rs')}.conv"
        return f"{part}.{side}.block.{place}.{rest.replace('conv_shortcut', 'nin_shortcut')}"
    if found := VAE_MIDDLE.fullmatch(path):
        part, kind, place, rest = found[1], found[2], int(found[3]), found[4]
        inside = f"block_{place + 1}.{rest}" if kind == "resnets" else f"attn_1.{VAE_ATTENTION[rest]}"
        return f"{part}.mid.{inside.replace('conv_shortcut', 'nin_shortcut')}"
    return path.replace("conv_norm_out", "norm_out")


def clip_places(name: str, prefix: str) -> Iterator[Place]:
    """Yield the places of a text encoder's weight in the layout of transformers."""
    yield from (Place(f"{prefix}text_model.{name}"), Place(prefix + name))


def open_clip_places(name: str, prefix: str) -> Iterator[Place]:
    """Yield the places of a text encoder's weight in OpenCLIP's layout."""
    if name == "text_projection.weight":
        yield Place(f"{prefix}text_projection", transposed=True)
        yield Place(f"{prefix}text_projection.weight")
    elif not (found := TEXT_LAYER.fullmatch(name)):
        path, ending = name.rsplit(".", 1)
        yield Place(prefix + (OPEN_CLIP.get(name) or f"{OPEN_CLIP[path]}.{ending}"))
    elif (last := found[2].rsplit(".", 1)[-1]) in THIRDS:
        yield Place(f"{prefix}transformer.resblocks.{found[1]}.attn.in_proj_{found[3]}", third=THIRDS[last])
    else:
        yield Place(f"{prefix}transformer.resblocks.{found[1]}.{OPEN_CLIP[found[2]]}.{found[3]}")
