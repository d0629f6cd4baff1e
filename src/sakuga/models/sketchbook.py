"""The Sketchbook's networks: their sizes, construction and loading."""

import json
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, ControlNetModel, DPMSolverMultistepScheduler, UNet2DConditionModel
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    CLIPImageProcessorPil,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from sakuga.models.checkpoint import Checkpoint
from sakuga.models.checkpoint_files import EDITION, EDITION_KEY, SKETCHBOOK, CheckpointFiles, CheckpointInfo
from sakuga.models.loading import load_network
from sakuga.models.text_encoders import TextEncoder

NATIVE_SIZE = 128
EMBEDDING_CHANNELS = 256
"""Channels of text tokens, of the image token, and of their shared space."""
LATENT_CHANNELS = 8
VOCABULARY_SIZE = 2048
TOKEN_LIMIT = 77

VAE: dict[str, Any] = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (16, 32, 64, 96),
    "layers_per_block": 1,
    "latent_channels": LATENT_CHANNELS,
    "norm_num_groups": 4,
    "mid_block_add_attention": False,
    "sample_size": NATIVE_SIZE,
}
UNET: dict[str, Any] = {
    "sample_size": NATIVE_SIZE // 8,
    "in_channels": LATENT_CHANNELS,
    "out_channels": LATENT_CHANNELS,
    "block_out_channels": (128, 128, 128),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": (2, 2, 2),  # The number of heads, in spite of its name: each is 64 wide.
    "cross_attention_dim": EMBEDDING_CHANNELS,
    "norm_num_groups": 16,
}
HINT_CHANNELS = (8, 16, 32, 48)
"""Channels of the ControlNet's hint network, from image size down to latent size."""
SCHEDULER: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "steps_offset": 1,
}
TRANSFORMER: dict[str, Any] = {
    "hidden_size": EMBEDDING_CHANNELS,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "projection_dim": EMBEDDING_CHANNELS,
}

INFO = CheckpointInfo(
    native_size=NATIVE_SIZE,
    vae_scale_factor=8,
    size_multiple=32,
    latent_channels=LATENT_CHANNELS,
    cross_attention_dim=EMBEDDING_CHANNELS,
    token_limit=TOKEN_LIMIT,
    prediction_type="v_prediction",
    zero_terminal_snr=True,
    has_image_encoder=True,
)

PIPELINE_INDEX: dict[str, Any] = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": diffusers.__version__,
    EDITION_KEY: EDITION,
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DPMSolverMultistepScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
"""Its `model_index.json`: the components of the text-to-image pipeline; image encoder and others lie beside."""

START, END = "<|startoftext|>", "<|endoftext|>"


def make_vae() -> AutoencoderKL:
    """Build the autoencoder with random weights."""
    return AutoencoderKL(**VAE)


def make_unet() -> UNet2DConditionModel:
    """Build the UNet with random weights."""
    return UNet2DConditionModel(**UNET)


def make_controlnet(unet: UNet2DConditionModel) -> ControlNetModel:
    """Build a ControlNet initialized with a UNet's weights.

    It is the UNet's encoder without attention (Zhang et al. 2023). A layout needs no prompt, so there is no attention. Its residuals start
    at zero, so it changes nothing before training; its hint network preserves the variance of its input (He et al. 2015), as the signal
    would vanish with the library's initialization.
    """
    shared = ("in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim", "attention_head_dim", "norm_num_groups")
    levels = len(unet.config["block_out_channels"])
    network = ControlNetModel(
        **{name: unet.config[name] for name in shared},
        down_block_types=("DownBlock2D",) * levels,
        mid_block_type="UNetMidBlock2D",
        conditioning_embedding_out_channels=HINT_CHANNELS,
    )
    own = network.state_dict()
    shared_weights = {name: value for name, value in unet.state_dict().items() if name in own and own[name].shape == value.shape}
    network.load_state_dict(own | shared_weights)
    for module in network.controlnet_cond_embedding.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    return network


def make_scheduler() -> DPMSolverMultistepScheduler:
    """Build the scheduler with the training's noise schedule."""
    return DPMSolverMultistepScheduler(**SCHEDULER)


