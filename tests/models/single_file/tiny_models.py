"""Tiny Stable Diffusion 1.x, 2.x and XL from the families' own classes, in both layouts."""

from pathlib import Path
from typing import Any, Literal

import torch
from diffusers import AutoencoderKL, DDIMScheduler, EulerDiscreteScheduler, UNet2DConditionModel
from diffusers.models.modeling_utils import ModelMixin
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from sakuga.models.single_file.keys import EMA, UNET, Place, clip_places, open_clip_places, unet_places, vae_places

Family = Literal["sd1", "sd2", "sdxl"]
WIDTH, WORDS, LAYERS = 64, 49408, 2
BLOCKS = {
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}
XL_BLOCKS = {"down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D")}


def tiny_networks(family: Family, seed: int = 0) -> dict[str, ModelMixin | Any]:
    """Build the networks of a family at a few thousand weights, besides CLIP's vocabulary."""
    torch.manual_seed(seed)
    xl = {
        "addition_embed_type": "text_time", "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": WIDTH + 6 * 8,
    }  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size={"sd1": 64, "sd2": 96, "sdxl": 128}[family],
        block_out_channels=(32, 64),
        layers_per_block=2,
        cross_attention_dim=2 * WIDTH if family == "sdxl" else WIDTH,
        attention_head_dim=8 if family == "sd1" else (1, 1),
        use_linear_projection=family != "sd1",
        transformer_layers_per_block=(1, 2) if family == "sdxl" else (1, 1),
        **(XL_BLOCKS | xl if family == "sdxl" else BLOCKS),
    )
    vae = AutoencoderKL(
        block_out_channels=(32, 64),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=1,
        sample_size=256 if family == "sdxl" else 128,
        scaling_factor=0.13025 if family == "sdxl" else 0.18215,
    )
    networks = {"unet": unet, "vae": vae, "text_encoder": CLIPTextModel(_text("gelu" if family == "sd2" else "quick_gelu"))}
    if family == "sdxl":
        networks["text_encoder_2"] = CLIPTextModelWithProjection(_text("gelu"))
    return {name: network.eval() for name, network in networks.items()}


def _text(activation: str) -> CLIPTextConfig:
    marks = {"bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407 if activation == "quick_gelu" else 0}
    return CLIPTextConfig(
        vocab_size=WORDS, hidden_size=WIDTH, intermediate_size=96, num_hidden_layers=LAYERS, num_attention_heads=1,
        hidden_act=activation, projection_dim=WIDTH, **marks,
    )  # fmt: skip


def tiny_scheduler(family: Family) -> Any:
    schedule = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
    if family == "sdxl":
        return EulerDiscreteScheduler(**schedule)
    prediction = "v_prediction" if family == "sd2" else "epsilon"
    return DDIMScheduler(**schedule, clip_sample=False, set_alpha_to_one=False, prediction_type=prediction)


def single_file_weights(family: Family, networks: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return weights as Stability lays them out; that diffusers reads them the same is a test of its own."""
    unet, vae = networks["unet"].state_dict(), networks["vae"].state_dict()
    weights = {_unet_key(family, name): value for name, value in unet.items()}
    weights |= {_vae_key(name): _window(name, value) for name, value in vae.items()}
    for part, prefix, places in _text_layouts(family):
        values = {name.removeprefix("text_model."): value for name, value in networks[part].state_dict().items()}
        plain = {f"{prefix}text_model.{name}": value for name, value in values.items()}
        weights |= _joined(values, places, prefix) if places is open_clip_places else plain
    if family == "sd2":  # its last layer, which diffusers leaves out
        last = f"cond_stage_model.model.transformer.resblocks.{LAYERS}."
        before = f"cond_stage_model.model.transformer.resblocks.{LAYERS - 1}."
        weights |= {key.replace(before, last): value for key, value in weights.items() if key.startswith(before)}
    return {key: value.clone().contiguous() for key, value in weights.items()}


def _text_layouts(family: Family) -> list[tuple[str, str, Any]]:
    match family:
        case "sd1":
            return [("text_encoder", "cond_stage_model.transformer.", clip_places)]
        case "sd2":
            return [("text_encoder", "cond_stage_model.model.", open_clip_places)]
        case _:
            first = ("text_encoder", "conditioner.embedders.0.transformer.", clip_places)
            return [first, ("text_encoder_2", "conditioner.embedders.1.model.", open_clip_places)]


def _joined(values: dict[str, torch.Tensor], places: Any, prefix: str) -> dict[str, torch.Tensor]:
    """Join queries, keys and values into OpenCLIP's one matrix."""
    parts: dict[str, dict[int | None, torch.Tensor]] = {}
    for name, value in values.items():
        place: Place = next(places(name, prefix))
        parts.setdefault(place.key, {})[place.third] = value.T if place.transposed else value
    return {key: torch.cat([found[third] for third in (0, 1, 2)]) if 0 in found else found[None] for key, found in parts.items()}


def _unet_key(family: Family, name: str) -> str:
    """Return Stability's key: an upsampler stands behind attention where its block has some."""
    keys = [place.key for place in unet_places(name, 2) if place.key.startswith(UNET)]
    return keys[-1 if family == "sdxl" else 0]


def _vae_key(name: str) -> str:
    return next(vae_places(name, 2)).key


def _window(name: str, value: torch.Tensor) -> torch.Tensor:
    """Write attention of the VAE as 1 x 1 convolutions."""
    return value[..., None, None] if ".attentions." in name and value.ndim == 2 else value


def moving_averages(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the same file with the UNet's moving averages alone."""
    flat = {key: EMA + f"diffusion_model.{key.removeprefix(UNET)}".replace(".", "") for key in weights if key.startswith(UNET)}
    return {flat.get(key, key): value for key, value in weights.items()}


def write_single_file(path: Path, weights: dict[str, torch.Tensor], dtype: torch.dtype = torch.float32) -> Path:
    save_file({key: value.to(dtype) for key, value in weights.items()}, path)
    return path
