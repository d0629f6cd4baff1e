"""Configs of networks in single files, read from the shapes of their weights.

What shapes do not tell (heads, activations, schedules) belongs to the family. Keys are those of diffusers and transformers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from sakuga.models.checkpoint_files import SIZES, CheckpointError
from sakuga.models.single_file.header import (
    CLIP,
    OPEN_CLIP,
    XL_CLIP,
    XL_OPEN_CLIP,
    PredictionType,
    SingleFile,
    SingleFileFamily,
)  # fmt: skip
from sakuga.models.single_file.keys import Place, clip_places, open_clip_places, vae_places

Config = dict[str, Any]
HEAD_CHANNELS = 64
SD1_HEADS = 8
SCALING = {"sd1": 0.18215, "sd2": 0.18215, "sdxl": 0.13025}
"""Scales of latents to unit variance (Rombach et al. 2022; Podell et al. 2023)."""
SAMPLE_SIZE = {"sd1": 64, "sd2": 64, "sdxl": 128}
V_SAMPLE_SIZE = 96
"""Latent side of Stable Diffusion 2.x that predicts velocity, which was trained at 768 pixels."""
END, BEGIN = 49407, 49406


def unet_config(file: SingleFile, prediction: PredictionType) -> Config:
    """Read the config of the UNet."""
    layers, levels = _layers_per_block(file), _levels(file)
    starts = [1 + level * (layers + 1) for level in range(levels)]
    channels = [_required(file, f"input_blocks.{start}.0.out_layers.3.weight")[0] for start in starts]
    depths = [_count(partial(_transformer, file, start)) for start in starts]
    attended = next((start for start, depth in zip(starts, depths, strict=True) if depth), None)
    if attended is None:
        raise CheckpointError(f"checkpoint '{file.path}': its UNet does not attend to prompts, so it is of no supported family")
    old, family = file.family == "sd1", file.family
    kinds = [bool(depth) for depth in depths]
    config = {
        "_class_name": "UNet2DConditionModel",
        "sample_size": V_SAMPLE_SIZE if family == "sd2" and prediction == "v_prediction" else SAMPLE_SIZE[family],
        "in_channels": _required(file, "input_blocks.0.0.weight")[1],
        "out_channels": _required(file, "out.2.weight")[0],
        "layers_per_block": layers,
        "block_out_channels": channels,
        "down_block_types": ["CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in kinds],
        "up_block_types": ["CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in reversed(kinds)],
        "transformer_layers_per_block": [max(1, depth) for depth in depths],
        "cross_attention_dim": _required(file, f"input_blocks.{attended}.1.transformer_blocks.0.attn2.to_k.weight")[1],
        "attention_head_dim": SD1_HEADS if old else [max(1, width // HEAD_CHANNELS) for width in channels],
        "use_linear_projection": len(_required(file, f"input_blocks.{attended}.1.proj_in.weight")) == 2,
    }
    return config | (_size_conditioning(file) if family == "sdxl" else {})


def _size_conditioning(file: SingleFile) -> Config:
    """Read the second embedding of Stable Diffusion XL: pooled text and six sizes."""
    entries = _required(file, "label_emb.0.0.weight")[1]
    pooled = text_config(file, "text_encoder_2")["projection_dim"]
    return {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": (entries - pooled) // SIZES,
        "projection_class_embeddings_input_dim": entries,
    }


def _layers_per_block(file: SingleFile) -> int:
    """Return the residual layers before the first downsampler."""
    blocks = _count(lambda block: _input_block(file, block + 1))
    return next((block - 1 for block in range(1, blocks + 1) if file.unet_shape(f"input_blocks.{block}.0.op.weight")), blocks)


def _levels(file: SingleFile) -> int:
    blocks = _count(lambda block: _input_block(file, block + 1))
    return 1 + sum(file.unet_shape(f"input_blocks.{block}.0.op.weight") is not None for block in range(1, blocks + 1))


def _input_block(file: SingleFile, block: int) -> bool:
    return any(file.unet_shape(f"input_blocks.{block}.0.{inside}") for inside in ("in_layers.2.weight", "op.weight"))


def _transformer(file: SingleFile, block: int, depth: int) -> bool:
    return file.unet_shape(f"input_blocks.{block}.1.transformer_blocks.{depth}.norm1.weight") is not None


def vae_config(file: SingleFile, family: SingleFileFamily) -> Config:
    """Read the config of the VAE, in Stability's or diffusers' layout."""
    levels = _count(lambda level: file.find(vae_places(_vae_block(level, 0), levels=0)))
    if not levels:
        raise CheckpointError(f"checkpoint '{file.path}' has no VAE: give one with `sakuga model add CHECKPOINT --vae FILE`")
    places = [vae_places(_vae_block(level, 0), levels) for level in range(levels)]
    channels = [shape[0] for one in places if (place := file.find(one)) and (shape := file.shapes[place.key])]
    layers = _count(lambda layer: file.find(vae_places(_vae_block(0, layer), levels)))
    entry = file.find(vae_places("decoder.conv_in.weight", levels))
    return {
        "_class_name": "AutoencoderKL",
        "block_out_channels": channels,
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "layers_per_block": layers,
        "latent_channels": file.shapes[entry.key][1] if entry else 0,
        "sample_size": SAMPLE_SIZE[family] * 2 ** (levels - 1),
        "scaling_factor": SCALING[family],
        **({"force_upcast": True} if family == "sdxl" else {}),
    }


def _vae_block(level: int, layer: int) -> str:
    return f"encoder.down_blocks.{level}.resnets.{layer}.conv1.weight"


def text_config(file: SingleFile, part: str) -> Config:
    """Read the config of `text_encoder` or `text_encoder_2`."""
    places = text_places(file.family, part)
    shape = _text_shape(file, places)
    words, width = shape("embeddings.token_embedding.weight")
    opened = places.layout is open_clip_places
    layers = _count(lambda layer: file.find(places(f"encoder.layers.{layer}.layer_norm1.weight")))
    projected = part == "text_encoder_2"
    projection = file.find(places("text_projection.weight")) if projected else None
    return {
        "model_type": "clip_text_model",
        "architectures": ["CLIPTextModelWithProjection" if projected else "CLIPTextModel"],
        "vocab_size": words,
        "hidden_size": width,
        "intermediate_size": shape("encoder.layers.0.mlp.fc1.weight")[0],
        # Stable Diffusion 2.x reads the penultimate layer, then the final norm.
        "num_hidden_layers": layers - 1 if file.family == "sd2" else layers,
        "num_attention_heads": max(1, width // HEAD_CHANNELS),
        "max_position_embeddings": shape("embeddings.position_embedding.weight")[0],
        "hidden_act": "gelu" if opened else "quick_gelu",
        "projection_dim": file.shapes[projection.key][1 if projection.transposed else 0] if projection else width,
        "bos_token_id": BEGIN,
        "eos_token_id": END,
        "pad_token_id": 0 if opened else END,
    }


@dataclass(frozen=True, slots=True)
class TextPlaces:
    """Where the weights of a text encoder lie: by a layout, behind a prefix."""

    layout: Callable[[str, str], Iterator[Place]]
    prefix: str

    def __call__(self, name: str) -> list[Place]:
        """Return the places of a weight by its name in transformers."""
        return list(self.layout(name, self.prefix))


def text_places(family: SingleFileFamily, part: str) -> TextPlaces:
    """Return where a text encoder's weights lie."""
    match family, part:
        case "sd1", _:
            return TextPlaces(clip_places, CLIP)
        case "sd2", _:
            return TextPlaces(open_clip_places, OPEN_CLIP)
        case _, "text_encoder":
            return TextPlaces(clip_places, XL_CLIP)
        case _:
            return TextPlaces(open_clip_places, XL_OPEN_CLIP)


