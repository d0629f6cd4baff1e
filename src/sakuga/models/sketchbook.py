"""The Sketchbook's networks: their sizes as plain values, built from the classes of diffusers and transformers, and opened from folders."""

import json
from pathlib import Path
from typing import Any

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
from sakuga.models.checkpoint_files import SKETCHBOOK, Facts, Source
from sakuga.models.loading import opened
from sakuga.models.text_encoders import Reader

NATIVE_SIZE = 128
WIDTH = 256
"""Channels of text tokens, of the image token, and of the space in which both are compared."""
LATENT_CHANNELS = 8
VOCABULARY = 2048
TOKENS = 77

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
    "cross_attention_dim": WIDTH,
    "norm_num_groups": 16,
}
HINT = (8, 16, 32, 48)
"""Channels of the ControlNet's hint network, one for each size from the picture's down to the latents'."""
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
    "hidden_size": WIDTH,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "projection_dim": WIDTH,
}

FACTS = Facts(
    native_size=NATIVE_SIZE,
    factor=8,
    multiple=32,
    latent_channels=LATENT_CHANNELS,
    token_limit=TOKENS,
    prediction="v_prediction",
    zero_snr=True,
    sees_pictures=True,
)

START, END = "<|startoftext|>", "<|endoftext|>"


def make_vae() -> AutoencoderKL:
    """Build the autoencoder, with random weights."""
    return AutoencoderKL(**VAE)


def make_unet() -> UNet2DConditionModel:
    """Build the UNet, with random weights."""
    return UNet2DConditionModel(**UNET)


def make_controlnet(unet: UNet2DConditionModel) -> ControlNetModel:
    """Build a ControlNet (Zhang et al. 2023) for a UNet: its way down without attention, begun with the UNet's own weights.

    Where things are is told by the control and needs no words. Its residuals begin at zero, so it changes nothing before it is trained; but
    its hint network begins with the size of what it is shown (He et al. 2015), where the library's would let hardly anything through.
    """
    shared = ("in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim", "attention_head_dim", "norm_num_groups")
    levels = len(unet.config["block_out_channels"])
    network = ControlNetModel(
        **{name: unet.config[name] for name in shared},
        down_block_types=("DownBlock2D",) * levels,
        mid_block_type="UNetMidBlock2D",
        conditioning_embedding_out_channels=HINT,
    )
    own = network.state_dict()
    begun = {name: value for name, value in unet.state_dict().items() if name in own and own[name].shape == value.shape}
    network.load_state_dict(own | begun)
    for module in network.controlnet_cond_embedding.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    return network


def make_scheduler() -> DPMSolverMultistepScheduler:
    """Build the sampler that the checkpoint names, with the noise schedule of the training."""
    return DPMSolverMultistepScheduler(**SCHEDULER)


def make_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Build the text encoder; its pooled output is the text's embedding, with no projection behind it."""
    special = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = CLIPTextConfig(**TRANSFORMER, **special, vocab_size=len(tokenizer), max_position_embeddings=TOKENS)
    return CLIPTextModel(config)


def make_image_encoder() -> CLIPVisionModelWithProjection:
    """Build the image encoder: 64 patches of 16 px."""
    return CLIPVisionModelWithProjection(CLIPVisionConfig(**TRANSFORMER, image_size=NATIVE_SIZE, patch_size=16))


def make_image_processor() -> CLIPImageProcessorPil:
    """Build what prepares a picture for the image encoder: the middle square at 128 px, in [-1, 1]."""
    side = {"height": NATIVE_SIZE, "width": NATIVE_SIZE}
    return CLIPImageProcessorPil(size={"shortest_edge": NATIVE_SIZE}, crop_size=side, image_mean=[0.5] * 3, image_std=[0.5] * 3)


def train_tokenizer(texts: list[str], folder: Path) -> CLIPTokenizer:
    """Learn CLIP's kind of byte-pair vocabulary from the texts, write vocab.json and merges.txt into the folder, and open them."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token=END))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    words = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    split = pre_tokenizers.Split(words, behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 256 - 2, initial_alphabet=sorted(alphabet), end_of_word_suffix="</w>", show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _write_tokenizer(tokenizer, sorted(alphabet), folder)


def _write_tokenizer(tokenizer: Tokenizer, alphabet: list[str], folder: Path) -> CLIPTokenizer:
    """Complete the vocabulary as CLIP's is: every byte inside and at the end of a word, then the merges, then the two special tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
    pieces = [*alphabet, *(byte + "</w>" for byte in alphabet), *("".join(pair) for pair in merges), START, END]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *(" ".join(pair) for pair in merges)]) + "\n")
    opened = CLIPTokenizer(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"), model_max_length=TOKENS)
    opened.save_pretrained(str(folder))
    return CLIPTokenizer.from_pretrained(str(folder))


def open_vae(weights: Path) -> AutoencoderKL:
    """Open the autoencoder of a folder of weights, in single precision, as all that follow."""
    return _trainable(AutoencoderKL, weights / "vae")


def open_unet(weights: Path) -> UNet2DConditionModel:
    """Open the UNet."""
    return _trainable(UNet2DConditionModel, weights / "unet")


def open_controlnet(weights: Path) -> ControlNetModel:
    """Open the depth ControlNet."""
    return _trainable(ControlNetModel, weights / "controlnet")


def open_text_encoder(weights: Path) -> CLIPTextModel:
    """Open the text encoder."""
    return _trainable(CLIPTextModel, weights / "text_encoder")


def open_image_encoder(weights: Path) -> CLIPVisionModelWithProjection:
    """Open the image encoder."""
    return _trainable(CLIPVisionModelWithProjection, weights / "image_encoder")


def open_tokenizer(folder: Path) -> CLIPTokenizer:
    """Open a tokenizer's own folder."""
    return CLIPTokenizer.from_pretrained(folder)


def _trainable(kind: Any, folder: Path) -> Any:
    return opened(kind, folder, torch.float32).requires_grad_(True)


def open_around(unet: UNet2DConditionModel, weights: Path, device: torch.device) -> Checkpoint:
    """Open the finished networks around a UNet that may still be in training: a checkpoint that draws as the shipped one will."""
    encoder = open_text_encoder(weights).to(device).requires_grad_(False)
    return Checkpoint(
        source=Source(SKETCHBOOK, weights),
        facts=FACTS,
        readers=(Reader(network="text_encoder", tokenizer=open_tokenizer(weights / "tokenizer"), encoder=encoder),),
        vae=open_vae(weights).to(device).requires_grad_(False),
        unet=unet,
        schedule=dict(make_scheduler().config),
    )