def make_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Build the text encoder.

    Its pooled output is the text embedding, without a projection.
    """
    special = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = CLIPTextConfig(**TRANSFORMER, **special, vocab_size=len(tokenizer), max_position_embeddings=TOKEN_LIMIT)
    return CLIPTextModel(config)


def make_image_encoder() -> CLIPVisionModelWithProjection:
    """Build the image encoder: 64 patches of 16 px."""
    return CLIPVisionModelWithProjection(CLIPVisionConfig(**TRANSFORMER, image_size=NATIVE_SIZE, patch_size=16))


def make_image_processor() -> CLIPImageProcessorPil:
    """Build the image processor: centre square, 128 px, in [-1, 1]."""
    side = {"height": NATIVE_SIZE, "width": NATIVE_SIZE}
    return CLIPImageProcessorPil(size={"shortest_edge": NATIVE_SIZE}, crop_size=side, image_mean=[0.5] * 3, image_std=[0.5] * 3)


def train_tokenizer(texts: list[str], folder: Path) -> CLIPTokenizer:
    """Train a byte-pair tokenizer like CLIP's, and write it."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token=END))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    words = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    split = pre_tokenizers.Split(words, behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE - 256 - 2, initial_alphabet=sorted(alphabet), end_of_word_suffix="</w>", show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _write_tokenizer(tokenizer, sorted(alphabet), folder)


def _write_tokenizer(tokenizer: Tokenizer, alphabet: list[str], folder: Path) -> CLIPTokenizer:
    """Write the vocabulary in CLIP's order.

    The order is bytes, bytes at the end of a word, merges, two special tokens.
    """
    folder.mkdir(parents=True, exist_ok=True)
    merges = [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
    pieces = [*alphabet, *(byte + "</w>" for byte in alphabet), *("".join(pair) for pair in merges), START, END]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *(" ".join(pair) for pair in merges)]) + "\n")
    loaded = CLIPTokenizer(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"), model_max_length=TOKEN_LIMIT)
    loaded.save_pretrained(str(folder))
    return CLIPTokenizer.from_pretrained(str(folder))


def load_vae(weights: Path) -> AutoencoderKL:
    """Load the autoencoder of a weights folder for training, in float32."""
    return _trainable(AutoencoderKL, weights / "vae")


def load_unet(weights: Path) -> UNet2DConditionModel:
    """Load the UNet for training, in float32."""
    return _trainable(UNet2DConditionModel, weights / "unet")


def load_controlnet(weights: Path) -> ControlNetModel:
    """Load the depth ControlNet for training, in float32."""
    return _trainable(ControlNetModel, weights / "controlnet")


def load_text_encoder(weights: Path) -> CLIPTextModel:
    """Load the text encoder for training, in float32."""
    return _trainable(CLIPTextModel, weights / "text_encoder")


def load_image_encoder(weights: Path) -> CLIPVisionModelWithProjection:
    """Load the image encoder for training, in float32."""
    return _trainable(CLIPVisionModelWithProjection, weights / "image_encoder")


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    """Load the tokenizer of a folder."""
    return CLIPTokenizer.from_pretrained(folder)


def _trainable(kind: Any, folder: Path) -> Any:
    return load_network(kind, folder, torch.float32).requires_grad_(True)


def assemble_checkpoint(unet: UNet2DConditionModel, weights: Path, device: torch.device) -> Checkpoint:
    """Build a checkpoint around a UNet.

    The UNet may still be in training; all other networks come from a weights folder.
    """
    encoder = load_text_encoder(weights).to(device).requires_grad_(False)
    return Checkpoint(
        files=CheckpointFiles(SKETCHBOOK, weights),
        info=INFO,
        text_encoders=(TextEncoder(name="text_encoder", tokenizer=load_tokenizer(weights / "tokenizer"), network=encoder),),
        vae=load_vae(weights).to(device).requires_grad_(False),
        unet=unet,
        scheduler_config=dict(make_scheduler().config),
    )