def _text_shape(file: SingleFile, places: TextPlaces) -> Callable[[str], tuple[int, ...]]:
    def shape(name: str) -> tuple[int, ...]:
        if not (place := file.find(places(name))):
            raise CheckpointError(f"checkpoint '{file.path}': its text encoder lacks {places(name)[0].key}: download it again")
        return file.shapes[place.key]

    return shape


def scheduler_config(family: SingleFileFamily, prediction: PredictionType, zero_snr: bool) -> Config:
    """Return the noise schedule that all these families were trained with (Rombach et al. 2022)."""
    zero = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"} if zero_snr else {}
    return {
        "_class_name": "EulerDiscreteScheduler" if family == "sdxl" else "DDIMScheduler",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "steps_offset": 1,
        "timestep_spacing": "leading",
        "prediction_type": prediction,
        "clip_sample": False,
        "set_alpha_to_one": False,
        **zero,
    }


def model_index(family: SingleFileFamily) -> Config:
    """Return the `model_index.json` by which diffusers opens the folder."""
    parts = {
        "scheduler": ["diffusers", scheduler_config(family, "epsilon", False)["_class_name"]],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    if family == "sdxl":
        second = {"text_encoder_2": ["transformers", "CLIPTextModelWithProjection"], "tokenizer_2": ["transformers", "CLIPTokenizer"]}
        return {"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": True, **parts, **second}
    none = {"safety_checker": [None, None], "feature_extractor": [None, None], "requires_safety_checker": False}
    return {"_class_name": "StableDiffusionPipeline", **parts, **none}


def _required(file: SingleFile, key: str) -> tuple[int, ...]:
    if (shape := file.unet_shape(key)) is None:
        raise CheckpointError(f"checkpoint '{file.path}': its UNet lacks {key}: download it again")
    return shape


def _count(there: Callable[[int], object]) -> int:
    """Return how many whole numbers from 0 on are there."""
    return next(number for number in count() if not there(number))
