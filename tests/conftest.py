"""Tiny Stable Diffusion checkpoints: real architectures with random weights."""

import json
import os
import shutil
import string
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("SAKUGA_ENGINE", "torch")  # a conversion for OpenVINO takes longer than a tiny network's images
os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # a token of this machine would be asked for by clusters that tests start


def write_tiny_checkpoint(folder: Path, *, prediction: str = "epsilon", seed: int = 0, image_encoder: bool = False) -> Path:
    """Write a Stable Diffusion of a few thousand weights: 8 latent channels, factor 4, native size 32.

    With `prediction="v_prediction"` its schedule has zero terminal SNR and trailing steps, as the Sketchbook's.
    """
    import torch
    from diffusers import DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(seed)
    _vae().save_pretrained(folder / "vae")
    UNet2DConditionModel(
        sample_size=8,
        in_channels=8,
        out_channels=8,
        block_out_channels=(16, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=32,
        attention_head_dim=2,
    ).save_pretrained(folder / "unet")
    words = _words()
    CLIPTextModel(
        CLIPTextConfig(
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=2,
            vocab_size=len(words),
            bos_token_id=words["<|startoftext|>"],
            eos_token_id=words["<|endoftext|>"],
            pad_token_id=words["<|endoftext|>"],
        )
    ).save_pretrained(folder / "text_encoder")
    zero_snr = {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"} if prediction == "v_prediction" else {}
    DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=prediction,
        **zero_snr,
    ).save_pretrained(folder / "scheduler")
    _write_tokenizer(folder / "tokenizer")
    if image_encoder:
        _write_image_encoder(folder)
    return folder


def write_tiny_xl(folder: Path, *, seed: int = 3, zeros: bool = True) -> Path:
    """Write a Stable Diffusion XL of a few thousand weights, with two text encoders of 16 and 24 channels."""
    import torch
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    torch.manual_seed(seed)
    words = _words()
    marks = {"bos_token_id": words["<|startoftext|>"], "eos_token_id": words["<|endoftext|>"], "vocab_size": len(words)}
    small = {"num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32, **marks}
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=8,
        out_channels=8,
        block_out_channels=(16, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=40,
        attention_head_dim=2,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=20 + 6 * 8,
    )
    pad = words["<|endoftext|>"]
    StableDiffusionXLPipeline(
        vae=_vae(),
        unet=unet,
        text_encoder=CLIPTextModel(CLIPTextConfig(hidden_size=16, pad_token_id=pad, hidden_act="quick_gelu", **small)),
        text_encoder_2=CLIPTextModelWithProjection(CLIPTextConfig(hidden_size=24, projection_dim=20, pad_token_id=words["!"], **small)),
        tokenizer=CLIPTokenizer(vocab=words, merges=[], model_max_length=77),
        tokenizer_2=CLIPTokenizer(vocab=words, merges=[], model_max_length=77, pad_token="!"),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"
        ),
        force_zeros_for_empty_prompt=zeros,
        add_watermarker=False,
    ).save_pretrained(folder)
    return folder


def _vae() -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=8,
        layers_per_block=1,
        norm_num_groups=4,
        sample_size=32,
    )


def _words() -> dict[str, int]:
    letters = string.ascii_lowercase + string.digits + string.punctuation
    names = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return {name: index for index, name in enumerate(names)}


def _write_tokenizer(folder: Path) -> None:
    from transformers import CLIPTokenizer

    CLIPTokenizer(vocab=_words(), merges=[], model_max_length=77).save_pretrained(folder)


def _write_image_encoder(folder: Path) -> None:
    from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModelWithProjection

    CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
            projection_dim=32,
        )
    ).save_pretrained(folder / "image_encoder")
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=32).save_pretrained(folder / "feature_extractor")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Stable Diffusion 1.x with epsilon prediction."""
    return write_tiny_checkpoint(tmp_path_factory.mktemp("tiny-epsilon"))


@pytest.fixture(scope="session")
def wordless_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny image-variation checkpoint in the published layout: an image encoder, and no text encoder."""
    folder = write_tiny_checkpoint(tmp_path_factory.mktemp("tiny-wordless"), seed=2, image_encoder=True)
    for part in ("tokenizer", "text_encoder"):
        shutil.rmtree(folder / part)
    processor = folder / "feature_extractor" / "preprocessor_config.json"
    config = json.loads(processor.read_text())
    processor.write_text(json.dumps(config | {"size": 32, "crop_size": 32, "feature_extractor_type": "CLIPFeatureExtractor"}))
    return folder


@pytest.fixture(scope="session")
def tiny_v_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Stable Diffusion like the Sketchbook: v-prediction, zero terminal SNR, an image encoder."""
    return write_tiny_checkpoint(tmp_path_factory.mktemp("tiny-v"), prediction="v_prediction", seed=1, image_encoder=True)


@pytest.fixture(scope="session")
def tiny_moving_folder(tiny_v_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a random motion adapter of its own."""
    import torch
    from diffusers import UNet2DConditionModel

    from sakuga.models.motion import make_motion_adapter, motion_modules

    folder = Path(shutil.copytree(tiny_v_folder, tmp_path_factory.mktemp("tiny-moving") / "tiny"))
    torch.manual_seed(0)
    adapter = make_motion_adapter(UNet2DConditionModel.from_pretrained(folder / "unet"))
    for module in motion_modules(adapter):
        torch.nn.init.normal_(module.proj_out.weight, std=0.3)
    adapter.save_pretrained(folder / "motion_adapter")
    return folder


@pytest.fixture(scope="session")
def tiny_xl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Stable Diffusion XL."""
    return write_tiny_xl(tmp_path_factory.mktemp("tiny-xl"))
